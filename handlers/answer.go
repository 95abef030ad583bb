package handlers

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
)

// outcome is what a verdict comes to: three, never two.
type outcome string

const (
	alive       outcome = "alive"       // a user
	ended       outcome = "ended"       // no user
	unavailable outcome = "unavailable" // could not find out
)

// answers is the one table from an outcome to what the client gets.
var answers = map[outcome]struct {
	status  int
	message string
	header  [2]string
}{
	alive: {http.StatusOK, "Your login session is alive.", [2]string{}},
	// RFC 9110, 15.5.2, demands WWW-Authenticate, and clients there are that fail on a 401 without it. No
	// registered scheme means a cookie; browsers ask nothing of their user for one that they do not know.
	ended:       {http.StatusUnauthorized, "Your login session has ended.", [2]string{echo.HeaderWWWAuthenticate, "Cookie"}},
	unavailable: {http.StatusServiceUnavailable, "The login session could not be checked.", [2]string{echo.HeaderRetryAfter, "1"}},
}

// body is the JSON of every answer.
type body struct {
	Result  bool                 `json:"result"`
	Message string               `json:"message"`
	User    *userBody            `json:"user,omitempty"`
	Expires string               `json:"expires,omitempty"`
	Reason  djangosession.Reason `json:"reason,omitempty"` // with SIDECAR_EXPLAIN only
}

// userBody is a user; what is not known is left out.
type userBody struct {
	ID          string  `json:"id"`
	Username    *string `json:"username,omitempty"`
	Email       *string `json:"email,omitempty"`
	IsStaff     *bool   `json:"is_staff,omitempty"`
	IsSuperuser *bool   `json:"is_superuser,omitempty"`
}

func newUserBody(u *djangosession.User) *userBody {
	return &userBody{
		ID: u.ID, Username: u.Username, Email: u.Email,
		IsStaff: knownFlag(u.IsStaff), IsSuperuser: knownFlag(u.IsSuperuser),
	}
}

func knownFlag(f djangosession.Flag) *bool {
	if f != djangosession.True && f != djangosession.False {
		return nil
	}
	b := f == djangosession.True
	return &b
}

func outcomeOf(v djangosession.Verdict, err error) outcome {
	switch {
	case err != nil:
		return unavailable
	case v.User == nil:
		return ended
	}
	return alive
}

// answerVerdict writes the answer to "is this session alive?".
func (s *server) answerVerdict(c echo.Context, v djangosession.Verdict, out outcome) error {
	a := answers[out]
	b := body{Result: out == alive, Message: a.message}
	switch out {
	case alive:
		b.User = newUserBody(v.User)
		if v.Session != nil && !v.Session.ExpireDate.IsZero() {
			b.Expires = v.Session.ExpireDate.UTC().Format(time.RFC3339)
		}
	case ended:
		if s.Explain {
			b.Reason = v.Reason
		}
		a.status = s.EndedStatus
	case unavailable:
	}
	h := c.Response().Header()
	h.Set(echo.HeaderVary, echo.HeaderCookie)
	if a.header[0] != "" && a.status != http.StatusOK {
		h.Set(a.header[0], a.header[1])
	}
	return write(c, a.status, b)
}

// write sends b with its length; a HEAD request gets the same header and no body.
func write(c echo.Context, status int, b any) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-store") // errors too: RFC 9111 lets caches keep a 404 or 405 otherwise
	h.Set(echo.HeaderContentType, "application/json")
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(text)))
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	_, err = c.Response().Write(text)
	return err
}
