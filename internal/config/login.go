package config

import (
	"slices"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

// LoginSettings are those of POST /login, and of logins by the library.
type LoginSettings struct {
	// Hashers is PASSWORD_HASHERS; nil: that of Django's global settings.
	Hashers []string
	// Tries and TriesPerAddress are wrong passwords of a user name, and from an address, in the time Per; 0: no limit.
	Tries, TriesPerAddress int
	Per                    time.Duration // above zero; 5m
	AtOnce                 int           // password hashes that are made at a time; at least 1; 2
}

// readLogin reads the settings of logins. They are read where logins are off too, so that a mistake is seen.
func (c *Config) readLogin(r *reader) {
	if r.value("DJANGO_PASSWORD_HASHERS").given {
		c.Login.Hashers = r.list("DJANGO_PASSWORD_HASHERS")
	}
	c.Login.Tries = int(r.number("SIDECAR_LOGIN_TRIES", 0, 1e6))
	c.Login.TriesPerAddress = int(r.number("SIDECAR_LOGIN_TRIES_PER_ADDRESS", 0, 1e6))
	c.Login.Per = r.duration("SIDECAR_LOGIN_TRIES_PER")
	c.Login.AtOnce = int(r.number("SIDECAR_LOGIN_HASHES_AT_ONCE", 1, 1000))
}

// The backends of AUTHENTICATION_BACKENDS that ask for a name and a password as ModelBackend does, and those whose
// authenticate() lets nobody in by them: contrib/auth/backends.py, 1.11 to 6.1; guardian/backends.py, 3.5.2;
// rules/permissions.py, 3.5.
var (
	passwordBackends = []string{
		"django.contrib.auth.backends.ModelBackend", "django.contrib.auth.backends.AllowAllUsersModelBackend",
	}
	silentBackends = []string{
		"django.contrib.auth.backends.BaseBackend", "django.contrib.auth.backends.RemoteUserBackend",
		"django.contrib.auth.backends.AllowAllUsersRemoteUserBackend", "guardian.backends.ObjectPermissionBackend",
		"rules.permissions.ObjectPermissionBackend",
	}
)

// loginMiddleware begins the paths of middleware of packages that have a say in logins.
var loginMiddleware = []string{
	"axes.", "defender.", "django_otp.", "two_factor.", "mfa.", "allauth.", "kagi.", "user_sessions.", "qsessions.",
}

// PasswordBackends are those of AUTHENTICATION_BACKENDS that ask for a password, in their order.
func (c *Config) PasswordBackends() (paths []string) {
	for _, path := range c.AuthenticationBackends {
		if slices.Contains(passwordBackends, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// refuseLogin says why nobody can be logged in here as Django would do it. What settings do not show, such as receivers
// of user_logged_in, it cannot see.
func (c *Config) refuseLogin(r *reader) {
	const remedy = "take login out of SIDECAR_WRITE"
	add := func(name, text string) { r.fault(name, text+", or "+remedy) }
	for _, path := range c.AuthenticationBackends {
		_, ruled := c.BackendRules[path]
		if known := slices.Contains(passwordBackends, path) || slices.Contains(silentBackends, path); !known || ruled {
			r.fault("DJANGO_AUTHENTICATION_BACKENDS", "has "+path+", whose authenticate() cannot be imitated: "+remedy)
		}
	}
	if len(c.PasswordBackends()) == 0 {
		add("DJANGO_AUTHENTICATION_BACKENDS", "has no ModelBackend, and the sidecar logs in through no other: add it")
	}
	for _, path := range c.Middleware {
		if slices.ContainsFunc(loginMiddleware, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			r.fault("DJANGO_MIDDLEWARE", "has "+path+", which can refuse a login, and the sidecar cannot do the same: "+
				remedy)
		}
	}
	if c.InsecureSkipUserCheck {
		add("SIDECAR_INSECURE_SKIP_USER_CHECK", "is on, and a login has to look at the user: turn it off")
	}
	if c.CSRF.UseSessions {
		add("DJANGO_CSRF_USE_SESSIONS", "is on, and the sidecar does not read CSRF tokens from sessions: turn it off, in Django too")
	}
	if c.AuthHash.Function != "" {
		add("SIDECAR_AUTH_HASH_FUNCTION", "is set, so that no password can be read: unset it")
	}
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if c.AuthHash.IsOwn() && c.AuthHash.Algorithm == "" && err == nil && version.AtLeast(3, 1) {
		add("DJANGO_AUTH_HASH_ALGORITHM", "must be sha1 or sha256: a login writes the hash that the user model makes")
	}
	if c.AuthUserColumns.Username == dbstore.NoColumn {
		add("DJANGO_AUTH_USER_USERNAME_COLUMN", "must name the column of USERNAME_FIELD")
	}
	if c.AuthUserTable == dbstore.ViewName {
		add("DJANGO_AUTH_USER_TABLE", "is a view, and a login writes last_login: name a table")
	}
}
