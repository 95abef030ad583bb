package djangosession

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// UserRule says which users the get_user of an authentication backend returns. The zero UserRule is nobody.
type UserRule uint8

// The rules of backends.
const (
	NoUsers           UserRule = iota // there is no get_user, or it returns None
	FilteredUsers                     // is_active is true; the query of a model without the column fails
	ActiveUsers                       // those whom ModelBackend of the deployment's Django lets log in
	ActiveOrNullUsers                 // is_active is true or NULL, or the model has no such column
	AnyUsers                          // is_active is not asked
)

// BackendRule is what an authentication backend decides. The zero BackendRule knows no users, and gives no permissions.
type BackendRule struct {
	// Users are those whom a session through the backend may name.
	Users UserRule
	// Permissions says that has_perm of the backend gives the permissions of ModelBackend, from the same tables. Where
	// it is false, has_perm is taken to give no permission and to raise no PermissionDenied.
	Permissions bool
}

// The rules that most backends have.
var (
	likeModelBackend = BackendRule{Users: ActiveUsers, Permissions: true}
	anyUserByItsKey  = BackendRule{Users: AnyUsers} // get_user is objects.get(pk=user_id)
)

// knownBackends has the rules of known backends, read in the released source of each package, in the version that is
// named. Where versions of a package differ, the stricter rule counts.
var knownBackends = map[string]BackendRule{
	// django/contrib/auth/backends.py, 1.11 to 6.1
	"django.contrib.auth.backends.BaseBackend":                    {},
	"django.contrib.auth.backends.ModelBackend":                   likeModelBackend,
	"django.contrib.auth.backends.RemoteUserBackend":              likeModelBackend,
	"django.contrib.auth.backends.AllowAllUsersModelBackend":      {Users: AnyUsers, Permissions: true},
	"django.contrib.auth.backends.AllowAllUsersRemoteUserBackend": {Users: AnyUsers, Permissions: true},

	// django-allauth 65.22.1, allauth/account/auth_backends.py: class AuthenticationBackend(ModelBackend)
	"allauth.account.auth_backends.AuthenticationBackend": likeModelBackend,
	// django-axes 8.3.1, axes/backends.py: AxesStandaloneBackend has authenticate alone
	"axes.backends.AxesBackend":           likeModelBackend,
	"axes.backends.AxesStandaloneBackend": {},
	// django-guardian 3.5.2, guardian/backends.py: no get_user; has_perm without an object is False
	"guardian.backends.ObjectPermissionBackend": {},
	// rules 3.5, rules/permissions.py: no get_user; has_perm asks the project's own predicates
	"rules.permissions.ObjectPermissionBackend": {},
	// django-oauth-toolkit 3.4.1, oauth2_provider/backends.py: UserModel.objects.get(pk=user_id)
	"oauth2_provider.backends.OAuth2Backend": anyUserByItsKey,
	// djangosaml2 1.12.0, djangosaml2/backends.py, user_can_authenticate: is_active or is_active is None
	"djangosaml2.backends.Saml2Backend": {Users: ActiveOrNullUsers, Permissions: true},
	// django-cas-ng 5.1.1, django_cas_ng/backends.py: class CASBackend(ModelBackend)
	"django_cas_ng.backends.CASBackend": likeModelBackend,
	// django-auth-ldap 5.4.0, django_auth_ldap/backend.py: objects.get(pk=user_id); has_perm knows groups of LDAP alone
	"django_auth_ldap.backend.LDAPBackend": anyUserByItsKey,
	// mozilla-django-oidc 5.0.2, mozilla_django_oidc/auth.py: ModelBackend, but for get_user: objects.get(pk=user_id)
	oidcBackend: {Users: AnyUsers, Permissions: true},
	// django-sesame 3.2.5, sesame/backends.py: ModelBackend's rule, and SESAME_PRIMARY_KEY_FIELD in place of the
	// primary key
	"sesame.backends.ModelBackend": likeModelBackend,
	// django-magiclink 1.3.0, magiclink/backends.py: User.objects.get(pk=user_id)
	"magiclink.backends.MagicLinkBackend": anyUserByItsKey,
	// django-graphql-jwt 0.4.0, graphql_jwt/backends.py: UserModel._default_manager.get(pk=user_id)
	"graphql_jwt.backends.JSONWebTokenBackend": anyUserByItsKey,
	// django-su 1.0.0, django_su/backends.py: User._default_manager.get(pk=user_id)
	"django_su.backends.SuBackend": anyUserByItsKey,
	// django-microsoft-auth 3.0.1, django-auth-adfs 1.16.0, django-python3-ldap 0.16.1, django-passkeys 2.1:
	// subclasses of ModelBackend with another authenticate
	"microsoft_auth.backends.MicrosoftAuthenticationBackend": likeModelBackend,
	"django_auth_adfs.backend.AdfsAuthCodeBackend":           likeModelBackend,
	"django_auth_adfs.backend.AdfsAccessTokenBackend":        likeModelBackend,
	"django_auth_adfs.backend.AdfsBackend":                   likeModelBackend,
	"django_python3_ldap.auth.LDAPBackend":                   likeModelBackend,
	"passkeys.backend.PasskeyModelBackend":                   likeModelBackend,
}

const oidcBackend = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"

// socialBackends begins the path of every backend of social-auth-core 7.0.0, whose get_user is that of
// social-auth-app-django 8.0.0, social_django/storage.py: filter(is_active=True), unless
// SOCIAL_AUTH_ACTIVE_USERS_FILTER says otherwise. Versions to 5.4 did not ask for is_active. BaseAuth has no
// has_perm.
const socialBackends = "social_core.backends."

// KnownBackend returns the rule of a backend of Django's own, or of a package that is known; known is false for any
// other.
func KnownBackend(path string) (rule BackendRule, known bool) {
	if strings.HasPrefix(path, socialBackends) {
		return BackendRule{Users: FilteredUsers}, true
	}
	rule, known = knownBackends[path]
	return rule, known
}

// KnownBackends returns the rules of all backends that are known by their whole path, for who has to tell them to
// others.
func KnownBackends() map[string]BackendRule { return maps.Clone(knownBackends) }

// listedBackend is an item of AUTHENTICATION_BACKENDS.
type listedBackend struct {
	path    string
	unknown bool // neither known nor ruled
	BackendRule
}

// remoteUserBackends are those whose users RemoteUserMiddleware logs out: contrib/auth/middleware.py, 5.2,
// _remove_invalid_user. A backend that is not known may be a subclass of them.
var remoteUserBackends = map[string]bool{
	"django.contrib.auth.backends.RemoteUserBackend":              true,
	"django.contrib.auth.backends.AllowAllUsersRemoteUserBackend": true,
}

// listed gives each of AuthenticationBackends its rule.
func (c VerifierConfig) listed() []listedBackend {
	logsOut := slices.Contains(c.Middleware, remoteUserMiddleware)
	list := make([]listedBackend, len(c.AuthenticationBackends))
	for i, path := range c.AuthenticationBackends {
		rule, known := c.BackendRules[path]
		ruled := known
		if !known {
			rule, known = KnownBackend(path)
		}
		if !known {
			rule = BackendRule{Users: ActiveUsers}
		}
		if logsOut && !ruled && (!known || remoteUserBackends[path]) {
			rule.Users = NoUsers
		}
		list[i] = listedBackend{path: path, unknown: !known, BackendRule: rule}
	}
	return list
}

// ruleOf is the rule of the backend that a session names: NoUsers where it is not listed.
func (v *Verifier) ruleOf(session *Session) UserRule {
	if path, ok := session.AuthBackend.Text(); ok {
		for i := range v.backends {
			if v.backends[i].path == path {
				return v.backends[i].Users
			}
		}
	}
	return NoUsers
}

// lets reports whether a user with this is_active may be logged in through a backend with this rule.
func (v *Verifier) lets(rule UserRule, active Flag) bool {
	if v.config.RequireActive && active != True && active != AbsentFlag {
		return false
	}
	return rule.has(active, v.config.Version)
}

// LetsIn reports whether a user with this is_active may be logged in through a backend: user_can_authenticate of
// contrib/auth/backends.py. One that is not listed lets nobody in.
func (v *Verifier) LetsIn(backend string, active Flag) bool {
	for i := range v.backends {
		if v.backends[i].path == backend {
			return v.lets(v.backends[i].Users, active)
		}
	}
	return false
}

// errNoModelPermissions says that no listed backend gives the permissions of an Access.
var errNoModelPermissions = errors.New("no backend of AUTHENTICATION_BACKENDS is known to have " +
	"ModelBackend's permissions")

// Permissions reports whether user.has_perm is true for every permission of an Access. It returns nil if so, and
// otherwise an error that says why nobody can know. It follows _user_has_perm of contrib/auth/models.py, 5.2, which
// asks the backends in their order: an unknown backend may raise PermissionDenied, and Django then asks none of those
// after it.
func (v *Verifier) Permissions() error {
	for _, b := range v.backends {
		switch {
		case b.Permissions:
			return nil
		case b.unknown:
			return fmt.Errorf("%w before %s, of which nothing is known", errNoModelPermissions, b.path)
		}
	}
	return errNoModelPermissions
}

// has reports whether get_user of a backend with this rule returns a user with this is_active.
func (r UserRule) has(active Flag, v Version) bool {
	switch r {
	case NoUsers:
		return false
	case FilteredUsers:
		return active == True
	case ActiveUsers: // a model without the column has AbstractBaseUser.is_active, which is True
		return active == True || active == AbsentFlag || active == NullFlag && v.nullIsActive()
	case ActiveOrNullUsers:
		return active == True || active == AbsentFlag || active == NullFlag
	case AnyUsers:
		return true
	}
	return false
}
