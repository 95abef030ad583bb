package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/login"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/setcookie"
)

// loginPath is where a name and a password are sent to.
const loginPath = "/login"

// loginGrace is how long the answer to a login may take to be written.
const loginGrace = 10 * time.Second

// LoginOptions is what /login needs. Every field is required.
type LoginOptions struct {
	// Login authenticates and logs in, in the place of the session whose key is given. The address is the client's, ""
	// where it is not known.
	Login func(ctx context.Context, key string, c login.Credentials, address string) (login.LoggedIn, error)
	// CSRF is the site's CsrfViewMiddleware.
	CSRF *csrfhttp.Checker
	// Cookie writes the session's cookie.
	Cookie func(login.Saved) string
}

// login answers POST /login.
func (s *server) login(c echo.Context) error {
	r, h, e := c.Request(), c.Response().Header(), eventOf(c)
	reply.VariesByCookie(h)
	text, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, login.MaxBody))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			unread(c)
			return s.refuseLogin(c, reply.LoginTooLarge, nil)
		}
		return s.refuseLogin(c, reply.BadLogin, err)
	}
	credentials, readErr := login.Read(r.Header.Get(echo.HeaderContentType), text)
	token := s.Login.CSRF.Read(h, r, s.Answers.Now())
	if err := token.Check(r, func(*http.Request, bool) string { return credentials.Token }); err != nil {
		return s.refuseLogin(c, reply.NotOfThisSite, csrf.ForLog(err))
	}
	encoding := r.Header.Get(echo.HeaderContentEncoding)
	if readErr != nil || encoding != "" && !strings.EqualFold(encoding, "identity") {
		return s.refuseLogin(c, reply.BadLogin, readErr)
	}
	key, _ := s.Answers.Cookies.FirstSessionKey(r.Header[echo.HeaderCookie], s.Answers.CookieNames)
	done, err := s.Login.Login(r.Context(), key, credentials, s.clientAddress(c))
	// A hash takes seconds on a small machine. The time for the answer begins after it, or nobody would hear of the
	// login.
	if err := answerBy(c, s.Answers.Now().Add(loginGrace)); err != nil {
		return err
	}
	var many *login.TooManyError
	switch {
	case errors.Is(err, login.ErrRefused):
		if err == login.ErrRefused { //nolint:errorlint // one that wraps a cause has something for the log
			err = nil
		}
		return s.refuseLogin(c, reply.WrongPassword, err)
	case errors.As(err, &many):
		seconds := strconv.Itoa(int((many.Wait + time.Second - 1) / time.Second))
		return s.refuseLogin(c, reply.TooManyTries.With(reply.Header{Name: "Retry-After", Value: seconds}), nil)
	case err != nil:
		e.Outcome = string(check.Unavailable)
		return s.refuseLogin(c, reply.LoginUnavailable, err)
	}
	e.Outcome, e.UserID, e.Session = string(check.Alive), done.User.ID, keyhash.Of(done.Key)
	token.Rotate(h, s.Answers.Now())
	setcookie.Put(h, s.Login.Cookie(done.Saved))
	answer := body{result: true, message: reply.LoggedIn.Message, user: &done.User}
	return writeText(c, reply.LoggedIn.Status, answer.appendJSON(nil))
}

// refuseLogin answers, and leaves in the log why.
func (s *server) refuseLogin(c echo.Context, r reply.Reply, err error) error {
	e := eventOf(c)
	e.Refusal, e.Err = r.Message, err
	return refuse(c, r)
}

// clientAddress is what tries to log in are counted by, "" where it is not known. Only a trusted proxy can tell another
// address than that of the connection.
func (s *server) clientAddress(c echo.Context) string {
	text := c.RealIP()
	if s.OnSocket { // whoever may open it is a proxy, and what it has appended is last
		lines := strings.Join(c.Request().Header.Values(echo.HeaderXForwardedFor), ",")
		text = strings.TrimSpace(lines[strings.LastIndexByte(lines, ',')+1:])
	}
	address, _ := login.Address(text)
	return address
}
