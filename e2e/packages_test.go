//go:build live

package e2e

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
)

// installedBackends are the backends of Django's own and of the packages in tools/setup.sh, each with its package.
var installedBackends = map[string]string{
	"django.contrib.auth.backends.BaseBackend":                    "Django",
	"django.contrib.auth.backends.ModelBackend":                   "Django",
	"django.contrib.auth.backends.RemoteUserBackend":              "Django",
	"django.contrib.auth.backends.AllowAllUsersModelBackend":      "Django",
	"django.contrib.auth.backends.AllowAllUsersRemoteUserBackend": "Django",

	"allauth.account.auth_backends.AuthenticationBackend":    "django-allauth",
	"axes.backends.AxesBackend":                              "django-axes",
	"axes.backends.AxesStandaloneBackend":                    "django-axes",
	"guardian.backends.ObjectPermissionBackend":              "django-guardian",
	"rules.permissions.ObjectPermissionBackend":              "rules",
	"oauth2_provider.backends.OAuth2Backend":                 "django-oauth-toolkit",
	"djangosaml2.backends.Saml2Backend":                      "djangosaml2",
	"django_cas_ng.backends.CASBackend":                      "django-cas-ng",
	"django_auth_ldap.backend.LDAPBackend":                   "django-auth-ldap",
	"mozilla_django_oidc.auth.OIDCAuthenticationBackend":     "mozilla-django-oidc",
	"social_core.backends.google.GoogleOAuth2":               "social-auth-core",
	"social_core.backends.open_id.OpenIdAuth":                "social-auth-core",
	"sesame.backends.ModelBackend":                           "django-sesame",
	"magiclink.backends.MagicLinkBackend":                    "django-magiclink",
	"microsoft_auth.backends.MicrosoftAuthenticationBackend": "django-microsoft-auth",
	"graphql_jwt.backends.JSONWebTokenBackend":               "django-graphql-jwt",
	"django_su.backends.SuBackend":                           "django-su",
	"django_auth_adfs.backend.AdfsAuthCodeBackend":           "django-auth-adfs",
	"django_auth_adfs.backend.AdfsAccessTokenBackend":        "django-auth-adfs",
	"django_auth_adfs.backend.AdfsBackend":                   "django-auth-adfs",
	"django_python3_ldap.auth.LDAPBackend":                   "django-python3-ldap",
	"passkeys.backend.PasskeyModelBackend":                   "django-passkeys",
}

// backendsOfNobody are classes that look like backends, and that a session cannot name.
var backendsOfNobody = map[string]bool{
	"django_auth_adfs.backend.AdfsBaseBackend": true, // authenticate is for subclasses
}

// askPackages puts questions to testdata/oracle_packages/packages.py.
func askPackages(t *testing.T, question map[string]any, answer any) {
	t.Helper()
	script := filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle_packages", "packages.py")
	djangotest.AskScript(t, "packages", script, []map[string]any{question}, answer)
}

// packagesDatabase makes an empty database, and sets the environment for the sidecar.
func packagesDatabase(t *testing.T) map[string]any {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	t.Setenv("DATABASE_URL", "sqlite:///"+path)
	t.Setenv("DJANGO_SECRET_KEY", "oracle")
	t.Setenv("DJANGO_VERSION", "5.2")
	return map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": path}
}

// packageSession is what Django says of a session.
type packageSession struct {
	Key, Backend, State string
	User, Exception     *string
	Allowed             bool // has_perm
}

// TestPackagesBackends compares with Django's get_user and has_perm, through every known backend alone, and beside ModelBackend.
func TestPackagesBackends(t *testing.T) {
	const model = "django.contrib.auth.backends.ModelBackend"
	var lists [][]string
	for path := range installedBackends {
		lists = append(lists, []string{path})
		if path != model {
			lists = append(lists, []string{path, model}, []string{model, path})
		}
	}
	var answers []struct {
		Lists []struct {
			Backends []string
			Sessions []packageSession
		}
	}
	askPackages(t, map[string]any{"op": "backends", "lists": lists, "database": packagesDatabase(t)}, &answers)
	t.Setenv("DJANGO_AUTH_USER_TABLE", "people_person")
	compared, users, refused := 0, 0, 0
	for _, list := range answers[0].Lists {
		t.Setenv("DJANGO_AUTHENTICATION_BACKENDS", strings.Join(list.Backends, ","))
		address := serveForTest(t).String()
		permissions := slices.ContainsFunc(list.Backends, func(path string) bool {
			rule, known := djangosession.KnownBackend(path)
			return known && rule.Permissions
		})
		if !permissions {
			refused++
		}
		for _, s := range list.Sessions {
			compared++
			if s.User != nil {
				users++
			}
			got, status := askGateway(t, address, s.Key, "")
			if text(got) != text(s.User) {
				t.Errorf("%v: %s through %s: the sidecar says %s (%d), Django %s (%s)", list.Backends, s.State, s.Backend, text(got), status, text(s.User), text(s.Exception))
			}
			_, status = askGateway(t, address, s.Key, "?require=perm:auth.view_group")
			want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[s.Allowed]
			switch {
			case s.User == nil:
				want = http.StatusUnauthorized
			case !permissions:
				want = http.StatusInternalServerError
				if s.Allowed && !strings.HasPrefix(s.State, "superuser") {
					t.Errorf("%v: %s through %s: has_perm is true, and no backend is thought to give permissions", list.Backends, s.State, s.Backend)
				}
			}
			if status != want {
				t.Errorf("%v: %s through %s: require=perm is %d, want %d, since has_perm is %v", list.Backends, s.State, s.Backend, status, want, s.Allowed)
			}
		}
	}
	t.Logf("%d sessions compared, %d of them with a user, with %d lists of backends, %d of them without permissions", compared, users, len(lists), refused)
	if compared < 1500 || users < 200 || refused < 8 {
		t.Error("too few of one kind: nothing has been compared")
	}
}

// askGateway asks who is logged in, with requirements.
func askGateway(t *testing.T, address, key, query string) (user *string, status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/auth/nginx"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode == http.StatusOK {
		id := response.Header.Get("Remote-User-Id")
		user = &id
	}
	return user, response.StatusCode
}

// TestPackagesHaveNoOtherBackends: whoever installs one of the packages has no backend of which nothing is known, and every known
// backend is compared above.
func TestPackagesHaveNoOtherBackends(t *testing.T) {
	packages := []string{"django-hijack", "wagtail", "social-auth-app-django", "django-impersonate", "django-loginas", "django-otp"} // without backends
	for path, name := range installedBackends {
		if _, known := djangosession.KnownBackend(path); !known {
			t.Errorf("%s is not known", path)
		}
		if name != "Django" && name != "social-auth-core" {
			packages = append(packages, name)
		}
	}
	var answers []struct{ Found []string }
	askPackages(t, map[string]any{"op": "found", "packages": packages}, &answers)
	for _, path := range answers[0].Found {
		if _, known := djangosession.KnownBackend(path); !known && !backendsOfNobody[path] {
			t.Errorf("%s is in a package, and not known", path)
		} else if known && installedBackends[path] == "" {
			t.Errorf("%s is known, and never compared", path)
		}
	}
	if len(answers[0].Found) < 12 {
		t.Errorf("only %d found: %q", len(answers[0].Found), answers[0].Found)
	}
}

// TestPackagesMiddleware compares with request.user behind each package's middleware.
func TestPackagesMiddleware(t *testing.T) {
	var answers []struct {
		Staff, Other string
		Backends     []string
		Scenarios    []struct {
			Name, Key  string
			Middleware []string
			User       *string
		}
	}
	askPackages(t, map[string]any{"op": "middleware", "database": packagesDatabase(t)}, &answers)
	django := answers[0]
	t.Setenv("DJANGO_AUTHENTICATION_BACKENDS", strings.Join(django.Backends, ","))
	for name, value := range map[string]string{
		"DJANGO_TIME_ZONE": "Asia/Kolkata", "DJANGO_SESSION_SECURITY_EXPIRE_AFTER": "600", "DJANGO_SESSION_EXPIRE_SECONDS": "600",
		"DJANGO_AUTO_LOGOUT": `{"IDLE_TIME": 600}`,
	} {
		t.Setenv(name, value)
	}
	anything := serveForTest(t).String()
	impersonated, others, ended := 0, 0, 0
	for _, s := range django.Scenarios {
		t.Setenv("DJANGO_MIDDLEWARE", strings.Join(s.Middleware, ","))
		address := serveForTest(t).String()
		got, status := askGateway(t, address, s.Key, "")
		replaces := slices.ContainsFunc(s.Middleware, func(path string) bool { return djangosession.EffectOf(path) == djangosession.Impersonation })
		switch {
		case replaces && text(s.User) == text(&django.Other): // whom the package puts in place of staff is nobody here
			impersonated++
			if got != nil || status != http.StatusUnauthorized {
				t.Errorf("%s: the sidecar says %s (%d), and Django's user is another one", s.Name, text(got), status)
			}
			if unset, status := askGateway(t, anything, s.Key, ""); unset != nil || status != http.StatusUnauthorized {
				t.Errorf("%s: without DJANGO_MIDDLEWARE, the sidecar says %s (%d)", s.Name, text(unset), status)
			}
		case text(got) != text(s.User):
			t.Errorf("%s: the sidecar says %s (%d), Django %s", s.Name, text(got), status, text(s.User))
		case text(got) == text(&django.Other):
			others++
		case got == nil:
			ended++
		}
		if _, status := askGateway(t, address, s.Key, "?require=staff"); (status == http.StatusOK) != (text(s.User) == text(&django.Staff)) {
			t.Errorf("%s: require=staff is %d, and Django's user is %s", s.Name, status, text(s.User))
		}
	}
	// django-impersonate, django-runas and django-masquerade; django-hijack, django-su and django-loginas; RemoteUserMiddleware, three idle
	// timeouts, and two ways of mozilla-django-oidc
	if impersonated != 3 || others != 3 || ended != 6 {
		t.Errorf("%d sessions were impersonated, %d belonged to the other user, and %d ended, want 3, 3 and 6", impersonated, others, ended)
	}
	wantNamed(t, django.Scenarios[1].Key)
}

// wantNamed wants verify and check to name the packages that have left something in sessions, where DJANGO_MIDDLEWARE does not list them.
func wantNamed(t *testing.T, impersonated string) {
	t.Helper()
	t.Setenv("DJANGO_MIDDLEWARE", "")
	code, said := command(t, impersonated, "verify")
	for _, want := range []string{"because   the session has the entry _impersonate", "left by   impersonate.middleware.ImpersonateMiddleware"} {
		if code != exitNo || !strings.Contains(said, want) {
			t.Errorf("verify ends with %d, and does not say %q:\n%s", code, want, said)
		}
	}
	_, said = command(t, "", "check")
	for _, want := range []string{"impersonate.middleware.ImpersonateMiddleware", "session_security.middleware.SessionSecurityMiddleware"} {
		if !strings.Contains(said, " an entry of "+want) {
			t.Errorf("check does not name %s:\n%s", want, said)
		}
	}
}
