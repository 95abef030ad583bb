package djangosession_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// The states of is_active.
var flags = map[string]djangosession.Flag{
	"true": djangosession.True, "false": djangosession.False, "NULL": djangosession.NullFlag, "no column": djangosession.AbsentFlag,
	"no flag at all": djangosession.Flag(99),
}

func TestUsersOfBackends(t *testing.T) {
	const own = "shop.auth.Backend"
	listing := func(path string, changes ...func(*djangosession.VerifierConfig)) func(*djangosession.VerifierConfig) {
		return func(c *djangosession.VerifierConfig) {
			c.AuthenticationBackends = []string{path}
			for _, change := range changes {
				change(c)
			}
		}
	}
	rule := func(r djangosession.BackendRule) func(*djangosession.VerifierConfig) {
		return func(c *djangosession.VerifierConfig) { c.BackendRules = map[string]djangosession.BackendRule{own: r} }
	}
	requireActive := func(c *djangosession.VerifierConfig) { c.RequireActive = true }
	remoteUsers := func(c *djangosession.VerifierConfig) {
		c.Middleware = []string{"django.contrib.auth.middleware.RemoteUserMiddleware"}
	}
	for _, tt := range []struct {
		name, path, yes string // of the flags whose user is let in, in Django 5.2
		change          []func(*djangosession.VerifierConfig)
	}{
		{name: "Django's", path: backend, yes: "true, no column"},
		{name: "for all", path: allowAll, yes: "true, false, NULL, no column, no flag at all"},
		{name: "for nobody", path: "django.contrib.auth.backends.BaseBackend"},
		{name: "without get_user", path: "guardian.backends.ObjectPermissionBackend"},
		{name: "a package's that does not ask", path: "mozilla_django_oidc.auth.OIDCAuthenticationBackend", yes: "true, false, NULL, no column, no flag at all"},
		{name: "a package's that takes NULL", path: "djangosaml2.backends.Saml2Backend", yes: "true, NULL, no column"},
		{name: "a package's that filters", path: "social_core.backends.google.GoogleOAuth2", yes: "true"},
		{name: "unknown", path: own, yes: "true, no column"},
		{name: "unknown, beside a prefix", path: "social_core_backends.google.GoogleOAuth2", yes: "true, no column"},
		{name: "ruled", path: own, yes: "true, NULL, no column", change: []func(*djangosession.VerifierConfig){rule(djangosession.BackendRule{Users: djangosession.ActiveOrNullUsers})}},
		{name: "ruled by the zero rule", path: own, change: []func(*djangosession.VerifierConfig){rule(djangosession.BackendRule{})}},
		{name: "ruled by none that there is", path: own, change: []func(*djangosession.VerifierConfig){rule(djangosession.BackendRule{Users: 99})}},
		{name: "for all, and active ones wanted", path: allowAll, yes: "true, no column", change: []func(*djangosession.VerifierConfig){requireActive}},
		{name: "NULL, and active ones wanted", path: "djangosaml2.backends.Saml2Backend", yes: "true, no column", change: []func(*djangosession.VerifierConfig){requireActive}},
		{name: "remote users", path: "django.contrib.auth.backends.RemoteUserBackend", yes: "true, no column"},
		{name: "remote users who are logged out", path: "django.contrib.auth.backends.RemoteUserBackend", change: []func(*djangosession.VerifierConfig){remoteUsers}},
		{name: "all remote users", path: "django.contrib.auth.backends.AllowAllUsersRemoteUserBackend", change: []func(*djangosession.VerifierConfig){remoteUsers}},
		{name: "unknown, where remote users are logged out", path: own, change: []func(*djangosession.VerifierConfig){remoteUsers}},
		{name: "ruled, where remote users are logged out", path: own, yes: "true, no column", change: []func(*djangosession.VerifierConfig){remoteUsers, rule(djangosession.BackendRule{Users: djangosession.ActiveUsers})}},
		{name: "others, where remote users are logged out", path: backend, yes: "true, no column", change: []func(*djangosession.VerifierConfig){remoteUsers}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, flag := range flags {
				store := holding(t, login(t, map[string]any{"_auth_user_backend": tt.path}))
				got, err := newVerifier(t, "5.2", store, ada(flag), listing(tt.path, tt.change...)).Verify(t.Context(), key)
				want := strings.Contains(", "+tt.yes+",", ", "+name+",")
				if err != nil || (got.User != nil) != want {
					t.Errorf("is_active is %s: user %v, reason %q, %v, want a user: %v", name, got.User, got.Reason, err, want)
				}
				if got.User == nil && got.Reason != djangosession.UserInactive && got.Reason != djangosession.UnknownBackend {
					t.Errorf("is_active is %s: reason %q", name, got.Reason)
				}
			}
		})
	}
}

func TestPermissionsOfBackends(t *testing.T) {
	rules := map[string]djangosession.BackendRule{
		"shop.auth.Plain":    {Users: djangosession.ActiveUsers},
		"shop.auth.Granting": {Users: djangosession.ActiveUsers, Permissions: true},
	}
	for _, tt := range []struct {
		backends string
		word     string // of the error; "" for none
	}{
		{backend, ""},
		{allowAll, ""},
		{"axes.backends.AxesStandaloneBackend guardian.backends.ObjectPermissionBackend " + backend, ""},
		{"mozilla_django_oidc.auth.OIDCAuthenticationBackend", ""},
		{"social_core.backends.google.GoogleOAuth2", "no backend"},
		{"django_auth_ldap.backend.LDAPBackend rules.permissions.ObjectPermissionBackend", "no backend"},
		{"django.contrib.auth.backends.BaseBackend", "no backend"},
		{"shop.auth.Unknown", "shop.auth.Unknown"},
		{"shop.auth.Unknown " + backend, "shop.auth.Unknown"}, // it may raise PermissionDenied
		{backend + " shop.auth.Unknown", ""},
		{"shop.auth.Plain", "no backend"},
		{"shop.auth.Plain " + backend, ""},
		{"shop.auth.Granting", ""},
		{"shop.auth.Granting shop.auth.Unknown", ""},
	} {
		v := newVerifier(t, "5.2", holding(t, login(t, nil)), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
			c.AuthenticationBackends, c.BackendRules = strings.Fields(tt.backends), rules
		})
		for _, v := range []*djangosession.Verifier{v, v.With(holding(t, "{}"), ada(djangosession.True))} {
			if err := v.Permissions(); (err == nil) != (tt.word == "") || err != nil && !strings.Contains(err.Error(), tt.word) {
				t.Errorf("%s: %v, want an error with %q", tt.backends, err, tt.word)
			}
		}
	}
}

func TestImpersonatedSessions(t *testing.T) {
	const (
		impersonate = "impersonate.middleware.ImpersonateMiddleware"
		runAs       = "runas.middleware.RunAsMiddleware"
		auth        = "django.contrib.auth.middleware.AuthenticationMiddleware"
	)
	for _, tt := range []struct {
		name       string
		entry      string
		middleware []string
		user       bool
	}{
		{"no entry, and nothing known", "other", nil, true},
		{"nothing known", "_impersonate", nil, false},
		{"nothing known, another package", "_runas_id", nil, false},
		{"nothing known, a third one", "mask_user", nil, false},
		{"no middleware at all", "_impersonate", []string{}, true},
		{"listed", "_impersonate", []string{auth, impersonate}, false},
		{"listed, and no entry", "_impersonated", []string{auth, impersonate}, true},
		{"another one listed", "_impersonate", []string{auth, runAs}, true},
		{"none of them", "_impersonate", []string{auth}, true},
		{"an unknown one, perhaps a subclass", "_impersonate", []string{auth, "shop.middleware.Impersonate"}, false},
		{"an unknown one, and no entry", "shop", []string{auth, "shop.middleware.Impersonate"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, skip := range []bool{false, true} {
				v := newVerifier(t, "5.2", holding(t, login(t, map[string]any{tt.entry: nullOr(tt.entry)})), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
					c.Middleware, c.InsecureSkipUserCheck = tt.middleware, skip
				})
				claim, err := v.Begin(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				if _, knowable := claim.Login(); knowable != tt.user {
					t.Errorf("a user can be known by the login: %v", knowable)
				}
				got, err := v.Resolve(t.Context(), claim)
				if err != nil || (got.User != nil) != tt.user || !tt.user && got.Reason != djangosession.Anonymous {
					t.Errorf("user %v, reason %q, %v", got.User, got.Reason, err)
				}
				if name := got.Session.Impersonation(); !tt.user && name != tt.entry {
					t.Errorf("the entry is called %q", name)
				}
			}
		})
	}
}

// nullOr has the value of an entry differ: being there is all that counts.
func nullOr(entry string) any {
	if entry == "_runas_id" {
		return false
	}
	return 43
}

// An entry of a name that repeats, or is written with escapes, is there all the same.
func TestImpersonationIsSeenHoweverItIsWritten(t *testing.T) {
	for _, json := range []string{`{"_impersonate":1}`, `{"\u005fimpersonate":null}`, `{"_impersonate":1,"_impersonate":null,"x":{}}`} {
		s, err := decode(t, "5.2", json)
		if err != nil || s.Impersonation() != "_impersonate" {
			t.Errorf("%s: %v, %v", json, s, err)
		}
	}
	for _, json := range []string{`{}`, `{"x":{"_impersonate":1}}`, `{"x":"_impersonate"}`, `{"_Impersonate":1}`} {
		if s, err := decode(t, "5.2", json); err != nil || s.Impersonation() != "" {
			t.Errorf("%s: %v, %v", json, s, err)
		}
	}
	// {'_impersonate': 3}, in protocol 0
	codec := newCodec(t, "4.2", func(c *djangosession.CodecConfig) { c.Serializer = djangosession.Pickle })
	s, err := codec.Decode(plain(t, "(dp0\nV_impersonate\np1\nI3\ns."))
	if err != nil || s.Impersonation() != "_impersonate" {
		t.Errorf("pickled: %v", errors.Join(err, errors.New(s.JSON())))
	}
}

func TestEffectOf(t *testing.T) {
	for path, want := range map[string]djangosession.MiddlewareEffect{
		"django.contrib.sessions.middleware.SessionMiddleware":          djangosession.NoEffect,
		"django.middleware.common.CommonMiddleware":                     djangosession.NoEffect,
		"django.contrib.auth.middleware.PersistentRemoteUserMiddleware": djangosession.NoEffect,
		"django.contrib.auth.middleware.RemoteUserMiddleware":           djangosession.RemoteUserLogout,
		"impersonate.middleware.ImpersonateMiddleware":                  djangosession.Impersonation,
		"session_security.middleware.SessionSecurityMiddleware":         djangosession.OwnTimeout,
		"django_contrib.middleware.X":                                   djangosession.UnknownEffect,
		"django.contribution.X":                                         djangosession.UnknownEffect,
		"shop.middleware.Ban":                                           djangosession.UnknownEffect,
		"":                                                              djangosession.UnknownEffect,
	} {
		if got := djangosession.EffectOf(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
