package djangosession

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Timeouts are the settings of packages that end logins by a rule of their own: see OwnTimeout. Each counts where
// Middleware lists the package.
type Timeouts struct {
	// SessionSecurity is SESSION_SECURITY_EXPIRE_AFTER of django-session-security. At 0 each login is over at once.
	SessionSecurity time.Duration
	// SessionTimeout is SESSION_EXPIRE_SECONDS of django-session-timeout. At 0 each login is over at once.
	SessionTimeout time.Duration
	// AutoLogout is IDLE_TIME in AUTO_LOGOUT of django-auto-logout; 0 where there is none.
	AutoLogout time.Duration
	// UseTZ and TimeZone are USE_TZ and TIME_ZONE, in which some of the packages write times.
	UseTZ    bool
	TimeZone *time.Location
	// Now is the clock. It and TimeZone are required where Middleware lists one of the packages.
	Now func() time.Time
}

// timeout is a package's rule.
type timeout struct {
	// entry is the session's entry in which the package keeps a time. It is missing until the package has seen the
	// session.
	entry string
	// left tells how long the login lasts. ok is false where the entry cannot be read.
	left func(v Value, now time.Time) (left time.Duration, ok bool)
	// oidc says that the rule is for logins through the backend of mozilla-django-oidc, which are over without the
	// entry, and through unknown backends, which may be subclasses of it.
	oidc bool
}

// The middleware that ends logins.
const (
	securityMiddleware   = "session_security.middleware.SessionSecurityMiddleware"
	timeoutMiddleware    = "django_session_timeout.middleware.SessionTimeoutMiddleware"
	autoLogoutMiddleware = "django_auto_logout.middleware.auto_logout"
	refreshMiddleware    = "mozilla_django_oidc.middleware.SessionRefresh"
)

// middlewareEntries are the entries of sessions by which middleware decides on logins.
var middlewareEntries = []struct{ path, entry string }{
	{"impersonate.middleware.ImpersonateMiddleware", "_impersonate"},
	{"runas.middleware.RunAsMiddleware", "_runas_id"},
	{"masquerade.middleware.MasqueradeMiddleware", "mask_user"},
	{securityMiddleware, "_session_security"},
	{timeoutMiddleware, "_session_init_timestamp_"},
	{autoLogoutMiddleware, "django_auto_logout_last_request"},
	{refreshMiddleware, "oidc_id_token_expiration"},
}

// Unlisted returns the known middleware that Middleware does not list, and that has left an entry in a session by
// which it decides on the login.
func (v *Verifier) Unlisted(session *Session) []string {
	var list []string
	for _, m := range middlewareEntries {
		if session.Lookup(m.entry).kind != Missing && !slices.Contains(v.config.Middleware, m.path) {
			list = append(list, m.path)
		}
	}
	return list
}

// timeouts returns the rules of the packages that are listed.
func (c VerifierConfig) timeouts() ([]timeout, error) {
	t := c.Timeouts
	rules := map[string]timeout{
		// django-session-security 2.6.8, session_security/middleware.py: delta >= timedelta(seconds=expire_seconds).
		// datetime.now() is the time of TIME_ZONE without its zone, so that an hour that clocks skip has passed.
		securityMiddleware: {entry: "_session_security", left: func(v Value, now time.Time) (time.Duration, bool) {
			at, ok := naiveTime(v)
			return t.SessionSecurity - wallClock(now, t.TimeZone).Sub(at), ok
		}},
		// django-session-timeout 0.1.0, middleware.py: time.time() - init_time > expire_seconds
		timeoutMiddleware: {entry: "_session_init_timestamp_", left: func(v Value, now time.Time) (time.Duration, bool) {
			at, ok := timestamp(v)
			return t.SessionTimeout - now.Sub(at), ok
		}},
		// django-auto-logout 0.5.1, django_auto_logout/utils.py: (last_req - current_time + ttl).total_seconds() < 0
		autoLogoutMiddleware: {entry: "django_auto_logout_last_request", left: func(v Value, now time.Time) (time.Duration, bool) {
			if t.UseTZ {
				at, ok := awareTime(v)
				return t.AutoLogout - now.Sub(at), ok
			}
			at, ok := naiveTime(v)
			return t.AutoLogout - wallClock(now, t.TimeZone).Sub(at), ok
		}},
		// mozilla-django-oidc 5.0.2, mozilla_django_oidc/middleware.py: expiration > now, and 0 where there is none.
		// A GET that comes later is sent to the provider; here nobody is logged in.
		refreshMiddleware: {entry: "oidc_id_token_expiration", left: func(v Value, now time.Time) (time.Duration, bool) {
			at, ok := timestamp(v)
			return at.Sub(now), ok
		}, oidc: true},
	}
	var list []timeout
	for _, path := range c.Middleware {
		rule, ok := rules[path]
		if ok && (path != autoLogoutMiddleware || t.AutoLogout > 0) {
			list = append(list, rule)
		}
	}
	if len(list) > 0 && (t.Now == nil || t.TimeZone == nil) {
		return nil, errors.New("a verifier needs a clock and a time zone for the middleware that ends logins")
	}
	return list, nil
}

// end returns when a session's login ends, the zero Time where that is not known. over says that it has ended, or that
// an entry with a time cannot be read. At the last instant itself a login is over, as in django-session-security; in
// other packages it ends just after that.
func (v *Verifier) end(session *Session) (end time.Time, over bool) {
	end = session.ExpireDate
	if len(v.timeouts) == 0 {
		return end, false
	}
	now := v.config.Timeouts.Now()
	for _, t := range v.timeouts {
		backend, _ := session.AuthBackend.Text()
		value := session.Lookup(t.entry)
		if _, known := KnownBackend(backend); t.oidc && known && backend != oidcBackend ||
			value.kind == Missing && (!t.oidc || backend != oidcBackend) {
			continue
		}
		left, ok := t.left(value, now)
		if !ok || left <= 0 {
			return end, true
		}
		end = earlier(end, now.Add(left))
	}
	return end, false
}

// earlier is the earlier of two times, of which the zero Time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// wallClock is what clocks show in a zone, as if it were UTC: Python's naive datetime.
func wallClock(now time.Time, zone *time.Location) time.Time {
	n := now.In(zone)
	return time.Date(n.Year(), n.Month(), n.Day(), n.Hour(), n.Minute(), n.Second(), n.Nanosecond(), time.UTC)
}

// naiveTime reads what strftime("%Y-%m-%dT%H:%M:%S.%f") and isoformat() write of a time without a zone.
func naiveTime(v Value) (time.Time, bool) {
	text, ok := v.Text()
	at, err := time.Parse("2006-01-02T15:04:05", text)
	return at, ok && err == nil && !strings.Contains(text, ",")
}

// awareTime reads what isoformat() writes of a time with a zone, which is UTC in Django.
func awareTime(v Value) (time.Time, bool) {
	text, ok := v.Text()
	at, err := time.Parse("2006-01-02T15:04:05-07:00", text)
	return at, ok && err == nil && !strings.Contains(text, ",")
}

// maxTimestamp is the last second of the year 9999, after which Python has no date either.
const maxTimestamp = 253402300799

// timestamp reads what time.time() returns.
func timestamp(v Value) (time.Time, bool) {
	if v.kind != Int && v.kind != Float {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(v.raw, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxTimestamp {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
