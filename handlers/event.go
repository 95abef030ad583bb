package handlers

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/observe"
	"django-sidecar/internal/tracing"
)

// requestContext is a request's context, and what the request leaves in the log. Like Echo's context it is used again
// for another request, and must not be held on to.
type requestContext struct {
	echo.Context

	event  observe.Event
	buffer [256]byte // for the answer's text, if it is no longer
}

var requestContexts = sync.Pool{New: func() any { return new(requestContext) }}

func requestContextOf(c echo.Context) *requestContext {
	x, ok := c.(*requestContext)
	if !ok {
		panic("handlers: internal error: the request has no event")
	}
	return x
}

// eventOf is what the request leaves in the log.
func eventOf(c echo.Context) *observe.Event { return &requestContextOf(c).event }

// logged writes the event of each request once it has been answered.
func (s *server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := s.Answers.Now()
		r := c.Request()
		x, _ := requestContexts.Get().(*requestContext)
		parent := tracing.Parent(r.Header)
		x.Context, x.event = c, observe.Event{
			Method: r.Method, Path: r.URL.Path, Remote: c.RealIP(), Began: began, Trace: tracing.TraceID(parent),
		}
		var ended func()
		if s.Tracer != nil {
			var ctx context.Context
			ctx, ended = s.Tracer.Request(r.Context(), spanName(r), parent, &x.event)
			c.SetRequest(r.WithContext(ctx))
		}
		if err := next(x); err != nil {
			c.Error(err) // answers now, so that the status is known here
		}
		x.event.End(c.Response().Status, s.Answers.Now())
		if ended != nil {
			ended()
		}
		x.event.Write(r.Context(), s.Logger)
		x.Context = nil
		requestContexts.Put(x) // not where a panic goes on: somebody may still have it
		return nil
	}
}

// spanName is the method and the endpoint: few names, whatever a client asks for.
func spanName(r *http.Request) string {
	for _, path := range []string{authenticatePath, nginxPath, forwardPath, envoyPath, uploadPath, tusPath, loginPath, touchPath, logoutPath} {
		rest, ok := strings.CutPrefix(r.URL.Path, path)
		if ok && (rest == "" || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ";")) {
			return tracing.Method(r.Method) + " " + path
		}
	}
	return tracing.Method(r.Method)
}
