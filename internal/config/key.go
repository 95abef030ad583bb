package config

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// These are the bounds of Django's own check of keys (django/core/checks/security/base.py, 5.2, _check_secret_key:
// W009, W025).
const (
	insecurePrefix = "django-insecure-"
	shortKey       = 50
	fewCharacters  = 5
)

// warnOfKey warns of a key that strangers may guess, and of one that has probably been changed on its way into the
// environment. what names the setting. No warning holds a part of the key.
func (r *reader) warnOfKey(what, key string) {
	if why := weaknesses(key); why != "" {
		r.warn("%s %s: it can be guessed (Django's check security.W009)", what, why)
	}
	for _, odd := range oddities {
		if odd.has(key) {
			r.warn("%s %s", what, odd.means)
			return // the first explains the others
		}
	}
}

// weaknesses are what Django's check finds in a key, "" for nothing.
func weaknesses(key string) string {
	different := map[rune]bool{}
	for _, c := range key {
		different[c] = true
	}
	var why []string
	if strings.HasPrefix(key, insecurePrefix) {
		why = append(why, "begins with "+insecurePrefix+", as a key that startproject made for development does")
	}
	if utf8.RuneCountInString(key) < shortKey {
		why = append(why, fmt.Sprintf("has fewer than %d characters", shortKey))
	}
	if len(different) < fewCharacters {
		why = append(why, fmt.Sprintf("has fewer than %d different characters", fewCharacters))
	}
	return strings.Join(why, " and ")
}

// oddities are the traces that tools leave in a key, and what each means.
var oddities = []struct {
	has   func(key string) bool
	means string
}{
	{
		func(key string) bool { return strings.HasSuffix(key, "\n") || strings.HasSuffix(key, "\r") },
		"ends in a line break, which counts as part of the key: write it without one (printf '%s', not echo), " +
			"unless Django's SECRET_KEY has it too",
	},
	{
		func(key string) bool { return strings.HasSuffix(key, `\n`) },
		`ends in \n, a backslash and a letter, which count as part of the key: write it without them, unless Django's SECRET_KEY has them too`,
	},
	{
		func(key string) bool {
			return len(key) > 1 && strings.ContainsRune(`"'`, rune(key[0])) && key[0] == key[len(key)-1]
		},
		"is in quotes, which count as part of the key: docker run --env-file and Kubernetes keep them. Take them " +
			"away, unless Django's SECRET_KEY has them too",
	},
	{
		func(key string) bool { return strings.HasPrefix(key, "$$") || strings.HasPrefix(key, `\$`) },
		`begins with $$ or \$, which count as part of the key: where nothing replaces variables, write $ once and without a backslash`,
	},
	{
		func(key string) bool { return strings.HasPrefix(key, "$") },
		"begins with $: Compose and django-environ take such a text for the name of a variable. Compare it with " +
			"Django's SECRET_KEY",
	},
	{
		func(key string) bool { return strings.TrimSpace(key) != key },
		"begins or ends with white space, which counts as part of the key",
	},
}

// KeyVariant is a key as it may have been before a tool changed it.
type KeyVariant struct {
	Means string // what would have to be done to the setting, in words; it holds no part of the key
	Key   Secret
}

// VariantsOf returns what key may have been before it came here, each different from it, and the likeliest first.
func VariantsOf(key Secret) []KeyVariant {
	text := key.Reveal()
	var variants []KeyVariant
	seen := map[string]bool{text: true, "": true}
	for _, v := range []struct{ means, text string }{
		{"without the quotes around it", unquoted(text)},
		{"without the white space around it", strings.TrimSpace(text)},
		{"without the quotes and the white space around it", strings.TrimSpace(unquoted(strings.TrimSpace(text)))},
		{"with $ for each $$", strings.ReplaceAll(text, "$$", "$")},
		{`with $ for each \$`, strings.ReplaceAll(text, `\$`, "$")},
		{"with $$ for each $", strings.ReplaceAll(text, "$", "$$")},
		{"with a line break at its end", text + "\n"},
		{`without the \n at its end`, strings.TrimSuffix(text, `\n`)},
		{"with its backslash escapes undone", unescaped(text)},
		{"without the quotes, and with its backslash escapes undone", unescaped(unquoted(text))},
		{"with two backslashes for each one", strings.ReplaceAll(text, `\`, `\\`)},
		{"without the quotes, and with $ for each $$", strings.ReplaceAll(unquoted(text), "$$", "$")},
		{"in double quotes", `"` + text + `"`},
		{"in single quotes", "'" + text + "'"},
		{"as the text that it is the base64 of", decoded(text)},
	} {
		if !seen[v.text] {
			seen[v.text] = true
			variants = append(variants, KeyVariant{v.means, NewSecret(v.text)})
		}
	}
	return variants
}

// unquoted is text without one pair of quotes around it.
func unquoted(text string) string {
	if len(text) > 1 && strings.ContainsRune("\"'`", rune(text[0])) && text[0] == text[len(text)-1] {
		return text[1 : len(text)-1]
	}
	return text
}

// unescaped is text as a shell's or Python's quotes would have read it.
func unescaped(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case 'r':
			out.WriteByte('\r')
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// decoded is the text whose base64 is text, as Kubernetes has secrets; "" where there is none.
func decoded(text string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || !utf8.Valid(raw) {
		return ""
	}
	return string(raw)
}
