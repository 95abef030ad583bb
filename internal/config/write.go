package config

import (
	"django-sidecar/djangosession"
	"django-sidecar/internal/setcookie"
)

// WriteSettings say what may be written to Django's sessions and users. The zero value is nothing.
type WriteSettings struct {
	Touch  bool // sessions are kept alive
	Logout bool // sessions are ended
	Login  bool // users log in
	Update bool // sessions are begun and changed, by the library alone
}

// Any reports whether anything may be written.
func (w WriteSettings) Any() bool { return w.Touch || w.Logout || w.Login || w.Update }

// Saves reports whether the data of sessions may be written: a login writes it too.
func (w WriteSettings) Saves() bool { return w.Login || w.Update }

// SessionCookie is what SESSION_COOKIE_* and SESSION_EXPIRE_AT_BROWSER_CLOSE say of the cookie, beside name and age.
type SessionCookie struct {
	Attributes     setcookie.Attributes
	AtBrowserClose bool
	// SaveEveryRequest is SESSION_SAVE_EVERY_REQUEST.
	SaveEveryRequest bool
}

// readWrite reads what may be written, and the session's cookie.
func (c *Config) readWrite(r *reader) {
	const name = "SIDECAR_WRITE"
	if r.value(name).given && r.text(name) != "none" {
		for _, word := range r.list(name) {
			switch word {
			case "touch":
				c.Write.Touch = true
			case "logout":
				c.Write.Logout = true
			case "login":
				c.Write.Login = true
			case "update":
				c.Write.Update = true
			default:
				r.refuse(name, "none, or a list of touch, logout, login and update")
			}
		}
	}
	c.SessionCookie = SessionCookie{
		Attributes:     r.cookieAttributes("DJANGO_SESSION_COOKIE", c.DjangoVersion),
		AtBrowserClose: r.flag("DJANGO_SESSION_EXPIRE_AT_BROWSER_CLOSE"),

		SaveEveryRequest: r.flag("DJANGO_SESSION_SAVE_EVERY_REQUEST"),
	}
	c.TouchInterval = r.duration("SIDECAR_TOUCH_INTERVAL")
	if (c.Write.Touch || c.Write.Logout) && !c.Write.Login && c.CSRF.UseSessions {
		r.fault("DJANGO_CSRF_USE_SESSIONS", "is on, and the sidecar does not read CSRF tokens from sessions. POST /touch "+
			"and POST /logout need one: turn it off, in Django too, or unset SIDECAR_WRITE")
	}
	if c.Write.Saves() && c.SessionSerializer != djangosession.JSON {
		r.fault("DJANGO_SESSION_SERIALIZER", "is for pickles, and the sidecar writes JSON alone: take login and update "+
			"out of SIDECAR_WRITE")
	}
	if c.Write.Login {
		c.refuseLogin(r)
		if len(c.TrustedProxies) == 0 && !IsSocket(c.Listen) {
			r.warn("SIDECAR_TRUSTED_PROXIES is not set: behind a gateway, POST /login counts the tries of all clients " +
				"together, by the gateway's address (SIDECAR_LOGIN_TRIES_PER_ADDRESS)")
		}
	}
}
