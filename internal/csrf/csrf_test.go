package csrf_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/csrf"
)

// The secret and the masked token are those of a Django 6.1: _mask_cipher_secret with the mask "b" * 32.
const (
	secret = "abcdefghijklmnopqrstuvwxyzABCDEF"
	masked = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbcdefghijklmnopqrstuvwxyzABCDEFG"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, cookie, token string
		want                bool
	}{
		{"both plain", secret, secret, true},
		{"a masked token", secret, masked, true},
		{"a masked cookie", masked, secret, true},
		{"both masked", masked, masked, true},
		{"another token", secret, strings.Repeat("a", 32), false},
		{"a token in other letters", secret, strings.ToLower(secret), false},
		{"no token", secret, "", false},
		{"no cookie", "", secret, false},
		{"neither", "", "", false},
		{"too short", secret[:31], secret[:31], false},
		{"too long", secret + "a", secret + "a", false},
		{"another character", "-" + secret[1:], "-" + secret[1:], false},
		{"a line break at the end", secret[:31] + "\n", secret[:31] + "\n", false},
	} {
		if got := csrf.Match(tt.cookie, tt.token); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(secret, masked)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, cookie, token string) {
		if csrf.Match(cookie, token) != csrf.Match(token, cookie) {
			t.Error("which of them is the cookie makes a difference")
		}
		if csrf.Match(cookie, token) && (len(cookie)%32 != 0 || cookie == "") {
			t.Errorf("%q is taken", cookie)
		}
	})
}
