package handlers

import (
	"cmp"
	"net/http"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/observe"
)

// audited puts each upload that is denied into the audit log, whoever answers it. What is stored is recorded by who
// publishes, with the request's event from its context.
func (s *server) audited(next echo.HandlerFunc) echo.HandlerFunc {
	if s.Audit == nil {
		return next
	}
	return func(c echo.Context) error {
		e, r := eventOf(c), c.Request()
		c.SetRequest(r.WithContext(observe.WithEvent(r.Context(), e)))
		if err := next(c); err != nil {
			c.Error(err) // answers now, so that the status is known here
		}
		status := c.Response().Status
		// Where SIDECAR_ENDED_STATUS is 200, a status alone does not tell.
		denied := status >= http.StatusBadRequest || e.Outcome == string(check.Ended)
		if denied && !isSafe(r.Method) {
			e.Status = status
			s.Audit.Record(observe.AuditEvent{
				Name: observe.AuditUploadDenied, Request: e, Reason: cmp.Or(string(e.Reason), e.Refusal), Err: e.Err,
			})
		}
		return nil
	}
}

// auditedAs puts each request into the audit log: what it has done, or that it was denied. Without a name for the
// latter, only what was done is recorded. The name that somebody has tried to log in with is not: it may be a
// password, typed into the wrong field.
func (s *server) auditedAs(done, denied observe.AuditName, next echo.HandlerFunc) echo.HandlerFunc {
	if s.Audit == nil {
		return next
	}
	return func(c echo.Context) error {
		if err := next(c); err != nil {
			c.Error(err) // answers now, so that the status is known here
		}
		e, name := eventOf(c), done
		if e.Status = c.Response().Status; e.Status >= http.StatusBadRequest {
			name = denied
		}
		if name != "" {
			s.Audit.Record(observe.AuditEvent{Name: name, Request: e, Reason: e.Refusal, Err: e.Err})
		}
		return nil
	}
}
