package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resources "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	traces "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// exporter posts spans by OTLP over HTTP, in protobuf. A batch that does not arrive is dropped: spans are worth less
// than the memory in which they would wait.
type exporter struct {
	options Options
	client  *http.Client
	dropped atomic.Uint64
}

func newExporter(o Options) *exporter { return &exporter{options: o, client: newClient(o.Timeout)} }

// ExportSpans implements sdk.SpanExporter.
func (x *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := x.post(ctx, requestOf(spans)); err != nil {
		x.dropped.Add(uint64(len(spans)))
		x.options.Report(err)
	}
	return nil // it has been reported
}

// Shutdown implements sdk.SpanExporter.
func (x *exporter) Shutdown(context.Context) error {
	x.client.CloseIdleConnections()
	return nil
}

func (x *exporter) post(ctx context.Context, message *collector.ExportTraceServiceRequest) error {
	body, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, x.options.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	for name, value := range x.options.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := x.client.Do(request)
	if err != nil {
		if failed := (*url.Error)(nil); errors.As(err, &failed) {
			err = failed.Err // the URL is the operator's own
		}
		return fmt.Errorf("posting spans to the collector: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	const enough = 64 << 10
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, enough)) // so that the connection is used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("posting spans to the collector: it answers %d", response.StatusCode)
	}
	return nil
}

// requestOf writes spans of one resource and one scope, as all are here.
func requestOf(spans []sdk.ReadOnlySpan) *collector.ExportTraceServiceRequest {
	of := &traces.ScopeSpans{Scope: &common.InstrumentationScope{Name: "django-sidecar"}}
	all := &traces.ResourceSpans{Resource: &resources.Resource{}, ScopeSpans: []*traces.ScopeSpans{of}}
	for _, s := range spans {
		all.Resource.Attributes = attributesIn(s.Resource().Attributes())
		of.Spans = append(of.Spans, spanOf(s))
	}
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*traces.ResourceSpans{all}}
}

func spanOf(s sdk.ReadOnlySpan) *traces.Span {
	id, trace, parent := s.SpanContext().SpanID(), s.SpanContext().TraceID(), s.Parent().SpanID()
	span := &traces.Span{
		TraceId: trace[:], SpanId: id[:], Name: s.Name(),
		Kind:              traces.Span_SpanKind(s.SpanKind()), //nolint:gosec // a small number
		StartTimeUnixNano: nanoseconds(s.StartTime()), EndTimeUnixNano: nanoseconds(s.EndTime()),
		Attributes: attributesIn(s.Attributes()),
		Flags:      uint32(s.SpanContext().TraceFlags()), Status: &traces.Status{},
	}
	if s.Parent().IsValid() {
		span.ParentSpanId = parent[:]
	}
	if s.Status().Code == codes.Error {
		span.Status.Code = traces.Status_STATUS_CODE_ERROR
	}
	return span
}

func nanoseconds(t time.Time) uint64 { return uint64(t.UnixNano()) }

func attributesIn(list []attribute.KeyValue) (out []*common.KeyValue) {
	for _, a := range list {
		v := &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: a.Value.String()}}
		if a.Value.Type() == attribute.INT64 {
			v.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		}
		out = append(out, &common.KeyValue{Key: string(a.Key), Value: v})
	}
	return out
}
