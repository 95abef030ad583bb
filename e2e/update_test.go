//go:build live

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// TestUpdateAlone: in a project whose logins cannot be imitated, a service with SIDECAR_WRITE=update changes sessions and
// begins them, with the rights that the printed role has then, and does nothing else that writes.
func TestUpdateAlone(t *testing.T) {
	for _, tt := range []struct {
		engine
		on func(*testing.T) serverDatabase
	}{
		{engine{"5.2", "db", ""}, loginOnPostgres},
		{engine{"4.2", "db", ""}, loginOnMariaDB},
		{engine{"5.2", "cache", "DatabaseCache"}, loginOnPostgres},
		{engine{"6.1", "cached_db", "DatabaseCache"}, loginOnPostgres},
		{engine{"4.2", "cached_db", "DatabaseCache"}, loginOnMariaDB},
	} {
		t.Run(tt.String(), func(t *testing.T) {
			tt.set(t)
			s := newWritingSiteOn(t, tt.version, tt.on(t), map[string]string{
				"SIDECAR_WRITE":                  "update",
				"DJANGO_AUTHENTICATION_BACKENDS": "axes.backends.AxesStandaloneBackend,django.contrib.auth.backends.ModelBackend",
				"DJANGO_MIDDLEWARE":              "axes.middleware.AxesMiddleware",
			})
			if said := wantCheck(t, exitYes); !strings.Contains(said, "ok    writing") {
				t.Errorf("check:\n%s", said)
			}
			s.testUpdateAlone(t)
		})
	}
}

func (s *writingSite) testUpdateAlone(t *testing.T) {
	t.Helper()
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	fill := func(session *djangosession.Session) error { return session.Set("cart", []string{"tea"}) }
	old, fresh := httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRequest(http.MethodPost, "/", nil)
	old.AddCookie(&http.Cookie{Name: "sessionid", Value: s.keys["default"]})
	keys := make([]string, 0, 2)
	for _, r := range []*http.Request{old, fresh} {
		w := httptest.NewRecorder()
		if err := site.Update(w, r, fill); err != nil || len(w.Result().Cookies()) != 1 {
			t.Fatalf("Update: %v, %v", err, w.Header())
		}
		keys = append(keys, w.Result().Cookies()[0].Value)
	}
	if keys[0] != s.keys["default"] {
		t.Errorf("a session has another key after Update")
	}
	for name, err := range map[string]error{
		"Login":  site.Login(httptest.NewRecorder(), old, djangosession.User{ID: "1"}),
		"Logout": site.Logout(httptest.NewRecorder(), old),
	} {
		if err == nil || !strings.Contains(err.Error(), "SIDECAR_WRITE") {
			t.Errorf("%s with SIDECAR_WRITE=update: %v", name, err)
		}
	}
	said := s.site.Python(fmt.Sprintf(`
import django
django.setup()
from importlib import import_module
from django.conf import settings
Store = import_module(settings.SESSION_ENGINE).SessionStore
print([(Store(key).get("cart"), Store(key).get("_auth_user_id") is not None) for key in %q.split()])
`, strings.Join(keys, " ")), t.TempDir())
	if want := "[(['tea'], True), (['tea'], False)]"; strings.TrimSpace(said) != want {
		t.Errorf("Django reads %s, not %s", said, want)
	}
}
