package tracing

import (
	"context"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"django-sidecar/djangosession"
	"django-sidecar/internal/observe"
)

// Tracer makes spans. Of a nil one, only Close and Questions may be called, and do nothing.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	drop     func() uint64
}

// Dropped is how many spans have not reached the collector.
func (t *Tracer) Dropped() uint64 { return t.drop() }

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Request begins the span of a request, below the gateway's, which the traceparent names. The returned function ends
// it, with what the event then tells of the request. A trace that begins here is named in the event.
func (t *Tracer) Request(ctx context.Context, name, parent string, e *observe.Event) (_ context.Context, end func()) {
	ctx, span := t.tracer.Start(withParent(ctx, parent), name, trace.WithSpanKind(trace.SpanKindServer))
	if e.Trace == "" && span.SpanContext().IsSampled() {
		e.Trace = span.SpanContext().TraceID().String()
	}
	return ctx, func() {
		if span.IsRecording() {
			span.SetAttributes(attributesOf(e)...)
			if e.Status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, "") // what went wrong is in the log
			}
		}
		span.End()
	}
}

// attributesOf is what a span tells of a request: nothing that the log does not tell, and nothing secret.
func attributesOf(e *observe.Event) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("http.request.method", Method(e.Method)), attribute.Int("http.response.status_code", e.Status),
	}
	for _, a := range []struct{ key, value string }{
		{"django_sidecar.outcome", e.Outcome},
		{"django_sidecar.reason", string(e.Reason)},
		{"django_sidecar.session", e.Session.Name()},
		{"django_sidecar.decision", e.Decision},
		{"django_sidecar.required", e.Required},
	} {
		if a.value != "" {
			list = append(list, attribute.String(a.key, a.value))
		}
	}
	return list
}

// Method is a method of HTTP, or what OpenTelemetry calls the others.
func Method(name string) string {
	known := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"}
	if slices.Contains(known, name) {
		return name
	}
	return "_OTHER"
}

// Questions makes spans of the questions of one kind to a store, for observe.Watch; nil where t is.
func (t *Tracer) Questions(name, store string) func(context.Context) (context.Context, func(error)) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context) (context.Context, func(error)) {
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.String("django_sidecar.store", store)))
		return ctx, func(err error) {
			if err != nil && !djangosession.IsAnswer(err) {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}
