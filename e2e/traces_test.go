//go:build live

package e2e

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spanSeen is a span as a collector has got it.
type spanSeen struct{ name, id, parent, trace string }

// spanReceiver is a collector.
type spanReceiver struct {
	*httptest.Server

	mu    sync.Mutex
	spans map[string]spanSeen // by trace and name
	text  strings.Builder
}

func newSpanReceiver(t *testing.T) *spanReceiver {
	t.Helper()
	r := &spanReceiver{spans: map[string]spanSeen{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		message := new(collector.ExportTraceServiceRequest)
		if err != nil || proto.Unmarshal(body, message) != nil || q.URL.Path != "/v1/traces" {
			t.Errorf("the collector gets %d bytes at %s, %v", len(body), q.URL.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.text.Write(body)
		for _, s := range message.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans() {
			seen := spanSeen{s.GetName(), hex.EncodeToString(s.GetSpanId()), hex.EncodeToString(s.GetParentSpanId()), hex.EncodeToString(s.GetTraceId())}
			r.spans[seen.trace+" "+seen.name] = seen
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// askTraced asks with a traceparent.
func (r *rig) askTraced(t *testing.T, c *http.Client, key, parent string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/authenticate", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	request.Header.Set("Traceparent", parent)
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

// TestTraces: the spans of a request and of what the stores were asked for it are in the gateway's trace, one below the
// other, with a cache and without; a trace that the gateway does not record has none; nothing secret is sent.
func TestTraces(t *testing.T) {
	for name, ttl := range map[string]string{"with a cache": "1m", "without": "0"} {
		t.Run(name, func(t *testing.T) {
			receiver := newSpanReceiver(t)
			r := newRig(t, 20*time.Second, map[string]string{
				"SIDECAR_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "SIDECAR_CACHE_TTL": ttl,
			})
			client, closeIdle := newClient(time.Minute)
			defer closeIdle()
			const gateway = "b7ad6b7169203331"
			on, off := "0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c"
			if got := r.askTraced(t, client, r.live[1], "00-"+off+"-"+gateway+"-00"); got != http.StatusOK {
				t.Fatalf("status %d", got)
			}
			if got := r.askTraced(t, client, r.live[0], "00-"+on+"-"+gateway+"-01"); got != http.StatusOK {
				t.Fatalf("status %d", got)
			}
			r.stop() // which sends what there is
			<-r.stopped
			request, session, user := receiver.spans[on+" GET /authenticate"], receiver.spans[on+" load session"], receiver.spans[on+" load user"]
			if request.parent != gateway || request.id == "" || session.parent != request.id || user.parent != request.id {
				t.Errorf("the request %+v, the session %+v, the user %+v", request, session, user)
			}
			if len(receiver.spans) != 3 {
				t.Errorf("spans: %+v", receiver.spans)
			}
			for _, secret := range append([]string{rigSecret, rigPassword, "p@ss"}, r.live...) {
				if strings.Contains(receiver.text.String(), secret) {
					t.Errorf("a span holds %q", secret)
				}
			}
			if log := r.log.String(); !strings.Contains(log, `"trace_id":"`+on+`"`) || !strings.Contains(log, `"trace_id":"`+off+`"`) {
				t.Error("the log does not name the traces")
			}
		})
	}
}

// TestTracesWithoutACollector: where none answers, requests are answered, the metrics count what was lost, and the end
// is not held up.
func TestTracesWithoutACollector(t *testing.T) {
	r := newRig(t, 20*time.Second, map[string]string{
		"SIDECAR_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
	})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	for range 600 { // more than a batch
		if got := r.status(t, client, r.live[0]); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	waitFor(t, 30*time.Second, "counting what was lost", func() bool {
		metrics := metricsOf(t, r.admin)
		return strings.Contains(metrics, "django_sidecar_spans_undelivered_total") && !strings.Contains(metrics, "django_sidecar_spans_undelivered_total 0\n")
	})
	waitFor(t, 30*time.Second, "told by the log", func() bool { return strings.Contains(r.log.String(), "posting spans to the collector") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r.stop()
	select {
	case <-r.stopped:
	case <-ctx.Done():
		t.Error("it does not end")
	}
}
