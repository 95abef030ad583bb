package handlers

import (
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
)

// event is what one request leaves in the log: filled on the way, written once. Nothing in it is secret.
type event struct {
	outcome outcome
	reason  djangosession.Reason
	userID  string
	session string // observe.SessionName of the key
	// decision is what a gateway is told: allow, sign in, forbidden or malformed.
	decision string
	err      error  // why the answer is a 5xx
	stack    string // of a panic
}

const eventKey = "event"

func eventOf(c echo.Context) *event {
	e, ok := c.Get(eventKey).(*event)
	if !ok {
		panic("handlers: internal error: the request has no event")
	}
	return e
}

// logged writes the event of each request once it has been answered.
func (s *server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := s.Now()
		e := new(event)
		c.Set(eventKey, e)
		if err := next(c); err != nil {
			c.Error(err) // answers now, so that the status is known here
		}
		s.write(c, e, s.Now().Sub(start))
		return nil
	}
}

func (s *server) write(c echo.Context, e *event, took time.Duration) {
	r, status := c.Request(), c.Response().Status
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("remote", c.RealIP()))
	for _, optional := range []slog.Attr{
		slog.String("outcome", string(e.outcome)),
		slog.String("reason", string(e.reason)),
		slog.String("user_id", e.userID),
		slog.String("session", e.session),
		slog.String("decision", e.decision),
		slog.String("stack", e.stack),
	} {
		if optional.Value.String() != "" {
			attrs = append(attrs, optional)
		}
	}
	if e.err != nil {
		attrs = append(attrs, slog.String("error", e.err.Error()))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}
