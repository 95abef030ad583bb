package handlers_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/handlers"
	"django-sidecar/internal/observe"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	parent  = "00-" + traceID + "-b7ad6b7169203331-01"
)

// TestWarmAllocations: without traces, a request whose verdict is kept allocates no more than it did before there were
// any, whether the gateway sends a traceparent or not.
func TestWarmAllocations(t *testing.T) {
	metrics := observe.NewMetrics(prometheus.NewRegistry(), "", "")
	h := newHandler(saying(ada(), nil), func(o *handlers.Options) {
		o.Answers.Observe = metrics.Verdict
		o.Answers.Verifier = kept{ada(), sessionKey, nil}
	})
	for path, most := range map[string]float64{"/authenticate": 0, "/auth/nginx": 15} {
		for _, traced := range []bool{false, true} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.Header = http.Header{"Cookie": {"sessionid=" + sessionKey}, "X-Original-Url": {"https://example.org/"}, "X-Original-Method": {"GET"}}
			if traced {
				r.Header["Traceparent"] = []string{parent}
			}
			answer := httptest.NewRecorder()
			if h.ServeHTTP(answer, r); answer.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
			}
			w := &unwritten{http.Header{}}
			got := testing.AllocsPerRun(200, func() {
				clear(w.header)
				h.ServeHTTP(w, r)
			})
			if got > most+poolAllocs {
				t.Errorf("%s, traceparent %v: %v allocations, want at most %v", path, traced, got, most)
			}
		}
	}
}

// TestTraceInTheLog: the event names the trace that the gateway's header names, and nothing else that is in it.
func TestTraceInTheLog(t *testing.T) {
	for header, want := range map[string]string{
		parent: `"trace_id":"` + traceID + `"`, "": "", "00-" + strings.Repeat("x", 5000): "", strings.ToUpper(parent): "",
	} {
		var log strings.Builder
		h := newHandler(saying(ada(), nil), func(o *handlers.Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Traceparent", header)
		h.ServeHTTP(&unwritten{http.Header{}}, r)
		if got := log.String(); !strings.Contains(got, want) || want == "" && strings.Contains(got, "trace_id") {
			t.Errorf("%.60q: %s", header, got)
		}
	}
}
