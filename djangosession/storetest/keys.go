package storetest

import (
	"strings"
	"testing"
)

// hostileKeys are keys that a client may send, and that none of the sessions has; key is a live one.
func hostileKeys(key string) map[string]string {
	return map[string]string{
		"another key":             newKey(),
		"a key cut short":         key[:len(key)-1],
		"a key's beginning":       key[:8],
		"a key and more":          key + "0",
		"a key twice":             key + key,
		"a key between blanks":    " " + key + " ",
		"a key with a newline":    key + "\n",
		"a key with line ends":    key[:4] + "\r\n" + key[4:],
		"a key and a command":     key + "\r\nget " + key + "\r\n",
		"a key with a colon":      ":" + key,
		"a key with a query":      key + "?x=1",
		"a key in quotes":         "'" + key + "'",
		"a key in double quotes":  `"` + key + `"`,
		"a key below a path":      "./" + key,
		"a key above a path":      "../" + key,
		"a key with an end":       key + "%00",
		"a key in braces":         "{" + key + "}",
		"a path":                  "../../../../../../../../etc/passwd",
		"a path's encoding":       "..%2f..%2f..%2fetc%2fpasswd",
		"another system's path":   `..\..\..\windows\system.ini`,
		"SQL":                     key[:8] + "' OR '1'='1",
		"SQL's wildcards":         "%%%%%%%%",
		"a pattern":               "*********",
		"a comment":               key + "'--",
		"parameters":              "$1 $2 ?1 ?2 %s :key",
		"blanks":                  strings.Repeat(" ", 32),
		"a tab":                   key + "\t",
		"control characters":      "\x01\x02\x03\x1b[2J\x7f" + key,
		"no ASCII":                "ключсессии",
		"emoji":                   strings.Repeat("😀", 32),
		"a byte order mark":       "\ufeff" + key,
		"the last character":      strings.Repeat("\U0010ffff", 8),
		"a long key":              strings.Repeat("k", 10_000),
		"a long key of two bytes": strings.Repeat("é", 5_000),
		"colons":                  "::::::::",
		"a signed value":          "e30:1wbGhM:c2lnbmF0dXJl",
		"a compressed value":      ".eJxTVjBU:1wbGhM:c2lnbmF0dXJl",
	}
}

func testHostileKeys(t *testing.T, h Harness) {
	key := h.login(t, "1")
	h.login(t, "2")
	for name, hostile := range hostileKeys(key) {
		got := outcome(h.Store.Load(t.Context(), hostile))
		if !answer(got) && (!h.FoldsCase || got != "user 1") {
			t.Errorf("%s: got %.300q, want an answer", name, got)
		}
	}
	h.expect(t, "the live session after all of them", key, "user 1")
}

// testSpellings: databases may take other characters for those of a key, and pass over some. Then they find its
// session, as Django does; they must not find another one.
func testSpellings(t *testing.T, h Harness) {
	key := h.login(t, "1")
	h.login(t, "2")
	for name, spelling := range map[string]string{
		"upper case":     strings.ToUpper(key),
		"capitals":       strings.ToUpper(key[:1]) + strings.ToUpper(key[1:2]) + key[2:],
		"accents":        strings.NewReplacer("e", "é", "a", "à", "o", "ö", "n", "ñ").Replace(key),
		"a blank behind": key + " ",
		"wide digits":    strings.NewReplacer("1", "１", "2", "２", "3", "３").Replace(key),
	} {
		if spelling == key {
			continue
		}
		got := outcome(h.Store.Load(t.Context(), spelling))
		if !answer(got) && (!h.FoldsCase || got != "user 1") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
