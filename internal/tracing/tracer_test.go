package tracing_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a collector.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	bodies  bytes.Buffer
	headers http.Header
	spans   []*traces.Span
	service []string
	status  int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		message := new(collector.ExportTraceServiceRequest)
		if err := proto.Unmarshal(body, message); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.headers = q.Header
		r.bodies.Write(body)
		for _, of := range message.GetResourceSpans() {
			for _, a := range of.GetResource().GetAttributes() {
				r.service = append(r.service, a.GetKey()+"="+a.GetValue().GetStringValue())
			}
			for _, s := range of.GetScopeSpans() {
				r.spans = append(r.spans, s.GetSpans()...)
			}
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func open(t *testing.T, o tracing.Options) *tracing.Tracer {
	t.Helper()
	if o.Sampler == "" {
		o.Sampler = "parentbased_always_on"
	}
	o.Timeout = 5 * time.Second
	tracer, err := tracing.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

const secretKey = "the session's key"

// store is a session store that finds nothing, or fails.
type store struct{ err error }

func (s store) Load(context.Context, string) (*djangosession.Session, error) { return nil, s.err }

// watched is a store whose loads have spans.
func watched(tracer *tracing.Tracer, s store) *observe.Sessions {
	return &observe.Sessions{Store: s, Watch: observe.Watch{Now: time.Now, Span: tracer.Questions("load session", "database")}}
}

// request makes the span of a request that loads a session.
func request(t *testing.T, tracer *tracing.Tracer, parent string, loading error, status int) *observe.Event {
	t.Helper()
	e := &observe.Event{Method: "GET", Path: "/secret/path?x=" + secretKey, Outcome: "ended", Reason: "expired", Session: keyhash.New(secretKey).Hash}
	e.Trace = tracing.TraceID(parent)
	ctx, end := tracer.Request(t.Context(), "GET /auth/nginx", parent, e)
	if _, err := watched(tracer, store{loading}).Load(ctx, secretKey); !errors.Is(err, loading) {
		t.Error(err)
	}
	e.Status = status
	end()
	return e
}

// TestSpansJoinTheGateways: the request's span is below the gateway's, and the store's below the request's. Nothing in
// them is secret.
func TestSpansJoinTheGateways(t *testing.T) {
	r := newReceiver(t)
	tracer := open(t, tracing.Options{
		URL: r.URL, Headers: map[string]string{"Authorization": "Bearer x"}, Attributes: map[string]string{"service.name": "shop"},
	})
	if e := request(t, tracer, parent, djangosession.ErrNotFound, 401); e.Trace != traceID {
		t.Errorf("the event names the trace %q", e.Trace)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.spans) != 2 {
		t.Fatalf("%d spans", len(r.spans))
	}
	slices.SortFunc(r.spans, func(a, b *traces.Span) int { return strings.Compare(a.GetName(), b.GetName()) })
	asked, loaded := r.spans[0], r.spans[1]
	for _, s := range r.spans {
		if hex.EncodeToString(s.GetTraceId()) != traceID || s.GetStatus().GetCode() != traces.Status_STATUS_CODE_UNSET ||
			s.GetEndTimeUnixNano() < s.GetStartTimeUnixNano() || s.GetStartTimeUnixNano() == 0 {
			t.Errorf("%v", s)
		}
	}
	if hex.EncodeToString(asked.GetParentSpanId()) != spanID || !bytes.Equal(loaded.GetParentSpanId(), asked.GetSpanId()) {
		t.Errorf("parents: %v", r.spans)
	}
	if asked.GetName() != "GET /auth/nginx" || asked.GetKind() != traces.Span_SPAN_KIND_SERVER || loaded.GetName() != "load session" ||
		loaded.GetKind() != traces.Span_SPAN_KIND_CLIENT {
		t.Errorf("names and kinds: %v", r.spans)
	}
	got := map[string]string{}
	for _, a := range asked.GetAttributes() {
		got[a.GetKey()] = a.GetValue().GetStringValue()
	}
	if got["django_sidecar.outcome"] != "ended" || got["django_sidecar.reason"] != "expired" || len(got["django_sidecar.session"]) != 12 {
		t.Errorf("attributes: %v", got)
	}
	if !slices.Contains(r.service, "service.name=shop") || r.headers.Get("Authorization") != "Bearer x" || r.headers.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%v, %v", r.service, r.headers)
	}
	if strings.Contains(r.bodies.String(), secretKey) || strings.Contains(r.bodies.String(), "secret/path") {
		t.Error("a span has the session's key, or the path")
	}
}

// TestFailuresAreMarked: a 5xx and a failing store are errors, without their texts.
func TestFailuresAreMarked(t *testing.T) {
	r := newReceiver(t)
	tracer := open(t, tracing.Options{URL: r.URL})
	e := request(t, tracer, "", errors.New("what must not leave"), 503)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.spans) != 2 || strings.Contains(r.bodies.String(), "what must not leave") {
		t.Fatalf("%v", r.spans)
	}
	for _, s := range r.spans {
		if s.GetStatus().GetCode() != traces.Status_STATUS_CODE_ERROR || hex.EncodeToString(s.GetTraceId()) != e.Trace {
			t.Errorf("trace %s: %v", e.Trace, s)
		}
	}
}

// TestSampling: the gateway's decision counts where it has made one, and the sampler's elsewhere.
func TestSampling(t *testing.T) {
	unsampled := parent[:53] + "00"
	for _, tt := range []struct {
		sampler, parent string
		share           float64
		want            int
	}{
		{"parentbased_always_on", unsampled, 0, 0},
		{"parentbased_always_on", parent, 0, 2},
		{"parentbased_always_on", "", 0, 2},
		{"parentbased_always_off", "", 0, 0},
		{"parentbased_always_off", parent, 0, 2},
		{"always_on", unsampled, 0, 2},
		{"always_off", parent, 0, 0},
		{"traceidratio", parent, 0, 0},
		{"parentbased_traceidratio", "", 1, 2},
	} {
		r := newReceiver(t)
		tracer := open(t, tracing.Options{URL: r.URL, Sampler: tt.sampler, Share: tt.share})
		e := request(t, tracer, tt.parent, nil, 200)
		if err := tracer.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(r.spans) != tt.want || tt.parent == "" && (e.Trace != "") != (tt.want > 0) {
			t.Errorf("%s under %q: %d spans, trace %q", tt.sampler, tt.parent, len(r.spans), e.Trace)
		}
	}
	if _, err := tracing.Open(tracing.Options{Sampler: "jaeger_remote"}); err == nil {
		t.Error("any sampler will do")
	}
}

// TestCollectorThatRefuses: what it does not take is counted and reported, and dropped.
func TestCollectorThatRefuses(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusServiceUnavailable
	var reported []string
	tracer := open(t, tracing.Options{URL: r.URL, Report: func(err error) { reported = append(reported, err.Error()) }})
	request(t, tracer, parent, nil, 200)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(reported, "; "); tracer.Dropped() != 2 || !strings.Contains(got, "it answers 503") {
		t.Errorf("%d dropped: %s", tracer.Dropped(), got)
	}
}

// TestCollectorThatHangs: ten thousand requests do not wait for it, and what waits is bounded; nor does the end.
func TestCollectorThatHangs(t *testing.T) {
	defer func() {
		for range 30 { // a second each: what Close has given up goes on until the last batch is lost
			if goleak.Find() == nil {
				return
			}
		}
	}()
	release, posts := make(chan struct{}), make(chan struct{}, 1000)
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		posts <- struct{}{}
		<-release
	}))
	defer hanging.Close()
	defer close(release)
	tracer := open(t, tracing.Options{URL: hanging.URL})
	for range 10_000 {
		request(t, tracer, parent, nil, 200)
	}
	<-posts // the first batch is on its way, and has no answer
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tracer.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closing: %v", err)
	}
}

// TestNoTracer: without traces, nothing is asked to make spans.
func TestNoTracer(t *testing.T) {
	var none *tracing.Tracer
	if none.Questions("load session", "database") != nil {
		t.Error("there is something that makes spans")
	}
	if err := none.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
