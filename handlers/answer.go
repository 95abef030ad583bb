package handlers

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/answer"
)

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

// answerVerdict writes the answer to "is this session alive?".
func (s *server) answerVerdict(c echo.Context, v djangosession.Verdict, out answer.Outcome) error {
	words := out.Words()
	b := body{Result: out == answer.Alive, Message: words.Message}
	switch out {
	case answer.Alive:
		b.User = newUserBody(v.User)
		if !v.Expires.IsZero() {
			b.Expires = v.Expires.UTC().Format(time.RFC3339)
		}
	case answer.Ended:
		if s.Explain {
			b.Reason = v.Reason
		}
		words.Status = s.EndedStatus
	case answer.Unavailable:
	}
	h := c.Response().Header()
	h.Set(echo.HeaderVary, echo.HeaderCookie)
	if words.Header.Name != "" && words.Status != http.StatusOK {
		h.Set(words.Header.Name, words.Header.Value)
	}
	return write(c, words.Status, b)
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
