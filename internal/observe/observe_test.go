package observe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
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
		watch := observe.NewMetrics(registry, "", "").Watch("db", "load", observe.Watch{Now: ticking()})
		store := observe.Sessions{Watch: watch, Store: storeFunc(func(_ context.Context, key string) (*djangosession.Session, error) {
			if key != "key" {
				t.Errorf("asked for %q", key)
			}
			return new(djangosession.Session), tt.err
		})}
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
		watch := observe.NewMetrics(registry, "", "").Watch("db", "user_by_id", observe.Watch{Now: ticking()})
		users := observe.Users{Watch: watch, Store: usersFunc(func(context.Context, djangosession.Value) (*djangosession.StoredUser, error) {
			return new(djangosession.StoredUser), tt.err
		})}
		if u, err := users.UserByID(t.Context(), djangosession.Value{}); u == nil || !errors.Is(err, tt.err) {
			t.Errorf("%v: %v, %v", tt.err, u, err)
		}
		testCounted(t, registry, `store="db"`, "user_by_id", tt.err, tt.failure)
	}
}

// TestNotAsked: a question that is not put is a failure of the store, and takes no time of it.
func TestNotAsked(t *testing.T) {
	registry, now := prometheus.NewRegistry(), func() time.Time { return time.Unix(0, 0) }
	watch := observe.NewMetrics(registry, "", "").Watch("db", "load", observe.Watch{
		Now: now, Breaker: breaker.New("session table", now, func(bool) {}, new(sync.WaitGroup)),
	})
	store := observe.Sessions{Watch: watch, Store: storeFunc(func(context.Context, string) (*djangosession.Session, error) {
		return nil, context.DeadlineExceeded
	})}
	for i := range 6 {
		if _, err := store.Load(t.Context(), "key"); errors.Is(err, breaker.ErrOpen) != (i == 5) {
			t.Errorf("question %d: %v", i, err)
		}
	}
	text := scrape(t, registry)
	for _, line := range []string{
		`django_sidecar_store_duration_seconds_count{operation="load",store="db"} 5`,
		"django_sidecar_store_errors_total 6",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s in %s", line, text)
		}
	}
}

// writerFunc is a djangosession.Writer and a login.UserWriter whose every step ends in the error that it returns.
type writerFunc func() error

func (f writerFunc) Create(context.Context, string, *djangosession.Session, time.Time) error {
	return f()
}

func (f writerFunc) Save(context.Context, string, *djangosession.Session, time.Time) error {
	return f()
}

func (f writerFunc) Touch(context.Context, string, *djangosession.Session, time.Time) error {
	return f()
}
func (f writerFunc) Delete(context.Context, string) error { return f() }

func (f writerFunc) SetPassword(context.Context, string, string, string) (bool, error) {
	return true, f()
}
func (f writerFunc) SetLastLogin(context.Context, string, time.Time) error { return f() }

// TestNotWritten: where what writes uses up its time again and again, it is not asked any more until it answers; and
// that a session is gone, or its key taken, is an answer.
func TestNotWritten(t *testing.T) {
	at := time.Unix(0, 0)
	for name, steps := range map[string]func(writerFunc, observe.Watch) []func() error{
		"sessions": func(f writerFunc, watch observe.Watch) []func() error {
			w, ctx := observe.Writer{Writer: f, Watch: watch}, t.Context()
			return []func() error{
				func() error { return w.Create(ctx, "key", nil, at) },
				func() error { return w.Save(ctx, "key", nil, at) },
				func() error { return w.Touch(ctx, "key", nil, at) },
				func() error { return w.Delete(ctx, "key") },
			}
		},
		"users": func(f writerFunc, watch observe.Watch) []func() error {
			w, ctx := observe.UserWriter{Writer: f, Watch: watch}, t.Context()
			return []func() error{
				func() error { return w.SetLastLogin(ctx, "1", at) },
				func() error { _, err := w.SetPassword(ctx, "1", "", ""); return err },
			}
		},
	} {
		now, is := at, error(context.DeadlineExceeded)
		watch := observe.Watch{Now: func() time.Time { return now }}
		watch.Breaker = breaker.New(name, watch.Now, func(bool) {}, new(sync.WaitGroup))
		asked := 0
		all := steps(func() error { asked++; return is }, watch)
		for i := range 9 {
			if err := all[i%len(all)](); errors.Is(err, breaker.ErrOpen) != (i >= 5) {
				t.Errorf("%s, step %d: %v", name, i, err)
			}
		}
		if asked != 5 {
			t.Errorf("%s: %d steps were put, want 5", name, asked)
		}
		if now, is = at.Add(time.Minute), error(nil); name == "sessions" {
			is = fmt.Errorf("writing: %w", djangosession.ErrExists)
		}
		for _, step := range append(all, all...) {
			if err := step(); errors.Is(err, breaker.ErrOpen) {
				t.Errorf("%s: after an answer: %v", name, err)
			}
		}
	}
}

// TestKeyCounters: a key counts where it has verified something, and the deployment has it.
func TestKeyCounters(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := observe.NewMetrics(registry, "", "")
	second := signing.SignedBy{Verified: true, Fallback: 1}
	both := djangosession.Verdict{User: new(djangosession.User), Session: &djangosession.Session{SignedBy: second}, HashedBy: second}
	m.Verdict("alive", both, 0) // nobody has said that there are keys
	m.CountKeys(1, true, true)
	m.Verdict("alive", both, 0)
	m.Verdict("alive", djangosession.Verdict{User: both.User, Session: new(djangosession.Session)}, 0) // of a cache, and a user who was known
	m.Verdict("alive", djangosession.Verdict{User: both.User}, 0)                                      // kept
	m.Verdict("ended", djangosession.Verdict{Session: both.Session, Reason: djangosession.AuthHashMismatch}, 0)
	m.CountKeys(0, true, false)
	m.Verdict("alive", both, 0)
	text := scrape(t, registry)
	for _, line := range []string{
		`{index="0",use="signature"} 0`, `{index="1",use="signature"} 2`, `{index="0",use="auth_hash"} 0`, `{index="1",use="auth_hash"} 1`,
	} {
		if !strings.Contains(text, "\ndjango_sidecar_verified_with_key_total"+line+"\n") {
			t.Errorf("no line %s in %s", line, text)
		}
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
