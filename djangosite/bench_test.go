package djangosite_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/guard"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/middleware"
)

// known is a source that costs nothing: what is measured is the middleware.
type known struct{ middleware.Source }

func (known) Verify(context.Context, []string) (djangosession.Verdict, error) {
	return djangosession.Verdict{User: &djangosession.User{ID: "42"}}, nil
}

// BenchmarkRequireUser is what the middleware adds to a verdict.
func BenchmarkRequireUser(b *testing.B) {
	s := &djangosite.Site{Guard: guard.New(known{}, gateway.LoginURL{}, nil)}
	handler := s.RequireUser(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest(http.MethodGet, "http://example.com/reports/", http.NoBody)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
}
