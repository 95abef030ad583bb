package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/setcookie"
)

// The endpoints that write sessions.
const (
	touchPath  = "/touch"
	logoutPath = "/logout"
)

// maxFormBytes bounds a form that has nothing but a token.
const maxFormBytes = 16 << 10

// WriteOptions are what /touch and /logout need. CSRF is required.
type WriteOptions struct {
	// CSRF is the site's CsrfViewMiddleware.
	CSRF *csrfhttp.Checker
	// Touch moves the expiry of a session, and returns the line of its cookie, "" for none, and its expiry. An error
	// that is djangosession.ErrNotFound says that there is no session. nil: there is no /touch.
	Touch func(ctx context.Context, key keyhash.Key) (cookie string, expires time.Time, err error)
	// Logout ends a session. nil: there is no /logout.
	Logout func(ctx context.Context, key keyhash.Key) error
	// Ended is the line that ends the cookie of this name.
	Ended func(name string) string
}

func (s *server) routeWrites(e *echo.Echo) {
	w := s.Writes
	if w == nil {
		return
	}
	w.CSRF.BelievesHost = s.trusted
	if w.Touch != nil {
		e.POST(touchPath, s.ofThisSite(s.touch))
	}
	if w.Logout != nil {
		e.POST(logoutPath, s.auditedAs(observe.AuditLogout, "", s.ofThisSite(s.logout)))
	}
}

// ofThisSite refuses what CsrfViewMiddleware does.
func (s *server) ofThisSite(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		reply.VariesByCookie(h)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxFormBytes)
		if err := s.Writes.CSRF.Read(h, r, s.Answers.Now()).Check(r, csrfhttp.FormField); err != nil {
			e := eventOf(c)
			e.Refusal, e.Err = reply.NotOfThisSite.Message, csrf.ForLog(err)
			return refuse(c, reply.NotOfThisSite)
		}
		return next(c)
	}
}

// touch answers POST /touch.
func (s *server) touch(c echo.Context) error {
	r, e := c.Request(), eventOf(c)
	cookies := r.Header[echo.HeaderCookie]
	v, out := s.Answers.Verify(r.Context(), cookies, e.Began, e)
	if out != check.Alive {
		return s.answerVerdict(c, v, out)
	}
	text, _ := s.Answers.Cookies.FirstSessionKey(cookies, s.Answers.CookieNames)
	line, expires, err := s.Writes.Touch(r.Context(), keyhash.Key{Text: text, Hash: e.Session})
	switch {
	case errors.Is(err, djangosession.ErrNotFound): // it has ended between the two questions
		v, out = djangosession.Verdict{Reason: djangosession.NotFound}, check.Ended
	case err != nil:
		e.Err, out = err, check.Unavailable
	default:
		v.Expires = expires
		if line != "" {
			setcookie.Put(c.Response().Header(), line)
		}
	}
	e.Outcome, e.Reason = string(out), v.Reason
	return s.answerVerdict(c, v, out)
}

// logout answers POST /logout: logout of contrib/auth/__init__.py, 5.2, whoever the session is of, and process_response
// of contrib/sessions/middleware.py, which ends the cookie of an empty session.
func (s *server) logout(c echo.Context) error {
	r, e := c.Request(), eventOf(c)
	cookies := s.Answers.SessionKeys(r.Header[echo.HeaderCookie])
	for i, cookie := range cookies {
		key := keyhash.New(cookie.Key)
		if i == 0 {
			e.Session = key.Hash
		}
		if err := s.Writes.Logout(r.Context(), key); err != nil {
			e.Outcome, e.Err = string(check.Unavailable), err
			return refuse(c, reply.NotLoggedOut)
		}
	}
	e.Outcome = string(check.Ended)
	for _, cookie := range cookies {
		setcookie.Put(c.Response().Header(), s.Writes.Ended(cookie.Name))
	}
	return c.NoContent(reply.LoggedOut.Status)
}
