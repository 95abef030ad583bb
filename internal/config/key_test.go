package config_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

func TestWarningsOfKeys(t *testing.T) {
	const strong = goodKey
	for _, tt := range []struct{ name, key, warning string }{
		{"49 characters", strong[:49], "has fewer than 50 characters"},
		{"49 characters of two bytes each", strings.Repeat("äöüßé", 9) + "äöüß", "has fewer than 50 characters"},
		{"four different characters", strings.Repeat("abcd", 20), "has fewer than 5 different characters"},
		{"made by startproject", "django-insecure-" + strong, "begins with django-insecure-"},
		{"in double quotes", `"` + strong + `"`, "is in quotes"},
		{"in single quotes", `'` + strong + `'`, "is in quotes"},
		{"two dollars", "$$" + strong, "begins with $$"},
		{"a dollar after a backslash", `\$` + strong, "begins with $$"},
		{"a dollar", "$" + strong, "begins with $:"},
		{"a line break", strong + "\n", "ends in a line break"},
		{"a line break of Windows", strong + "\r\n", "ends in a line break"},
		{"a line break in letters", strong + `\n`, `ends in \n`},
		{"a space", strong + " ", "begins or ends with white space"},
		{"a tab before", "\t" + strong, "begins or ends with white space"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, with(env{"DJANGO_SECRET_KEY": tt.key}))
			wantWarning(t, c, "DJANGO_SECRET_KEY "+tt.warning)
			if strings.Contains(c.Warnings[0], strong[:6]) {
				t.Errorf("the warning shows the key: %s", c.Warnings[0])
			}
			if c.SecretKey.Reveal() != tt.key {
				t.Error("the key was changed")
			}
			c = mustLoad(t, with(env{"DJANGO_SECRET_KEY_FALLBACKS": `[` + quoteJSON(t, strong) + `,` + quoteJSON(t, tt.key) + `]`}))
			wantWarning(t, c, "DJANGO_SECRET_KEY_FALLBACKS, item 2, "+tt.warning)
		})
	}
	for _, key := range []string{strong, strong[:50], strings.Repeat("abcde", 10), "x$$" + strong, `x"` + strong + `"`, strings.Repeat("äöüßé", 10)} {
		if c := mustLoad(t, with(env{"DJANGO_SECRET_KEY": key})); len(c.Warnings) > 0 {
			t.Errorf("%s: got %q", key, c.Warnings)
		}
	}
	c := mustLoad(t, env{"DATABASE_URL": goodURL, "DJANGO_SECRET_KEY_FILE": write(t, strong+"\n\n")})
	wantWarning(t, c, "ends in a line break")
}

// TestVariantsUndoWhatToolsDo has what arrives, and what Django has.
func TestVariantsUndoWhatToolsDo(t *testing.T) {
	for _, tt := range []struct{ arrived, django, means string }{
		{`"a$b"`, `a$b`, "without the quotes around it"},
		{`'ab'`, `ab`, "without the quotes around it"},
		{"ab\n", "ab", "without the white space around it"},
		{"ab", "ab\n", "with a line break at its end"},
		{`"ab"` + "\r\n", "ab", "without the quotes and the white space around it"},
		{"a$$b", "a$b", "with $ for each $$"},
		{`\$ab`, "$ab", `with $ for each \$`},
		{"a$b", "a$$b", "with $$ for each $"},
		{`ab\n`, "ab", `without the \n at its end`},
		{`a\"b`, `a"b`, "with its backslash escapes undone"},
		{`"a\\b"`, `a\b`, "without the quotes, and with its backslash escapes undone"},
		{`a\b`, `a\\b`, "with two backslashes for each one"},
		{"c2VjcmV0", "secret", "as the text that it is the base64 of"},
		{"ab", `"ab"`, "in double quotes"},
	} {
		found := ""
		for _, v := range config.VariantsOf(config.NewSecret(tt.arrived)) {
			if v.Key.Reveal() == tt.arrived {
				t.Errorf("%q is a variant of itself: %s", tt.arrived, v.Means)
			}
			if v.Key.Reveal() == tt.django && found == "" {
				found = v.Means
			}
		}
		if found != tt.means {
			t.Errorf("%q from %q: got %q, want %q", tt.django, tt.arrived, found, tt.means)
		}
	}
}
