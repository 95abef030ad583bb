package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/config"
	"django-sidecar/internal/setcookie"
)

// TestWrite: what is not named is not written.
func TestWrite(t *testing.T) {
	for text, want := range map[string]config.WriteSettings{
		"": {}, "none": {}, "touch": {Touch: true}, "update": {Update: true}, "logout,login": {Logout: true, Login: true}, `["touch", "login"]`: {Touch: true, Login: true},
	} {
		if c := mustLoad(t, with(env{"SIDECAR_WRITE": text})); c.Write != want || c.Write.Any() != (want != config.WriteSettings{}) {
			t.Errorf("%q: %+v", text, c.Write)
		}
	}
	if c := mustLoad(t, with(env{"WRITE": "login", "DJANGO_WRITE": "login"})); c.Write.Any() {
		t.Error("a shorter name opens a door")
	}
	wantFault(t, with(env{"SIDECAR_WRITE": "login,everything"}), "SIDECAR_WRITE", "touch, logout, login and update", "touch,logout")
}

// TestSessionCookie: the attributes, as the deployment's Django would write them.
func TestSessionCookie(t *testing.T) {
	want := config.SessionCookie{
		Attributes: setcookie.Attributes{Path: "/a", Domain: "example.com", Secure: true, SameSite: "Strict"}, AtBrowserClose: true,
	}
	c := mustLoad(t, with(env{
		"DJANGO_SESSION_COOKIE_PATH": "/a", "SESSION_COOKIE_DOMAIN": "example.com", "DJANGO_SESSION_COOKIE_SECURE": "1", "DJANGO_SESSION_COOKIE_HTTPONLY": "0",
		"DJANGO_SESSION_COOKIE_SAMESITE": "Strict", "DJANGO_SESSION_EXPIRE_AT_BROWSER_CLOSE": "true",
	}))
	if !cmp.Equal(c.SessionCookie, want) {
		t.Error(cmp.Diff(want, c.SessionCookie))
	}
}

// TestLoginObstacles: what cannot be imitated is refused, where logins are on and nowhere else.
func TestLoginObstacles(t *testing.T) {
	const model = "django.contrib.auth.backends.ModelBackend"
	for _, tt := range []struct {
		given      env
		name, says string // "": it is taken
	}{
		{env{}, "", ""},
		{env{"DJANGO_AUTHENTICATION_BACKENDS": "guardian.backends.ObjectPermissionBackend," + model}, "", ""},
		{env{"DJANGO_AUTHENTICATION_BACKENDS": "axes.backends.AxesStandaloneBackend," + model}, "DJANGO_AUTHENTICATION_BACKENDS", "AxesStandaloneBackend"},
		{env{"DJANGO_AUTHENTICATION_BACKENDS": "django_auth_ldap.backend.LDAPBackend," + model}, "DJANGO_AUTHENTICATION_BACKENDS", "LDAPBackend"},
		{env{"DJANGO_AUTHENTICATION_BACKENDS": model + ",shop.Backend"}, "DJANGO_AUTHENTICATION_BACKENDS", "shop.Backend"},
		{env{"DJANGO_AUTHENTICATION_BACKENDS": "django.contrib.auth.backends.RemoteUserBackend"}, "DJANGO_AUTHENTICATION_BACKENDS", "no ModelBackend"},
		{env{"DJANGO_BACKEND_RULES": `{"` + model + `": "any"}`}, "DJANGO_AUTHENTICATION_BACKENDS", "ModelBackend"},
		{env{"DJANGO_MIDDLEWARE": "django_otp.middleware.OTPMiddleware"}, "DJANGO_MIDDLEWARE", "cannot do the same: take login out of SIDECAR_WRITE"},
		{env{"DJANGO_CSRF_USE_SESSIONS": "true"}, "DJANGO_CSRF_USE_SESSIONS", "CSRF tokens from sessions"},
		{env{"DJANGO_AUTH_HASH_COLUMNS": "password,email"}, "DJANGO_AUTH_HASH_ALGORITHM", "sha1 or sha256"},
		{env{"DJANGO_AUTH_HASH_COLUMNS": "password,email", "DJANGO_AUTH_HASH_ALGORITHM": "sha256"}, "", ""},
		{env{"DJANGO_AUTH_USER_USERNAME_COLUMN": "-"}, "DJANGO_AUTH_USER_USERNAME_COLUMN", "USERNAME_FIELD"},
		{env{"DJANGO_AUTH_USER_TABLE": "django_sidecar_users"}, "DJANGO_AUTH_USER_TABLE", "view"},
		{env{"DJANGO_SESSION_SERIALIZER": "django.contrib.sessions.serializers.PickleSerializer", "DJANGO_VERSION": "4.2"}, "DJANGO_SESSION_SERIALIZER", "pickles"},
		{env{"SIDECAR_INSECURE_SKIP_USER_CHECK": "true"}, "SIDECAR_INSECURE_SKIP_USER_CHECK", "turn it off"},
	} {
		mustLoad(t, with(tt.given))
		tt.given["SIDECAR_WRITE"] = "update" // which asks for no password, and writes no pickles either
		if _, err := config.From(with(tt.given)); (err == nil) == (tt.name == "DJANGO_SESSION_SERIALIZER") {
			t.Errorf("%v: %v", tt.given, err)
		}
		tt.given["SIDECAR_WRITE"] = "login"
		_, err := config.From(with(tt.given))
		if tt.name == "" && err != nil || tt.name != "" && (err == nil || !strings.Contains(err.Error(), tt.name) || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%v: %v", tt.given, err)
		}
	}
}
