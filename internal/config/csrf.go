package config

import (
	"fmt"
	"strings"

	"django-sidecar/internal/setcookie"
)

// CSRF is what Django's settings say of CsrfViewMiddleware.
type CSRF struct {
	CookieName string // csrftoken
	HeaderName string // as HTTP writes it; X-CSRFTOKEN
	// TrustedOrigins are those of UploadSettings that count for Django.
	TrustedOrigins []string

	UseForwardedHost bool         // false: X-Forwarded-Host of trusted proxies alone
	SecureHeader     SecureHeader // SECURE_PROXY_SSL_HEADER; zero: it is not known which requests came by https

	UseSessions bool                 // CSRF_USE_SESSIONS, which cannot be had here
	Cookie      setcookie.Attributes // of CSRF_COOKIE_*
	CookieAge   setcookie.Age        // CSRF_COOKIE_AGE
}

// SecureHeader is a header that has this value where the request came by https, and another where it did not.
type SecureHeader struct{ Name, Value string }

// readCSRF reads the settings of CsrfViewMiddleware, some of which uploads go by too.
func (c *Config) readCSRF(r *reader) {
	c.CSRF = CSRF{
		CookieName: r.text("DJANGO_CSRF_COOKIE_NAME"), HeaderName: r.metaName("DJANGO_CSRF_HEADER_NAME"),
		TrustedOrigins:   r.csrfOrigins(c.DjangoVersion),
		UseForwardedHost: r.flag("DJANGO_USE_X_FORWARDED_HOST"),
		SecureHeader:     r.secureHeader("DJANGO_SECURE_PROXY_SSL_HEADER"),
		UseSessions:      r.flag("DJANGO_CSRF_USE_SESSIONS"),
		Cookie:           r.cookieAttributes("DJANGO_CSRF_COOKIE", c.DjangoVersion),
	}
	if age := r.limit("DJANGO_CSRF_COOKIE_AGE"); age > 0 {
		c.CSRF.CookieAge = setcookie.Seconds(age)
	}
	if c.CSRF.UseSessions && c.Uploads.CSRFToken {
		r.fault("DJANGO_CSRF_USE_SESSIONS", "is on, and so is SIDECAR_UPLOAD_CSRF_TOKEN: a token that is in the session "+
			"cannot be compared here; turn one of them off")
	}
}

// csrfOrigins are the trusted origins by which Django itself lets a request pass. From 4.0 on it compares Origin with
// the whole (django/middleware/csrf.py, 4.0, allowed_origins_exact), and refuses a host without a scheme
// (core/checks/compatibility/django_4_0.py, 4.0 to 6.1, 4_0.E001). Before, it compares the Referer's host with the
// text: one with a scheme or an asterisk is nobody's (3.2, process_view, is_same_domain).
func (r *reader) csrfOrigins(version string) (origins []string) {
	const name = "DJANGO_CSRF_TRUSTED_ORIGINS"
	older := olderThan(version, 4, 0)
	for i, text := range r.list(name) {
		switch whole := strings.Contains(text, "://"); {
		case text == "null" && !older:
			origins = append(origins, text)
		case !older && !whole:
			r.fault(name, fmt.Sprintf("has no scheme in entry %d, which Django %s refuses (4_0.E001): write "+
				"https://app.example.com for app.example.com, and https://*.example.com for .example.com", i+1, version))
		case text == "null", whole == older, older && strings.HasPrefix(text, "*"):
		default:
			of, _ := originsOf(text) // what cannot be read is a fault of the uploads' reading
			origins = append(origins, of...)
		}
	}
	return origins
}

// cookieAttributes reads <prefix>_PATH, _DOMAIN, _SECURE, _HTTPONLY and _SAMESITE.
func (r *reader) cookieAttributes(prefix, version string) setcookie.Attributes {
	a := setcookie.Attributes{
		Path: r.text(prefix + "_PATH"), Domain: r.text(prefix + "_DOMAIN"), Secure: r.flag(prefix + "_SECURE"),
		HTTPOnly: r.flag(prefix + "_HTTPONLY"), SameSite: r.text(prefix + "_SAMESITE"),
	}
	for name, text := range map[string]*string{"_PATH": &a.Path, "_DOMAIN": &a.Domain} {
		if *text == "None" { // Python's: django/http/response.py, 5.2, set_cookie leaves the attribute out
			*text = ""
		}
		if strings.ContainsFunc(*text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`;,"\`, c) }) {
			r.refuse(prefix+name, "a path or a domain, without white space, quotes, commas and semicolons")
		}
	}
	name := prefix + "_SAMESITE"
	switch strings.ToLower(a.SameSite) {
	case "lax", "strict":
		if olderThan(version, 2, 1) { // django/http/response.py, 2.0: there is no samesite
			if r.value(name).given {
				r.fault(name, fmt.Sprintf("is %s, and Django %s has no SameSite: leave it out", a.SameSite, version))
			}
			a.SameSite = ""
		}
	case "none":
		if olderThan(version, 3, 1) { // django/http/response.py, 3.0: None is that of Python, which writes nothing
			a.SameSite = ""
		}
	case "false":
		a.SameSite = ""
	default:
		r.refuse(name, "Lax, Strict, None or False")
	}
	return a
}
