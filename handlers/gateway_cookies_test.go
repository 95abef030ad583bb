package handlers_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// TestNoCookies: questions without a Cookie header, a hundred in a row at one endpoint, are one warning, until there is one.
func TestNoCookies(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(ended(djangosession.NoCookie), forGateways(t, noPermissions), func(o *handlers.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	warned := 0
	ask := func(path string, times, want int, header http.Header) {
		t.Helper()
		for range times {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
			r.Header = requestHeader(forwarded, http.Header{"X-Forwarded-Method": {"OPTIONS"}}, header)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		warned += want
		if got := strings.Count(log.String(), "level=WARN"); got != warned {
			t.Errorf("%s: %d warnings, want %d:\n%s", path, got, warned, log.String())
		}
	}
	preflight := http.Header{"Origin": {"https://x.example"}, "Access-Control-Request-Method": {"PUT"}}
	for path, remedy := range map[string]string{"/auth/nginx": "proxy_pass_request_headers", "/auth/forward": "authRequestHeaders", "/auth/envoy/a": "headersToExtAuth"} {
		ask(path, 99, 0, nil)
		if path != "/auth/nginx" { // whose method is told otherwise
			ask(path, 200, 0, preflight)
		}
		ask(path, 1, 1, nil)
		if !strings.Contains(log.String(), remedy) {
			t.Errorf("%s: the warning does not say what to do: %s", path, log.String())
		}
		ask(path, 250, 0, nil)
		ask(path, 1, 0, http.Header{"Cookie": {""}}) // one that is empty is one
		ask(path, 99, 0, nil)
		ask(path, 1, 0, http.Header{"Cookie": {"a=b"}})
		ask(path, 101, 1, nil)
	}
	ask("/authenticate", 200, 0, nil)
}

// TestNoCookiesAtOnce: however many ask at the same time, it is one warning.
func TestNoCookiesAtOnce(t *testing.T) {
	var log bytes.Buffer
	h := newHandler(ended(djangosession.NoCookie), forGateways(t, noPermissions), func(o *handlers.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/nginx", nil))
			}
		})
	}
	all.Wait()
	if got := strings.Count(log.String(), "level=WARN"); got != 1 {
		t.Errorf("%d warnings, want 1: %s", got, log.String())
	}
}
