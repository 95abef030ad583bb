package sidecar

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
)

func testDeployment(t *testing.T, change func(*config.Config)) *Deployment {
	t.Helper()
	c, err := config.ForDemo("the tests' own secret key", "sqlite:///"+t.TempDir()+"/db.sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	d, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestCauses: verify says which package stands behind a reason that has other causes too.
func TestCauses(t *testing.T) {
	d := testDeployment(t, func(c *config.Config) {
		c.AuthenticationBackends = []string{"axes.backends.AxesStandaloneBackend"}
	})
	session := func(backend string, entries map[string]any) *djangosession.Session {
		entries["_auth_user_id"], entries["_auth_user_backend"] = "1", backend
		data, err := d.codec.Encode(entries, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.codec.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const listed = "axes.backends.AxesStandaloneBackend"
	for _, tt := range []struct {
		name string
		v    djangosession.Verdict
		want string // "" for nothing
	}{
		{"a listed backend", djangosession.Verdict{Reason: djangosession.UnknownBackend, Session: session(listed, map[string]any{})}, "listed and knows no users"},
		{"another backend", djangosession.Verdict{Reason: djangosession.UnknownBackend, Session: session("a.B", map[string]any{})}, ""},
		{"a timeout", djangosession.Verdict{Reason: djangosession.Expired, Session: session(listed, map[string]any{})}, "ends logins"},
		{"a session that is over", djangosession.Verdict{Reason: djangosession.Expired}, ""},
		{"impersonation", djangosession.Verdict{Reason: djangosession.Anonymous, Session: session(listed, map[string]any{"mask_user": "x"})}, "the entry mask_user"},
		{"nobody", djangosession.Verdict{Reason: djangosession.Anonymous, Session: session(listed, map[string]any{})}, ""},
	} {
		if got := d.cause(tt.v); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestMiddlewareWithoutDjangosOwn(t *testing.T) {
	const word = "does not list django.contrib.auth.middleware.AuthenticationMiddleware"
	for _, tt := range []struct {
		middleware []string
		warns      bool
	}{{nil, false}, {[]string{authenticationMiddleware}, false}, {[]string{}, true}, {[]string{"shop.Auth"}, true}} {
		d := testDeployment(t, func(c *config.Config) { c.Middleware = tt.middleware })
		if got := strings.Contains(strings.Join(d.Warnings(), "\n"), word); got != tt.warns {
			t.Errorf("%q: %q", tt.middleware, d.Warnings())
		}
	}
}
