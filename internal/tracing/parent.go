package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/trace"
)

// parentName is the header of W3C Trace Context, as net/http writes names.
const parentName = "Traceparent"

// parentBytes is the length of a traceparent: version, trace, parent and flags, in hexadecimal digits between hyphens
// (https://www.w3.org/TR/trace-context/#traceparent-header).
const (
	parentBytes       = 55
	traceAt, traceEnd = 3, 35
	spanAt, spanEnd   = 36, 52
)

// Parent returns the one traceparent that a request has, "" where it has none or several.
func Parent(h http.Header) string {
	values := h[parentName]
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// TraceID returns the trace in a traceparent, "" where it is none: 32 digits. It costs no memory.
func TraceID(parent string) string {
	if len(parent) < parentBytes || parent[:2] == "ff" ||
		len(parent) > parentBytes && (parent[:2] == "00" || parent[parentBytes] != '-') ||
		parent[2] != '-' || parent[traceEnd] != '-' || parent[spanEnd] != '-' ||
		!isHex(parent[:2]) || !isHex(parent[spanEnd+1:parentBytes]) ||
		!isID(parent[traceAt:traceEnd]) || !isID(parent[spanAt:spanEnd]) {
		return ""
	}
	return parent[traceAt:traceEnd]
}

// isHex reports whether a text is of the digits that W3C allows, which are small.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isID reports whether a text is an id: digits of which one at least is not 0.
func isID(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return isHex(s)
		}
	}
	return false
}

// withParent is ctx with the span that the traceparent names, if it names one.
func withParent(ctx context.Context, parent string) context.Context {
	if TraceID(parent) == "" {
		return ctx
	}
	var c trace.SpanContextConfig
	c.TraceID, _ = trace.TraceIDFromHex(parent[traceAt:traceEnd]) // checked above
	c.SpanID, _ = trace.SpanIDFromHex(parent[spanAt:spanEnd])
	const sampled = 1
	if digit := parent[parentBytes-1]; fromHex(digit)&sampled != 0 {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(c))
}

func fromHex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
