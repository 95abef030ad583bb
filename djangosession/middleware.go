package djangosession

import (
	"maps"
	"strings"
)

// MiddlewareEffect is what an item of MIDDLEWARE does to who is logged in.
type MiddlewareEffect uint8

// The effects of middleware.
const (
	UnknownEffect MiddlewareEffect = iota // it is not known
	NoEffect                              // request.user stays the user that get_user returns
	// Impersonation puts another user in place of that one, if the session has an entry of its own. By which rules
	// depends on the project's code and on the path of the request, so that a session with the entry is nobody's
	// here.
	Impersonation
	// RemoteUserLogout logs users of RemoteUserBackend out where the request has no REMOTE_USER, which only the web
	// server in front of Django can know.
	RemoteUserLogout
	// OwnTimeout logs users out, or sends them to log in again, after a time of its own: see Timeouts.
	OwnTimeout
)

// The entries of sessions in which somebody acts as another user, a bit each.
const (
	entryImpersonate = 1 << iota
	entryRunAs
	entryMask
)

// impersonationEntries are their names.
var impersonationEntries = [...]string{"_impersonate", "_runas_id", "mask_user"}

// impersonationEntry returns the bit of an entry's name, 0 for any other name.
func impersonationEntry(name string) uint8 {
	switch name {
	case "_impersonate": // django-impersonate 1.9.5, impersonate/middleware.py
		return entryImpersonate
	case "_runas_id": // django-runas 0.1.3, runas/middleware.py
		return entryRunAs
	case "mask_user": // django-masquerade 1.3, masquerade/middleware.py
		return entryMask
	}
	return 0
}

const remoteUserMiddleware = "django.contrib.auth.middleware.RemoteUserMiddleware"

// impersonations are the packages that impersonate by an entry of the session. Others, such as django-hijack,
// django-loginas and django-su, log the other user in with Django's login().
var impersonations = map[string]uint8{
	"impersonate.middleware.ImpersonateMiddleware": entryImpersonate,
	"runas.middleware.RunAsMiddleware":             entryRunAs,
	"masquerade.middleware.MasqueradeMiddleware":   entryMask,
}

// knownMiddleware is read in the released source of each package, in the version that is named.
var knownMiddleware = map[string]MiddlewareEffect{
	// django/contrib/auth/middleware.py, 1.11 to 6.1. PersistentRemoteUserMiddleware logs nobody out for want of a
	// header. Whom either of the two logs in because the web server names another user, nobody can see here:
	// docs/divergences.md.
	remoteUserMiddleware: RemoteUserLogout,

	securityMiddleware:   OwnTimeout, // django-session-security 2.6.8
	autoLogoutMiddleware: OwnTimeout, // django-auto-logout 0.5.1
	timeoutMiddleware:    OwnTimeout, // django-session-timeout 0.1.0
	refreshMiddleware:    OwnTimeout, // mozilla-django-oidc 5.0.2

	"allauth.account.middleware.AccountMiddleware":           NoEffect, // django-allauth 65.22.1
	"allauth.usersessions.middleware.UserSessionsMiddleware": NoEffect,
	"axes.middleware.AxesMiddleware":                         NoEffect, // django-axes 8.3.1
	"defender.middleware.FailedLoginMiddleware":              NoEffect, // django-defender 0.9.8
	"django_auth_adfs.middleware.LoginRequiredMiddleware":    NoEffect, // django-auth-adfs 1.16.0
	"django_cas_ng.middleware.CASMiddleware":                 NoEffect, // django-cas-ng 5.1.1
	// django-otp 1.7.5: user.is_verified() is another question
	"django_otp.middleware.OTPMiddleware":    NoEffect,
	"hijack.middleware.HijackUserMiddleware": NoEffect, // django-hijack 3.7.9
	// django-lockdown 5.0.0: it hides pages
	"lockdown.middleware.LockdownMiddleware":                NoEffect,
	"maintenance_mode.middleware.MaintenanceModeMiddleware": NoEffect, // django-maintenance-mode 0.23.0
	// django-oauth-toolkit 3.4.1: asks Authorization
	"oauth2_provider.middleware.OAuth2TokenMiddleware": NoEffect,
	// django-preventconcurrentlogins 0.8.2: deletes rows
	"preventconcurrentlogins.middleware.PreventConcurrentLoginsMiddleware": NoEffect,
	"qsessions.middleware.SessionMiddleware":                               NoEffect, // django-qsessions 2.1.0
	"request_token.middleware.RequestTokenMiddleware":                      NoEffect, // django-request-token 3.0.0
	// django-sesame 3.2.5: logs in by the URL
	"sesame.middleware.AuthenticationMiddleware":              NoEffect,
	"social_django.middleware.SocialAuthExceptionMiddleware":  NoEffect, // social-auth-app-django 8.0.0
	"two_factor.middleware.threadlocals.ThreadLocals":         NoEffect, // django-two-factor-auth 1.18.1
	"user_sessions.middleware.SessionMiddleware":              NoEffect, // django-user-sessions 2.0.0
	"wagtail.contrib.redirects.middleware.RedirectMiddleware": NoEffect, // wagtail 8.0.1
	"wagtail.contrib.legacy.sitemiddleware.SiteMiddleware":    NoEffect,

	// Those that have nothing to do with users, in the versions of November 2026.
	"auditlog.middleware.AuditlogMiddleware":                   NoEffect,
	"cid.middleware.CidMiddleware":                             NoEffect,
	"cookie_consent.middleware.CleanCookiesMiddleware":         NoEffect,
	"corsheaders.middleware.CorsMiddleware":                    NoEffect,
	"crum.CurrentRequestUserMiddleware":                        NoEffect,
	"csp.middleware.CSPMiddleware":                             NoEffect,
	"debug_toolbar.middleware.DebugToolbarMiddleware":          NoEffect,
	"django_cprofile_middleware.middleware.ProfilerMiddleware": NoEffect,
	"django_currentuser.middleware.ThreadLocalUserMiddleware":  NoEffect,
	"django_hosts.middleware.HostsRequestMiddleware":           NoEffect,
	"django_hosts.middleware.HostsResponseMiddleware":          NoEffect,
	"django_htmx.middleware.HtmxMiddleware":                    NoEffect,
	"django_minify_html.middleware.MinifyHtmlMiddleware":       NoEffect,
	"django_permissions_policy.PermissionsPolicyMiddleware":    NoEffect,
	"django_prometheus.middleware.PrometheusAfterMiddleware":   NoEffect,
	"django_prometheus.middleware.PrometheusBeforeMiddleware":  NoEffect,
	"django_ratelimit.middleware.RatelimitMiddleware":          NoEffect,
	"django_structlog.middlewares.RequestMiddleware":           NoEffect,
	"easyaudit.middleware.easyaudit.EasyAuditMiddleware":       NoEffect,
	"log_request_id.middleware.RequestIDMiddleware":            NoEffect,
	"pghistory.middleware.HistoryMiddleware":                   NoEffect,
	"querycount.middleware.QueryCountMiddleware":               NoEffect,
	"request_logging.middleware.LoggingMiddleware":             NoEffect,
	"reversion.middleware.RevisionMiddleware":                  NoEffect,
	"silk.middleware.SilkyMiddleware":                          NoEffect,
	"simple_history.middleware.HistoryRequestMiddleware":       NoEffect,
	"waffle.middleware.WaffleMiddleware":                       NoEffect,
	"whitenoise.middleware.WhiteNoiseMiddleware":               NoEffect,
}

// EffectOf returns what an item of MIDDLEWARE does. Django's own, with one exception, change nothing.
func EffectOf(middleware string) MiddlewareEffect {
	if effect, known := knownMiddleware[middleware]; known {
		return effect
	}
	if impersonations[middleware] != 0 {
		return Impersonation
	}
	if strings.HasPrefix(middleware, "django.contrib.") || strings.HasPrefix(middleware, "django.middleware.") {
		return NoEffect
	}
	return UnknownEffect
}

// KnownMiddleware returns the effects of all items that are known by their whole path, for who has to tell them to
// others.
func KnownMiddleware() map[string]MiddlewareEffect {
	known := maps.Clone(knownMiddleware)
	for path := range impersonations {
		known[path] = Impersonation
	}
	return known
}

// impersonating returns the bits of the entries by which somebody may act as another user: those of the listed
// packages. It returns all bits where MIDDLEWARE is not known or has an unknown item, which may be a subclass of any
// of the packages' own.
func impersonating(middleware []string) uint8 {
	const all = entryImpersonate | entryRunAs | entryMask
	if middleware == nil {
		return all
	}
	var bits uint8
	for _, path := range middleware {
		if EffectOf(path) == UnknownEffect {
			return all
		}
		bits |= impersonations[path]
	}
	return bits
}

// Impersonation returns the name of the entry by which a package such as django-impersonate puts another user in the
// place of the one who has logged in, "" where there is none.
func (s *Session) Impersonation() string {
	for _, name := range impersonationEntries {
		if s.impersonation&impersonationEntry(name) != 0 {
			return name
		}
	}
	return ""
}
