package handlers

import (
	"context"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/observe"
)

// authenticate answers /authenticate.
func (s *server) authenticate(c echo.Context) error {
	v, out := s.verify(c)
	return s.answerVerdict(c, v, out)
}

// verify asks for the verdict on a request's cookies, and puts it into the request's event.
func (s *server) verify(c echo.Context) (djangosession.Verdict, outcome) {
	r := c.Request()
	key := djangosession.SessionKey(r.Header[echo.HeaderCookie], s.CookieName)
	// A client that hangs up must not tear down a database connection under its query: the deadline is all that
	// ends one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.VerifyTimeout)
	defer cancel()
	start := s.Now()
	v, err := s.Verifier.Verify(ctx, key)
	out := outcomeOf(v, err)
	s.Observe(string(out), v.Reason, s.Now().Sub(start))

	e := eventOf(c)
	e.outcome, e.reason, e.session, e.err = out, v.Reason, observe.SessionName(key), err
	if v.User != nil {
		e.userID = v.User.ID
	}
	return v, out
}
