package djangosite

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
)

// known is a source that costs nothing: what is measured is the middleware.
type known struct{ *check.Service }

func (known) verify(context.Context, []string) (djangosession.Verdict, error) {
	return djangosession.Verdict{User: &djangosession.User{ID: "42"}}, nil
}

func (k known) judge(ctx context.Context, q check.Question, v djangosession.Verdict) check.Answer {
	return k.Local(ctx, q, v)
}
func (known) ready(context.Context) error { return nil }
func (known) close()                      {}

// BenchmarkRequireUser is what the middleware adds to a verdict.
func BenchmarkRequireUser(b *testing.B) {
	s := &Site{source: known{new(check.Service)}}
	handler := s.RequireUser(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "http://example.com/reports/", http.NoBody)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
}
