package handlers

import (
	"github.com/labstack/echo/v4"

	"django-sidecar/internal/observe"
)

const eventKey = "event"

// eventOf is what the request leaves in the log.
func eventOf(c echo.Context) *observe.Event {
	e, ok := c.Get(eventKey).(*observe.Event)
	if !ok {
		panic("handlers: internal error: the request has no event")
	}
	return e
}

// logged writes the event of each request once it has been answered.
func (s *server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.Answers.Now()
		r := c.Request()
		e := &observe.Event{Method: r.Method, Path: r.URL.Path, Remote: c.RealIP()}
		c.Set(eventKey, e)
		if err := next(c); err != nil {
			c.Error(err) // answers now, so that the status is known here
		}
		e.Status, e.Took = c.Response().Status, s.Answers.Now().Sub(start)
		e.Write(r.Context(), s.Logger)
		return nil
	}
}
