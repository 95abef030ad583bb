package handlers_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/check"
	"django-sidecar/internal/keyhash"
)

const sessionKey = "3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf"

// verifierFunc is a Verifier that says what a test wants it to.
type verifierFunc func(ctx context.Context, sessionKey string) (djangosession.Verdict, error)

func (f verifierFunc) Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error) {
	return f(ctx, sessionKey)
}

// within gives each question a deadline.
func (f verifierFunc) within(timeout time.Duration) check.VerdictSource {
	return check.NewUncached(f, nil, timeout)
}

// kept is a Verifier that has a verdict on one session.
type kept struct {
	djangosession.Verdict

	key   string
	asked check.VerdictSource // for all others
}

func (k kept) Verify(ctx context.Context, key keyhash.Key, asked time.Time) (djangosession.Verdict, bool, error) {
	if key.Hash == keyhash.Of(k.key) {
		return k.Verdict, true, nil
	}
	return k.asked.Verify(ctx, key, asked)
}

// saying is a Verifier with one answer for everybody.
func saying(v djangosession.Verdict, err error) verifierFunc {
	return func(context.Context, string) (djangosession.Verdict, error) { return v, err }
}

func ended(r djangosession.Reason) verifierFunc { return saying(djangosession.Verdict{Reason: r}, nil) }

// newHandler returns the public handler with what every deployment has.
func newHandler(v verifierFunc, change ...func(*handlers.Options)) http.Handler {
	o := handlers.Options{
		Answers: &check.Service{Verifier: v.within(time.Minute), CookieNames: []string{"sessionid"}, Now: time.Now}, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	return handlers.New(o)
}

// httpTest is one request and the whole of its answer.
type httpTest struct {
	Name    string
	Handler http.Handler
	Method  string // "" is GET
	Path    string // "" is /authenticate
	Header  http.Header
	Body    io.Reader

	Code int
	// WantHeader is every header but the Content-Length, which is told where the answer has no body, or the
	// request has one. Otherwise net/http counts it, see TestContentLength.
	WantHeader map[string]string
	WantBody   string
}

func (tt *httpTest) run(t *testing.T) {
	t.Helper()
	if tt.Path == "" {
		tt.Path = "/authenticate"
	}
	r := httptest.NewRequestWithContext(t.Context(), tt.Method, tt.Path, tt.Body)
	for name, values := range tt.Header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	tt.Handler.ServeHTTP(w, r)

	if w.Code != tt.Code {
		t.Errorf("status %d, want %d", w.Code, tt.Code)
	}
	got := map[string]string{}
	for name, values := range w.Header() {
		got[name] = strings.Join(values, " | ")
	}
	want := map[string]string{}
	if tt.Method == http.MethodHead || tt.WantBody == "" || r.ContentLength != 0 {
		want["Content-Length"] = strconv.Itoa(len(tt.WantBody))
	}
	for name, value := range tt.WantHeader {
		want[name] = value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header: -want +got\n%s", diff)
	}
	body := tt.WantBody
	if tt.Method == http.MethodHead {
		body = ""
	}
	if diff := cmp.Diff(body, w.Body.String()); diff != "" {
		t.Errorf("body: -want +got\n%s", diff)
	}
}

// unreadable is a request body that must not be read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}
