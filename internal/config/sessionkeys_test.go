package config_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

const sessionKeys = "DJANGO_SESSION_KEYS"

// The hexadecimal digits of keys; no message may have a part of them.
var (
	digits64 = strings.Repeat("c0ffee07", 8)
	digits40 = strings.Repeat("c0ffee07", 5)
)

func derivedEnv(text string) env { return env{sessionKeys: text, "DATABASE_URL": goodURL} }

func TestSessionKeys(t *testing.T) {
	text := fmt.Sprintf(` [{"sha256:a:b": "%s", "sha1:a:b": "%s"}, {"sha256:a\u00fc": "%s"}, {}] `, digits64, strings.ToUpper(digits40), digits64)
	file := write(t, text+"\n")
	for name, e := range map[string]env{
		"in the environment": derivedEnv(text),
		"without the prefix": {"SESSION_KEYS": text, "DATABASE_URL": goodURL},
		"in a file":          {"DJANGO_SESSION_KEYS_FILE": file, "DATABASE_URL": goodURL},
	} {
		c := mustLoad(t, e)
		primary, fallbacks := c.Keys()
		if len(fallbacks) != 2 || c.Fallbacks() != 2 || c.SecretKey.Reveal() != "" || len(c.Warnings) > 0 {
			t.Fatalf("%s: %d fallbacks, warnings %q", name, len(fallbacks), c.Warnings)
		}
		for _, tt := range []struct {
			keys      signing.Keys
			algorithm signing.Algorithm
			salt      string
			want      string
		}{
			{primary, signing.SHA256, "a:b", digits64},
			{primary, signing.SHA1, "a:b", digits40},
			{fallbacks[0], signing.SHA256, "aü", digits64},
			{primary, signing.SHA256, "aü", ""},
			{fallbacks[0], signing.SHA1, "aü", ""},
			{fallbacks[1], signing.SHA256, "a:b", ""},
		} {
			key, err := tt.keys.Key(tt.algorithm, tt.salt)
			if hex.EncodeToString(key) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%s: %s:%s is %x, %v, want %s", name, tt.algorithm, tt.salt, key, err, tt.want)
			}
		}
		for how, printed := range renderings(t, c) {
			if strings.Contains(strings.ToLower(printed), "c0ffee07") || strings.Contains(printed, "192 255 238") {
				t.Errorf("%s: %s prints keys: %s", name, how, printed)
			}
		}
	}
}

// TestOldDjangoHasNoFallbacks: nor has it derived ones.
func TestOldDjangoHasNoFallbacks(t *testing.T) {
	e := derivedEnv(`[{"sha1:a": "` + digits40 + `"}, {}]`)
	e["DJANGO_VERSION"] = "3.2"
	wantWarning(t, mustLoad(t, e), "DJANGO_SESSION_KEYS: all items but the first are ignored, as Django 3.2 does")
	e["DJANGO_VERSION"] = "4.1"
	if c := mustLoad(t, e); len(c.Warnings) > 0 {
		t.Errorf("Django 4.1: %q", c.Warnings)
	}
}

func TestSessionKeysFaults(t *testing.T) {
	key := `"sha256:a": "` + digits64 + `"`
	many := strings.TrimSuffix(strings.Repeat("{}, ", 65), ", ")
	var keys []string
	for i := range 65 {
		keys = append(keys, fmt.Sprintf(`"sha256:%d": "%s"`, i, digits64))
	}
	for text, problem := range map[string]string{
		digits64:                           "is not a JSON list of objects",
		"{" + key + "}":                    "is not a JSON list of objects",
		`"` + digits64 + `"`:               "is not a JSON list of objects",
		"[]":                               "is an empty list: it must have an object for SECRET_KEY",
		`["` + digits64 + `"]`:             "has a wrong item 1: it is not a JSON object",
		`[{` + key + `}, null]`:            "has a wrong item 2: it is not a JSON object",
		`[{` + key + `}`:                   "the list does not end",
		`[{` + key + `]`:                   "has a wrong item 1: it is not JSON",
		`[{` + key + `}] ["` + digits64:    "has something behind its list",
		`[{` + key + `, "sha256:b": 1}]`:   "has a wrong item 1: its key 2 is not a JSON text with a name",
		`[{"sha256:a": ` + digits64 + `}]`: "its key 1 is not a JSON text with a name",
		`[{` + key + `, ` + key + `}]`:     "has a wrong item 1: its key 2 has the name of an earlier one",
		`[{` + key + `, "sha256:\u0061": "` + digits64 + `"}]`: "its key 2 has the name of an earlier one",
		`[{}, {"` + digits64 + `": "sha256:a"}]`:               "has a wrong item 2: its key 1 has a name that does not begin with \"sha256:\" or \"sha1:\"",
		`[{"md5:a": "` + digits64[:32] + `"}]`:                 "its key 1 has a name that does not begin with",
		`[{"SHA256:a": "` + digits64 + `"}]`:                   "its key 1 has a name that does not begin with",
		`[{"sha256": "` + digits64 + `"}]`:                     "its key 1 has a name without a salt",
		`[{"sha256:a": "` + digits40 + `"}]`:                   "its key 1 is not 64 hexadecimal digits",
		`[{"sha1:a": "` + digits64 + `"}]`:                     "its key 1 is not 40 hexadecimal digits",
		`[{"sha256:a": ""}]`:                                   "its key 1 is not 64 hexadecimal digits",
		`[{"sha256:a": "` + digits64[1:] + `"}]`:               "its key 1 is not 64 hexadecimal digits",
		`[{"sha256:a": "` + digits64[1:] + `x"}]`:              "its key 1 is not 64 hexadecimal digits",
		`[{"sha256:a": " ` + digits64[2:] + ` "}]`:             "its key 1 is not 64 hexadecimal digits",
		"[" + many + "]":                                       "has more than 64 items",
		"[{" + strings.Join(keys, ", ") + "}]":                 "it has more than 64 keys",
		"[{" + key + "}, " + strings.Repeat("[", 20000):        "has a wrong item 2",
	} {
		wantFault(t, derivedEnv(text), sessionKeys, problem, "DJANGO_SESSION_KEYS_FILE=/run/secrets/django-session-keys")
		wantFault(t, env{"DJANGO_SESSION_KEYS_FILE": write(t, text), "DATABASE_URL": goodURL}, "DJANGO_SESSION_KEYS_FILE", problem, "/run/secrets/django-session-keys")
		if _, err := load(t, derivedEnv(text)); strings.Contains(err.Error(), "c0ffee") || strings.Contains(err.Error(), "07") {
			t.Errorf("the fault has a part of a key: %v", err)
		}
	}
}

// TestSecretOrDerivedKeys: both at once are a fault that says which of them goes.
func TestSecretOrDerivedKeys(t *testing.T) {
	good := `[{"sha256:a": "` + digits64 + `"}]`
	file := write(t, goodKey)
	for variable, text := range map[string]string{
		"DJANGO_SECRET_KEY": goodKey, "SECRET_KEY": goodKey, "DJANGO_SECRET_KEY_FILE": file,
		"DJANGO_SECRET_KEY_FALLBACKS": "old", "SECRET_KEY_FALLBACKS_FILE": file,
	} {
		e := derivedEnv(good)
		e[variable] = text
		wantFault(t, e, sessionKeys, "is set, and so is "+variable+": take "+variable+" away", "")
	}
	wantFault(t, env{"DATABASE_URL": goodURL}, "DJANGO_SECRET_KEY", "or DJANGO_SESSION_KEYS in its place", "")
	wantFault(t, env{"DATABASE_URL": goodURL, sessionKeys: good, "DJANGO_SESSION_KEYS_FILE": file}, sessionKeys, "keep one of them", "")

	// Whoever writes SQL needs no keys, and none that are right.
	load(t, derivedEnv("nonsense")) //nolint:errcheck // it sets the environment
	if _, err := config.ForSQL(); err != nil {
		t.Error(err)
	}
}

// TestSessionKeysAreReadAgain when their file changes.
func TestSessionKeysAreReadAgain(t *testing.T) {
	list := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"sha256:a": "`+digits64+`"}, `, n), ", ") + "]"
	}
	path := write(t, list(1))
	c := mustLoad(t, env{"DJANGO_SESSION_KEYS_FILE": path, "DATABASE_URL": goodURL})
	watch(t, c, func(t *testing.T, step func() heard) {
		overwrite(t, path, list(2))
		if h := step(); len(h.configs) != 1 || h.configs[0].Fallbacks() != 1 {
			t.Errorf("after a change: %v", h)
		}
		overwrite(t, path, list(2)[1:])
		if h := step(); len(h.errs) != 1 || !strings.Contains(h.errs[0].Error(), "DJANGO_SESSION_KEYS_FILE is not a JSON list") {
			t.Errorf("after a wrong change: %v", h)
		}
	})
}
