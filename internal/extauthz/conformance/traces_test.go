package conformance_test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"django-sidecar/internal/tracing"
)

// TestTraces: a question by gRPC is a span below the call's traceparent, or below that of the request under judgement; and
// what is sent is what OpenTelemetry's full messages read.
func TestTraces(t *testing.T) {
	const call, client, span = "0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		message := new(collector.ExportTraceServiceRequest)
		if err != nil || proto.Unmarshal(body, message) != nil {
			t.Errorf("the collector reads %d bytes, %v", len(body), err)
		}
		for _, s := range message.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans() {
			got <- s.GetName() + " " + hex.EncodeToString(s.GetTraceId()) + " " + hex.EncodeToString(s.GetParentSpanId())
		}
	}))
	defer receiver.Close()
	tracer, err := tracing.Open(tracing.Options{URL: receiver.URL, Timeout: 10 * time.Second, Sampler: "parentbased_always_on"})
	if err != nil {
		t.Fatal(err)
	}
	f := startTraced(t, byKey, always, tracer)
	headers := map[string]string{"cookie": "sessionid=adas", "traceparent": "00-" + client + "-" + span + "-01"}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+call+"-"+span+"-01")
	if _, err := f.client.Check(ctx, request(headers, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.Check(t.Context(), request(headers, nil)); err != nil {
		t.Fatal(err)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, trace := range []string{call, client} {
		if want := "envoy.service.auth.v3.Authorization/Check " + trace + " " + span; <-got != want {
			t.Errorf("want the span %s", want)
		}
		if log := f.log.String(); !strings.Contains(log, `"trace_id":"`+trace+`"`) {
			t.Errorf("the log: %s", log)
		}
	}
}
