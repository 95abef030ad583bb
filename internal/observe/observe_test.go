package observe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/observe"
	"django-sidecar/signing"
)

// storeFunc and usersFunc are stores that say what a test wants them to.
type (
	storeFunc func(ctx context.Context, key string) (*djangosession.Session, error)
	usersFunc func(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error)
)

func (f storeFunc) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	return f(ctx, key)
}

func (f usersFunc) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	return f(ctx, id)
}

// scrape returns the metrics as Prometheus reads them.
func scrape(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	return "\n" + w.Body.String()
}

// ticking is a clock that goes on by a second each time somebody looks.
func ticking() func() time.Time {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

// TestStores: every answer is timed, and an error that is a verdict is no failure.
func TestStores(t *testing.T) {
	down := errors.New("the store is down")
	for _, tt := range []struct {
		err     error
		failure bool
	}{
		{nil, false},
		{down, true},
		{context.DeadlineExceeded, true},
		{djangosession.ErrExpired, false},
		{fmt.Errorf("loading: %w", djangosession.ErrNotFound), false},
		{signing.ErrBadSignature, false},
		{fmt.Errorf("decoding: %w", &signing.SyntaxError{}), false},
	} {
		registry := prometheus.NewRegistry()
		store := observe.NewMetrics(registry, "", "").Store(storeFunc(func(_ context.Context, key string) (*djangosession.Session, error) {
			if key != "key" {
				t.Errorf("asked for %q", key)
			}
			return new(djangosession.Session), tt.err
		}), "db", ticking())
		if s, err := store.Load(t.Context(), "key"); s == nil || !errors.Is(err, tt.err) {
			t.Errorf("%v: %v, %v", tt.err, s, err)
		}
		testCounted(t, registry, `store="db"`, "load", tt.err, tt.failure)
	}
	for _, tt := range []struct {
		err     error
		failure bool
	}{
		{nil, false},
		{down, true},
		{fmt.Errorf("asking: %w", djangosession.ErrUserNotFound), false},
		{djangosession.ErrBadUserID, false},
	} {
		registry := prometheus.NewRegistry()
		users := observe.NewMetrics(registry, "", "").UserStore(usersFunc(func(context.Context, djangosession.Value) (*djangosession.StoredUser, error) {
			return new(djangosession.StoredUser), tt.err
		}), "db", ticking())
		if u, err := users.UserByID(t.Context(), djangosession.Value{}); u == nil || !errors.Is(err, tt.err) {
			t.Errorf("%v: %v, %v", tt.err, u, err)
		}
		testCounted(t, registry, `store="db"`, "user_by_id", tt.err, tt.failure)
	}
}

func testCounted(t *testing.T, r *prometheus.Registry, store, operation string, err error, failure bool) {
	t.Helper()
	failures := 0
	if failure {
		failures = 1
	}
	text, labels := scrape(t, r), `{operation="`+operation+`",`+store+`}`
	for _, line := range []string{
		"django_sidecar_store_duration_seconds_count" + labels + " 1",
		"django_sidecar_store_duration_seconds_sum" + labels + " 1",
		fmt.Sprintf("django_sidecar_store_errors_total %d", failures),
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%v: no line %s in %s", err, line, text)
		}
	}
}
