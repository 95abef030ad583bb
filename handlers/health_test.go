package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/observe"
)

func newAdmin(checks ...handlers.Check) http.Handler {
	return handlers.NewAdmin(handlers.AdminOptions{
		Ready:   func(context.Context) []handlers.Check { return checks },
		Metrics: http.NotFoundHandler(),
		Version: "1.2.3", Commit: "abcdef", Go: "go1.26.8",
	})
}

func TestAdmin(t *testing.T) {
	down := errors.New("no route to host")
	panicking := handlers.NewAdmin(handlers.AdminOptions{Ready: func(context.Context) []handlers.Check { panic("boom") }})
	for _, tt := range []httpTest{
		{Name: "live", Path: "/livez", Handler: newAdmin(), Code: 200, WantHeader: errorHeader, WantBody: `{"live":true}`},
		{Name: "live, HEAD", Method: "HEAD", Path: "/livez", Handler: newAdmin(), Code: 200, WantHeader: errorHeader, WantBody: `{"live":true}`},
		{
			Name: "live, whatever is not ready", Path: "/livez", Handler: newAdmin(handlers.Check{Name: "database", Err: down}),
			Code: 200, WantHeader: errorHeader, WantBody: `{"live":true}`,
		},
		{
			Name: "ready", Path: "/readyz", Handler: newAdmin(handlers.Check{Name: "settings"}, handlers.Check{Name: "database"}),
			Code: 200, WantHeader: errorHeader, WantBody: `{"ready":true,"checks":{"database":"ok","settings":"ok"}}`,
		},
		{
			Name: "not ready", Path: "/readyz", Handler: newAdmin(handlers.Check{Name: "database", Err: down}, handlers.Check{Name: "settings"}),
			Code: 503, WantHeader: errorHeader, WantBody: `{"ready":false,"checks":{"database":"no route to host","settings":"ok"}}`,
		},
		{
			Name: "not ready, HEAD", Method: "HEAD", Path: "/readyz", Handler: newAdmin(handlers.Check{Name: "database", Err: down}),
			Code: 503, WantHeader: errorHeader, WantBody: `{"ready":false,"checks":{"database":"no route to host"}}`,
		},
		{
			Name: "version", Path: "/version", Handler: newAdmin(), Code: 200, WantHeader: errorHeader,
			WantBody: `{"commit":"abcdef","go":"go1.26.8","version":"1.2.3"}`,
		},
		{Name: "the public path", Path: "/authenticate", Handler: newAdmin(), Code: 404, WantHeader: errorHeader, WantBody: `{"result":false,"message":"Not Found."}`},
		{
			Name: "another method", Method: "POST", Path: "/readyz", Handler: newAdmin(), Code: 405,
			WantHeader: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Allow": "OPTIONS, GET, HEAD"},
			WantBody:   `{"result":false,"message":"Method Not Allowed."}`,
		},
		{Name: "a panic", Path: "/readyz", Handler: panicking, Code: 500, WantHeader: errorHeader, WantBody: `{"result":false,"message":"The request could not be handled."}`},
	} {
		t.Run(tt.Name, tt.run)
	}
}

// TestReadyIsAskedUnderTheRequest: a probe that gives up ends what it began.
func TestReadyIsAskedUnderTheRequest(t *testing.T) {
	gone, giveUp := context.WithCancel(t.Context())
	giveUp()
	h := handlers.NewAdmin(handlers.AdminOptions{Ready: func(ctx context.Context) []handlers.Check {
		return []handlers.Check{{Name: "context", Err: ctx.Err()}}
	}})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), context.Canceled.Error()) {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

// TestMetrics counts verdicts as cmd wires them, and reads them where Prometheus does.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics := observe.NewMetrics(registry, "1.2.3", "abcdef")
	admin := handlers.NewAdmin(handlers.AdminOptions{Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})})
	for _, v := range []verifierFunc{saying(ada(), nil), saying(ada(), nil), ended(djangosession.Expired), saying(ada(), errors.New("down"))} {
		h := newHandler(v, func(o *handlers.Options) { o.Answers.Observe, o.Answers.Now = metrics.Verdict, ticking() })
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil))
	}
	atHand := newHandler(nil, func(o *handlers.Options) {
		o.Answers.Observe, o.Answers.Now = metrics.Verdict, ticking()
		o.Answers.Verifier = kept{ada(), "", nil} // of a request without a cookie
	})
	atHand.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil))
	w := httptest.NewRecorder()
	admin.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`django_sidecar_verdicts_total{outcome="alive",reason=""} 3`,
		`django_sidecar_verdicts_total{outcome="ended",reason="expired"} 1`,
		`django_sidecar_verdicts_total{outcome="unavailable",reason=""} 1`,
		`django_sidecar_verdict_duration_seconds_count 5`,
		`django_sidecar_verdict_duration_seconds_sum 0.004`,
		`django_sidecar_store_errors_total 0`,
		`django_sidecar_build_info{commit="abcdef",version="1.2.3"} 1`,
	} {
		if !strings.Contains("\n"+w.Body.String(), "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, w.Body)
		}
	}
}
