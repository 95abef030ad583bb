package proof

import (
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// onlyHere begins what is said of a user whom the sidecar alone finds.
const onlyHere = "here the sidecar is laxer: look at this first. "

// RemedyOf says what to do about a kind of difference.
func RemedyOf(kind string) string {
	reason, _ := strings.CutPrefix(kind, "user: ")
	switch djangosession.Reason(reason) {
	case djangosession.BadSignature:
		return "compare DJANGO_SECRET_KEY, its fallbacks, DJANGO_VERSION and DJANGO_SESSION_STORE_CLASS with Django's"
	case djangosession.Unreadable:
		return "compare DJANGO_SESSION_SERIALIZER with Django's, and sizes with SIDECAR_MAX_SESSION_BYTES"
	case djangosession.Expired:
		return "compare DJANGO_USE_TZ, DJANGO_TIME_ZONE and DJANGO_SESSION_COOKIE_AGE with Django's, and the " +
			"clocks of both machines"
	case djangosession.NotFound:
		return "compare DATABASE_URL, DJANGO_SESSION_TABLE and DJANGO_CACHE_URL with Django's"
	case djangosession.UnknownBackend:
		return "compare DJANGO_AUTHENTICATION_BACKENDS with Django's"
	case djangosession.BadUserID, djangosession.UserNotFound:
		return "compare DJANGO_AUTH_USER_MODEL, _TABLE and _ID_COLUMN with the user model, and " +
			"DJANGO_AUTH_USER_WHERE with its default manager"
	case djangosession.UserInactive:
		return "compare DJANGO_AUTH_USER_ACTIVE_COLUMN, _ACTIVE_WHERE and DJANGO_BACKEND_RULES with the user " +
			"model and the backends; or the user has been deactivated since"
	case djangosession.AuthHashMismatch:
		return "compare DJANGO_SECRET_KEY and DJANGO_AUTH_USER_PASSWORD_COLUMN; does the user model override " +
			"get_session_auth_hash? Then set DJANGO_AUTH_HASH_…"
	case djangosession.Anonymous:
		return "set DJANGO_MIDDLEWARE to Django's MIDDLEWARE"
	case djangosession.NoCookie, djangosession.BadSessionKey:
		return "compare DJANGO_SESSION_COOKIE_NAME and DJANGO_ASGI with Django's"
	}
	return remedies[kind]
}

var remedies = map[string]string{
	"user: only here": onlyHere + "Compare DJANGO_AUTHENTICATION_BACKENDS, DJANGO_BACKEND_RULES, " +
		"DJANGO_AUTH_USER_ACTIVE_COLUMN, _ACTIVE_WHERE, _WHERE, " +
		"DJANGO_USE_TZ, DJANGO_TIME_ZONE and SIDECAR_INSECURE_SKIP_USER_CHECK with what Django does",
	"user: another one": "compare DJANGO_AUTH_USER_TABLE, _ID_COLUMN and _ID_FORMAT with the user model",
	"username":          "compare DJANGO_AUTH_USER_USERNAME_COLUMN with the user model",
	"is_staff": "compare DJANGO_AUTH_USER_STAFF_COLUMN and _STAFF_WHERE with the user model; or the " +
		"user has changed since",
	"is_superuser": "compare DJANGO_AUTH_USER_SUPERUSER_COLUMN and _SUPERUSER_WHERE with the user model; or " +
		"the user has changed since",
	"groups": "compare DJANGO_AUTH_GROUP_… and DJANGO_AUTH_USER_GROUPS_… with the user model; or the " +
		"groups have changed since",
	"permissions": "compare DJANGO_AUTHENTICATION_BACKENDS, DJANGO_BACKEND_RULES, DJANGO_AUTH_USER_PERMISSIONS_… " +
		"and DJANGO_AUTH_GROUP_PERMISSIONS_… with Django's; or the permissions have changed since",
}

// sidecar is what the sidecar says, with its reason.
func (d Difference) sidecar() string {
	if d.Reason != "" {
		return d.Sidecar + " (" + string(d.Reason) + ")"
	}
	return d.Sidecar
}

func joined(names []string) string { return strings.Join(names, ", ") }

// age is a duration as people say it.
func age(d time.Duration) string { return max(d, 0).Round(time.Second).String() }
