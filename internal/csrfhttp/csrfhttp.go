// Package csrfhttp applies Django's CsrfViewMiddleware to requests of net/http: for the sidecar's own endpoints that
// write, and for the library.
package csrfhttp

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/setcookie"
)

// ErrSessions says that the tokens of the deployment are in its sessions.
var ErrSessions = errors.New("DJANGO_CSRF_USE_SESSIONS is on, and CSRF tokens are not read from sessions here")

// Checker is what the settings make of CsrfViewMiddleware. It is for concurrent use.
type Checker struct {
	// BelievesHost says whose X-Forwarded-Host counts, beside USE_X_FORWARDED_HOST; nil: nobody's.
	BelievesHost func(*http.Request) bool

	rules          csrf.Rules
	cookies        djangosession.CookieRules
	settings       config.CSRF
	header         string
	splitsScheme   bool // of several in SECURE_PROXY_SSL_HEADER, the first counts: from Django 4.1 on
	masked         bool // the cookie's value: to Django 4.0
	replacesCookie bool // one that is malformed: from Django 4.0 on
}

// New returns the rules of a deployment. It fails with ErrSessions.
func New(c config.CSRF, version djangosession.Version, cookies djangosession.CookieRules) (*Checker, error) {
	if c.UseSessions {
		return nil, ErrSessions
	}
	return &Checker{
		rules: csrf.Rules{
			ChecksOrigin: version.AtLeast(4, 0), TrustedOrigins: c.TrustedOrigins, CookieDomain: c.Cookie.Domain,
		},
		cookies: cookies, settings: c, header: http.CanonicalHeaderKey(c.HeaderName),
		splitsScheme: version.AtLeast(4, 1), masked: !version.AtLeast(4, 1), replacesCookie: version.AtLeast(4, 0),
	}, nil
}

// State is the secret of one request.
type State struct {
	checker      *Checker
	sent         string // the cookie's text
	secret, text string // "" where there is none yet, and the text of the cookie that has it
}

// Read reads the cookie: process_request. A malformed one is replaced in the answer's header.
func (c *Checker) Read(h http.Header, r *http.Request, now time.Time) *State {
	s := &State{checker: c, sent: c.cookies.SessionKey(r.Header["Cookie"], c.settings.CookieName)}
	if secret, ok := csrf.Secret(s.sent); ok {
		s.secret, s.text = secret, s.sent
	} else if s.sent != "" && c.replacesCookie {
		s.Rotate(h, now)
	}
	return s
}

// Token is get_token: a token for a page. It sets the cookie, also where the browser has it: its time begins anew.
func (s *State) Token(h http.Header, now time.Time) string {
	if s.secret == "" {
		s.Rotate(h, now)
	} else {
		s.put(h, now)
	}
	return csrf.Mask(s.secret)
}

// Rotate is rotate_token: another secret, in a new cookie.
func (s *State) Rotate(h http.Header, now time.Time) {
	s.secret = csrf.NewSecret()
	s.text = s.secret
	s.put(h, now)
}

func (s *State) put(h http.Header, now time.Time) {
	c := s.checker
	switch {
	case !c.masked:
		s.text = s.secret
	case s.text == s.secret: // the older form of a cookie gets its mask
		s.text = csrf.Mask(s.secret)
	}
	setcookie.Put(h, c.settings.Cookie.Line(c.settings.CookieName, s.text, c.settings.CookieAge, now))
	reply.VariesByCookie(h)
}

// Check is process_view. field reads the token from the request's form, "" where it has none; it is asked last, and
// only where the token may be right. The error has nothing of the request, but for a *csrf.SourceError.
func (s *State) Check(r *http.Request, field func(r *http.Request, hasHeader bool) string) error {
	c, cookie := s.checker, s.sent
	if csrf.IsSafe(r.Method) {
		return nil
	}
	err := c.rules.CheckSource(csrf.Request{
		Method: r.Method, Secure: c.IsSecure(r), Host: c.Host(r),
		Origin: r.Header["Origin"], Referer: r.Header["Referer"],
	})
	if err != nil {
		return err
	}
	header := r.Header[c.header]
	if err := csrf.CheckToken(cookie, "", header); errors.Is(err, csrf.ErrNoCookie) || errors.Is(err, csrf.ErrBadCookie) {
		return err
	}
	return csrf.CheckToken(cookie, field(r, len(header) > 0), header)
}

// FormField reads the field of a form that a POST brings, as r.ParseForm and r.ParseMultipartForm do. A form with files
// is not read where the request has the header.
func FormField(r *http.Request, hasHeader bool) string {
	if r.Method != http.MethodPost {
		return ""
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	const inMemory = 32 << 20
	switch {
	case kind == "application/x-www-form-urlencoded":
		_ = r.ParseForm() // what it could not read has no token
	case kind == "multipart/form-data" && !hasHeader:
		_ = r.ParseMultipartForm(inMemory) //nolint:gosec // who uses the middleware bounds bodies, as its comment says
	}
	values := r.PostForm[csrf.FieldName]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1] // the last one counts, as in QueryDict
}

// IsSecure is request.is_secure: the header alone, where there is one to ask (django/http/request.py, 5.2, scheme).
func (c *Checker) IsSecure(r *http.Request) bool {
	if told := r.Header[http.CanonicalHeaderKey(c.settings.SecureHeader.Name)]; c.settings.SecureHeader.Name != "" && len(told) > 0 {
		text := strings.Join(told, ",")
		if c.splitsScheme {
			text, _, _ = strings.Cut(text, ",")
		}
		return strings.TrimSpace(text) == c.settings.SecureHeader.Value
	}
	return r.TLS != nil
}

// Host is request.get_host, without a look at ALLOWED_HOSTS.
func (c *Checker) Host(r *http.Request) string {
	believes := c.settings.UseForwardedHost || c.BelievesHost != nil && c.BelievesHost(r)
	if told := r.Header["X-Forwarded-Host"]; believes && len(told) > 0 {
		return strings.Join(told, ",")
	}
	return r.Host
}
