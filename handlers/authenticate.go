package handlers

import (
	"github.com/labstack/echo/v4"
)

// authenticate answers /authenticate.
func (s *server) authenticate(c echo.Context) error {
	r := c.Request()
	v, out := s.Answers.Verify(r.Context(), r.Header[echo.HeaderCookie], eventOf(c))
	return s.answerVerdict(c, v, out)
}
