package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// TestSeveralCookieNames: every way in takes the first of the names that a request has.
func TestSeveralCookieNames(t *testing.T) {
	asked := ""
	h := newHandler(verifierFunc(func(_ context.Context, key string) (djangosession.Verdict, error) {
		asked = key
		return djangosession.Verdict{Reason: djangosession.NotFound}, nil
	}), func(o *handlers.Options) { o.Answers.CookieNames = []string{"__Host-shop", "shop"} })
	for header, want := range map[string]string{
		"shop=old; __Host-shop=new": "new", "shop=old": "old", "__Host-shop=; shop=old": "", "sessionid=other": "",
	} {
		for _, path := range []string{"/authenticate", "/auth/nginx", "/auth/envoy/x"} {
			asked = "nothing"
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.Header.Set("Cookie", header)
			r.Header.Set("X-Original-Url", "http://shop.example/")
			r.Header.Set("X-Original-Method", "GET")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if asked != want || w.Code != http.StatusUnauthorized {
				t.Errorf("%s with %q: asked for %q, want %q; status %d", path, header, asked, want, w.Code)
			}
		}
	}
}
