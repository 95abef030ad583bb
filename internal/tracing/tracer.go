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

// Tracer makes spans. A nil one makes none.
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

// ask makes a span of a question to a store.
func (t *Tracer) ask(ctx context.Context, name, store string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("django_sidecar.store", store)))
	return ctx, func(err error) {
		if err != nil && !djangosession.IsAnswer(err) {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Store returns store with a span for each load.
func (t *Tracer) Store(store djangosession.Store, kind string) djangosession.Store {
	if t == nil {
		return store
	}
	return &tracedStore{t, store, kind}
}

// UserStore returns store with a span for each user. Where there is no store, there is none.
func (t *Tracer) UserStore(store djangosession.UserStore, kind string) djangosession.UserStore {
	if t == nil || store == nil {
		return store
	}
	return &tracedUsers{t, store, kind}
}

// AccessStore returns store with a span for each look at what a user may do.
func (t *Tracer) AccessStore(store djangosession.AccessStore, kind string) djangosession.AccessStore {
	if t == nil {
		return store
	}
	return &tracedAccess{t, store, kind}
}

type tracedStore struct {
	tracer *Tracer
	store  djangosession.Store
	kind   string
}

// Load implements djangosession.Store.
func (s *tracedStore) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	ctx, end := s.tracer.ask(ctx, "load session", s.kind)
	session, err := s.store.Load(ctx, key)
	end(err)
	return session, err
}

type tracedUsers struct {
	tracer *Tracer
	store  djangosession.UserStore
	kind   string
}

// UserByID implements djangosession.UserStore.
func (s *tracedUsers) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	ctx, end := s.tracer.ask(ctx, "load user", s.kind)
	user, err := s.store.UserByID(ctx, id)
	end(err)
	return user, err
}

type tracedAccess struct {
	tracer *Tracer
	store  djangosession.AccessStore
	kind   string
}

// AccessOf implements djangosession.AccessStore.
func (s *tracedAccess) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	ctx, end := s.tracer.ask(ctx, "load groups and permissions", s.kind)
	access, err := s.store.AccessOf(ctx, userID)
	end(err)
	return access, err
}
