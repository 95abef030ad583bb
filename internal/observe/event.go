package observe

import (
	"context"
	"log/slog"
	"time"

	"django-sidecar/djangosession"
)

// Event is what one request leaves in the log: filled on the way, written once. Nothing in it is secret. What is empty is
// left out, except Method, Path, Status, Took and Remote.
type Event struct {
	// Method, Path and Remote are the request's, Status and Took the answer's.
	Method, Path, Remote string
	Status               int
	Took                 time.Duration
	// Outcome is what the verdict came to: alive, ended or unavailable.
	Outcome string
	// Reason is why it is ended.
	Reason djangosession.Reason
	UserID string
	// Session is the SessionName of the key.
	Session string
	// Decision is what a gateway is told: allow, sign in, forbidden or malformed.
	Decision string
	Err      error  // why the answer is a 5xx
	Stack    string // of a panic
}

// Write writes the event: as an error for an answer of 500 and above, and otherwise as information.
func (e *Event) Write(ctx context.Context, logger *slog.Logger) {
	level := slog.LevelInfo
	if e.Status >= 500 {
		level = slog.LevelError
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.Status),
		slog.Float64("duration_ms", float64(e.Took.Microseconds())/1000),
		slog.String("remote", e.Remote))
	for _, optional := range [...]slog.Attr{
		slog.String("outcome", e.Outcome),
		slog.String("reason", string(e.Reason)),
		slog.String("user_id", e.UserID),
		slog.String("session", e.Session),
		slog.String("decision", e.Decision),
		slog.String("stack", e.Stack),
	} {
		if optional.Value.String() != "" {
			attrs = append(attrs, optional)
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}
