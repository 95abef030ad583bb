package djangosite

import (
	"context"
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

// CSRF is Django's CsrfViewMiddleware, by the settings of the site: a request with another method than GET, HEAD,
// OPTIONS and TRACE must have the csrftoken cookie, and its token in the header X-CSRFToken or in the field
// csrfmiddlewaretoken of a form. From Django 4.0 on, an Origin must be the site's own or one of CSRF_TRUSTED_ORIGINS;
// without one, a request that came by https must have such a Referer. Anything else gets 403. Django takes the tokens
// of [CSRFToken], and its own are taken here.
//
// A form's body is read for its token, and r.PostForm has it then: up to 10 MB, or 32 MB in memory where the form has
// files. Bound it with [http.MaxBytesHandler] around this, or send the token in the header: then a form with files is
// not read. Whether a request came by https is known from r.TLS, or from SECURE_PROXY_SSL_HEADER; its host is that of
// USE_X_FORWARDED_HOST where that is set.
//
// CSRF panics for a site of [Ask], which does not know these settings, and with CSRF_USE_SESSIONS.
func (s *Site) CSRF(next http.Handler) http.Handler {
	c := s.csrfChecker()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := &csrfState{checker: c}
		sent := c.cookies.SessionKey(r.Header["Cookie"], c.cookieName)
		if secret, ok := csrf.Secret(sent); ok {
			state.secret, state.text = secret, sent
		} else if sent != "" && c.replacesCookie {
			c.rotate(w, state)
		}
		if err := c.check(r, sent); err != nil {
			s.logger.InfoContext(r.Context(), "CSRF verification failed", "reason", err.Error())
			answer(w, reply.NotOfThisSite)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), csrfKey{}, state)))
	})
}

// CSRFToken is Django's get_token: a token for the form or the script of a page, whose request has been through
// [Site.CSRF]. It is another one each time. It sets the csrftoken cookie, so that it must be called before the answer's
// header is written. It panics where no Site.CSRF has been.
func CSRFToken(w http.ResponseWriter, r *http.Request) string {
	state, ok := r.Context().Value(csrfKey{}).(*csrfState)
	if !ok {
		panic("djangosite: CSRFToken: put the CSRF middleware of the site around the handler")
	}
	if state.secret == "" {
		state.checker.rotate(w, state)
	} else {
		state.checker.put(w, state)
	}
	return csrf.Mask(state.secret)
}

type csrfKey struct{}

// csrfState is the secret of a request, "" where there is none yet, and the text of the cookie that has it.
type csrfState struct {
	checker      *csrfChecker
	secret, text string
}

// csrfChecker is what the settings make of CsrfViewMiddleware.
type csrfChecker struct {
	rules                  csrf.Rules
	cookies                djangosession.CookieRules
	cookieName, headerName string
	cookie                 setcookie.Attributes
	age                    time.Duration
	masked                 bool // the cookie's value: to Django 4.0
	replacesCookie         bool // one that is malformed: from Django 4.0 on
	forwardedHost          bool
	secure                 config.SecureHeader
}

func (s *Site) csrfChecker() *csrfChecker {
	l, ok := s.source.(local)
	if !ok {
		panic("djangosite: CSRF: the site must be of FromEnv or Open, which know its settings")
	}
	c := l.Config()
	if c.CSRF.UseSessions {
		panic("djangosite: CSRF: DJANGO_CSRF_USE_SESSIONS is on, and tokens in sessions are not known here")
	}
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		panic("djangosite: CSRF: " + err.Error()) // which has been refused when the site was opened
	}
	return &csrfChecker{
		rules: csrf.Rules{
			ChecksOrigin: version.AtLeast(4, 0), TrustedOrigins: c.CSRF.TrustedOrigins, CookieDomain: c.CSRF.Cookie.Domain,
		},
		cookies: l.Answers().Cookies, cookieName: c.CSRF.CookieName, headerName: http.CanonicalHeaderKey(c.CSRF.HeaderName),
		cookie: c.CSRF.Cookie, age: c.CSRF.CookieAge,
		masked: !version.AtLeast(4, 1), replacesCookie: version.AtLeast(4, 0),
		forwardedHost: c.CSRF.UseForwardedHost, secure: c.CSRF.SecureHeader,
	}
}

// check is process_view of CsrfViewMiddleware. The form is read last, and only where the token may be right.
func (c *csrfChecker) check(r *http.Request, cookie string) error {
	if csrf.IsSafe(r.Method) {
		return nil
	}
	err := c.rules.CheckSource(csrf.Request{
		Method: r.Method, Secure: c.isSecure(r), Host: c.host(r), Origin: r.Header["Origin"], Referer: r.Header["Referer"],
	})
	if err != nil {
		return err
	}
	header := r.Header[c.headerName]
	if err := csrf.CheckToken(cookie, "", header); errors.Is(err, csrf.ErrNoCookie) || errors.Is(err, csrf.ErrBadCookie) {
		return err
	}
	return csrf.CheckToken(cookie, formToken(r, header), header)
}

// formToken is the field of a form that a POST brings, "" without one.
func formToken(r *http.Request, header []string) string {
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
	case kind == "multipart/form-data" && len(header) == 0:
		_ = r.ParseMultipartForm(inMemory) //nolint:gosec // who uses the middleware bounds bodies, as its comment says
	}
	values := r.PostForm[csrf.FieldName]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1] // the last one counts, as in QueryDict
}

// isSecure is request.is_secure: the header alone, where there is one to ask (django/http/request.py, 5.2, scheme).
func (c *csrfChecker) isSecure(r *http.Request) bool {
	if told := r.Header[http.CanonicalHeaderKey(c.secure.Name)]; c.secure.Name != "" && len(told) > 0 {
		first, _, _ := strings.Cut(strings.Join(told, ","), ",")
		return strings.TrimSpace(first) == c.secure.Value
	}
	return r.TLS != nil
}

// host is request.get_host, without a look at ALLOWED_HOSTS.
func (c *csrfChecker) host(r *http.Request) string {
	if told := r.Header["X-Forwarded-Host"]; c.forwardedHost && len(told) > 0 {
		return strings.Join(told, ",")
	}
	return r.Host
}

// rotate is rotate_token: another secret, in a new cookie.
func (c *csrfChecker) rotate(w http.ResponseWriter, state *csrfState) {
	state.secret = csrf.NewSecret()
	state.text = state.secret
	c.put(w, state)
}

// put sets the cookie, also where the browser has it: its time begins anew.
func (c *csrfChecker) put(w http.ResponseWriter, state *csrfState) {
	switch {
	case !c.masked:
		state.text = state.secret
	case state.text == state.secret: // the older form of a cookie gets its mask
		state.text = csrf.Mask(state.secret)
	}
	setcookie.Put(w.Header(), c.cookie.Line(c.cookieName, state.text, c.age, now()))
	variesByCookie(w.Header())
}
