//go:build live

package csrf_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/csrf"
	"django-sidecar/internal/djangotest"
)

// A question is a cookie, and a token that is sent in a form or in a header.
type question struct {
	Cookie string `json:"cookie"`
	Token  string `json:"token"`
	Form   bool   `json:"form"`
}

// questions are pairs that belong together, and pairs that nearly do.
func questions(random *rand.Rand) []question {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	mask := func(secret string) string {
		salt := text(32)
		b := []byte(salt)
		for i := range secret {
			b = append(b, alphabet[(strings.IndexByte(alphabet, secret[i])+strings.IndexByte(alphabet, salt[i]))%len(alphabet)])
		}
		return string(b)
	}
	spoil := func(s string) string {
		switch random.IntN(5) {
		case 0:
			return s[1:]
		case 1:
			return s + "a"
		case 2:
			i := random.IntN(len(s))
			return s[:i] + string("-_a \u00e9Z9"[random.IntN(7)]) + s[i+1:]
		case 3:
			return ""
		}
		return text(len(s))
	}
	var list []question
	for range 1000 {
		secret := text(32)
		forms := []string{secret, mask(secret), mask(secret)}
		q := question{Cookie: forms[random.IntN(3)], Token: forms[random.IntN(3)], Form: random.IntN(2) == 0}
		switch random.IntN(4) {
		case 0:
			q.Token = spoil(q.Token)
		case 1:
			q.Cookie = spoil(q.Cookie)
		}
		list = append(list, q)
	}
	return list
}

// TestDjango compares Match with CsrfViewMiddleware.
func TestDjango(t *testing.T) {
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			list := questions(rand.New(rand.NewPCG(1, 2)))
			var answers []bool
			djangotest.AskScript(t, version, filepath.Join(djangotest.RepositoryPath(), "testdata/oracle/csrf.py"), list, &answers)
			passed := 0
			for i, q := range list {
				want := answers[i]
				if want {
					passed++
				}
				if got := csrf.Match(q.Cookie, q.Token); got != want {
					t.Errorf("%+v: %v, and Django says %v", q, got, want)
				}
			}
			if passed < len(list)/4 || passed > len(list)*3/4 {
				t.Errorf("%d of %d pass: too little has been tried", passed, len(list))
			}
		})
	}
}
