package observe

import (
	"context"
	"log/slog"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/warm"
)

// Event is what one request leaves in the log: filled on the way, written once. Nothing in it is secret. What is
// empty is left out, except Method, Path, Status, Took and Remote.
type Event struct {
	// Method, Path and Remote are the request's, Status and Took the answer's.
	Method, Path, Remote string
	Status               int
	Took                 time.Duration
	// Began is when the request was there, and At when the answer was.
	Began, At time.Time
	// Outcome is what the verdict came to: alive, ended or unavailable.
	Outcome string
	// Reason is why it is ended.
	Reason djangosession.Reason
	UserID string
	// Session is the session that the key opens, if there is a key.
	Session keyhash.Hash
	// Trace is the trace that the request belongs to: 32 hexadecimal digits.
	Trace string
	// CookieLines is how many Cookie headers the request has, where there are several: a gateway has not joined them,
	// and Django may not find the session in them.
	CookieLines int
	// Decision is the answer to a gateway: allow, sign in, forbidden or malformed.
	Decision string
	// Required is the requirement that a forbidden user lacks, as the operator's URL writes it.
	Required string
	// Refusal is what a refused client is told, of an upload, of a login and of what else writes. It is for the audit log
	// alone.
	Refusal string
	Err     error  // why the answer is a 5xx, or what a refusal keeps from its client
	Stack   string // of a panic
}

// End says what the answer was, and when.
func (e *Event) End(status int, at time.Time) {
	e.Status, e.At, e.Took = status, at, at.Sub(e.Began)
}

// Write writes the event: as an error for an answer of 500 and above, and otherwise as information. What would make
// the line too long is cut, in the event too.
func (e *Event) Write(ctx context.Context, logger *slog.Logger) {
	if !logger.Enabled(ctx, e.level()) {
		return
	}
	e.Method, e.Path, e.Remote = cut(e.Method, methodBytes), cut(e.Path, pathBytes), cut(e.Remote, remoteBytes)
	e.UserID, e.Stack = cut(e.UserID, userIDBytes), cut(e.Stack, stackBytes)
	if l, ok := logger.Handler().(*LogHandler); ok {
		l.event(ctx, e)
		return
	}
	logger.LogAttrs(ctx, e.level(), eventMessage, e.attrs()...)
}

// eventMessage is the message of every event.
const eventMessage = "request"

func (e *Event) level() slog.Level {
	if e.Status >= 500 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

func (e *Event) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 15)
	attrs = append(attrs,
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status),
		slog.Float64("duration_ms", e.milliseconds()),
		slog.String("remote", e.Remote))
	if e.CookieLines > 0 {
		attrs = append(attrs, slog.Int("cookie_lines", e.CookieLines))
	}
	for key, value := range e.optional {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	return attrs
}

func (e *Event) milliseconds() float64 { return float64(e.Took.Microseconds()) / 1000 }

// optional yields the attributes that are left out where they are empty, in the order of the log.
func (e *Event) optional(yield func(key, value string) bool) {
	problem := ""
	if e.Err != nil {
		problem = cut(e.Err.Error(), errorBytes)
	}
	_ = yield("outcome", cut(e.Outcome, otherBytes)) &&
		yield("reason", cut(string(e.Reason), otherBytes)) &&
		yield("user_id", e.UserID) &&
		yield("session", e.Session.Name()) &&
		yield("trace_id", cut(e.Trace, otherBytes)) &&
		yield("decision", cut(e.Decision, otherBytes)) &&
		yield("required", cut(e.Required, otherBytes)) &&
		yield("stack", e.Stack) &&
		yield("error", problem)
}

// appendJSON appends the line that slog's JSONHandler would make of the event.
func (e *Event) appendJSON(b []byte) []byte {
	o := warm.NewJSONObject(b)
	o.Escape = escape
	o.Time("time", e.At, time.RFC3339Nano)
	o.String("level", e.level().String())
	o.String("msg", eventMessage)
	o.String("method", e.Method)
	o.String("path", e.Path)
	o.Int("status", e.Status)
	o.Float("duration_ms", e.milliseconds())
	o.String("remote", e.Remote)
	if e.CookieLines > 0 {
		o.Int("cookie_lines", e.CookieLines)
	}
	for key, value := range e.optional {
		if value != "" {
			o.String(key, value)
		}
	}
	return append(o.End(), '\n')
}

// eventKey is where a context has a request's event.
type eventKey struct{}

// WithEvent is a context that has the request's event, for as long as the request is answered.
func WithEvent(ctx context.Context, e *Event) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

// EventIn is the event of the request that ctx belongs to, nil outside of one.
func EventIn(ctx context.Context) *Event {
	e, _ := ctx.Value(eventKey{}).(*Event)
	return e
}
