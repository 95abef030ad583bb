package csrf_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/internal/csrf"
)

// TestTokens: a token is that of its cookie, whichever of them is masked, and no two are alike.
func TestTokens(t *testing.T) {
	t.Parallel()
	one, other := csrf.NewSecret(), csrf.NewSecret()
	if one == other || len(one) != 32 {
		t.Fatalf("two secrets: %q, %q", one, other)
	}
	token, again := csrf.Mask(one), csrf.Mask(one)
	if token == again || len(token) != 64 || strings.Contains(token, one) {
		t.Errorf("masked twice: %q, %q", token, again)
	}
	if !csrf.Match(one, token) || !csrf.Match(again, token) || csrf.Match(other, token) {
		t.Error("a token is not its cookie's")
	}
	if got, ok := csrf.Secret(token); !ok || got != one {
		t.Errorf("the secret of a token: %q", got)
	}
	for _, tt := range []struct {
		cookie, field string
		header        []string
		want          error
	}{
		{"", token, nil, csrf.ErrNoCookie},
		{one[1:], token, nil, csrf.ErrBadCookie},
		{one, "", nil, csrf.ErrTokenMissing},
		{one, other, []string{token}, csrf.ErrTokenNotOfTheSite},
		{one, "", []string{token, token}, csrf.ErrTokenNotOfTheSite},
		{one, "", []string{token}, nil},
		{again, one, nil, nil},
	} {
		if got := csrf.CheckToken(tt.cookie, tt.field, tt.header); !errors.Is(got, tt.want) {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
