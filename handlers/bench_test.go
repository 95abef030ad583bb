package handlers_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

// unwritten is a ResponseWriter that costs nothing.
type unwritten struct{ header http.Header }

func (u *unwritten) Header() http.Header       { return u.header }
func (*unwritten) WriteHeader(int)             {}
func (*unwritten) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkHandlers is what an answer costs whose verdict is at hand, log and metrics included, beside an Echo that knows
// nothing. Both are without net/http's own work.
func BenchmarkHandlers(b *testing.B) {
	nothing := echo.New()
	nothing.GET("/authenticate", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", []byte(adaBody)) })
	verdict := ada()
	metrics := observe.NewMetrics(prometheus.NewRegistry(), "", "")
	known := newHandler(saying(ada(), nil), func(o *handlers.Options) {
		o.Answers.Observe = metrics.Verdict
		o.Answers.Peek = func(keyhash.Hash, time.Time) (djangosession.Verdict, bool) { return verdict, true }
		lines := observe.NewLines(io.Discard, 1<<20)
		b.Cleanup(lines.Close)
		o.Logger = slog.New(observe.NewLogHandler(lines, false, slog.LevelInfo))
	})
	for _, bb := range []struct {
		name, path string
		handler    http.Handler
	}{
		{"Echo alone", "/authenticate", nothing},
		{"authenticate", "/authenticate", known},
		{"nginx", "/auth/nginx", known},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, bb.path, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "127.0.0.1:54321"
			r.Header = http.Header{"Cookie": {"sessionid=" + sessionKey}, "X-Original-Url": {"https://example.org/"}, "X-Original-Method": {"GET"}}
			w := &unwritten{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				bb.handler.ServeHTTP(w, r)
			}
		})
	}
}
