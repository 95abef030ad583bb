package observe

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// LogHandler is the slog.Handler of an operator's log. It writes the events of requests without reflection, and drops
// them where the log is slower than the requests; what is logged otherwise, and every event of a failure, is never
// dropped. A line is bounded, and has no character that a terminal would not show.
type LogHandler struct {
	slog.Handler

	lines *AsyncWriter
	// offering takes the events that may be dropped. It is nil for JSON, which is made here.
	offering slog.Handler
}

// NewLogHandler returns a handler that writes to lines, as JSON unless text is true.
func NewLogHandler(lines *AsyncWriter, text bool, level slog.Leveler) *LogHandler {
	options := &slog.HandlerOptions{Level: level}
	h := &LogHandler{lines: lines}
	if text {
		h.Handler = slog.NewTextHandler(lossless{lines}, options)
		h.offering = slog.NewTextHandler(offers{lines}, options)
	} else {
		h.Handler = slog.NewJSONHandler(lossless{lines}, options)
	}
	return h
}

// Handle implements slog.Handler.
func (h *LogHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(ctx, bounded(r))
}

// Dropped counts the events that were dropped.
func (h *LogHandler) Dropped() uint64 { return h.lines.Dropped() }

// offers is the io.Writer of lines that may be dropped.
type offers struct{ *AsyncWriter }

// Write implements io.Writer.
func (o offers) Write(line []byte) (int, error) {
	o.Offer(escape(line))
	return len(line), nil
}

// lossless is the io.Writer of lines that must not be lost.
type lossless struct{ *AsyncWriter }

// Write implements io.Writer.
func (k lossless) Write(line []byte) (int, error) {
	if _, err := k.AsyncWriter.Write(escape(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

var (
	_ io.Writer = offers{}
	_ io.Writer = lossless{}
	// linePool holds the buffers that lines are made in.
	linePool = sync.Pool{New: func() any { return new([]byte) }}
)

// maxPooledLine keeps the buffer of a stack's line from staying.
const maxPooledLine = 4096

// event logs what is enabled.
func (h *LogHandler) event(ctx context.Context, e *Event) {
	failed := e.level() >= slog.LevelError
	if h.offering != nil {
		handler := h.offering
		if failed {
			handler = h.Handler
		}
		r := slog.NewRecord(e.At, e.level(), eventMessage, 0)
		r.AddAttrs(e.attrs()...)
		_ = handler.Handle(ctx, r) // lines take everything
		return
	}
	line, _ := linePool.Get().(*[]byte)
	*line = e.appendJSON((*line)[:0])
	if failed {
		_, _ = h.lines.Write(*line) // as above
	} else {
		h.lines.Offer(*line)
	}
	if cap(*line) <= maxPooledLine {
		linePool.Put(line)
	}
}
