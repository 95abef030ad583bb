package handlers

import (
	"github.com/labstack/echo/v4"
)

// authenticate answers /authenticate.
func (s *server) authenticate(c echo.Context) error {
	r, e := c.Request(), eventOf(c)
	v, out := s.Answers.Verify(r.Context(), r.Header[echo.HeaderCookie], e.Began, e)
	return s.answerVerdict(c, v, out)
}
