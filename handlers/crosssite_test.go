package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"django-sidecar/handlers"
)

// TestOwnSite: which pages are of the site itself, where a proxy has rewritten Host.
func TestOwnSite(t *testing.T) {
	proxies := func(o *handlers.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} } // httptest's
	believing := func(o *handlers.Options) { o.Uploads.ForwardedHost = true }
	secure := func(o *handlers.Options) {
		o.Uploads.SecureHeader, o.Uploads.SecureValue = "X-Forwarded-Proto", "https"
	}
	nobody := func(*handlers.Options) {}
	for _, tt := range []struct {
		name   string
		change func(*handlers.Options)
		header http.Header
		want   int
	}{
		{"a trusted proxy's host", proxies, http.Header{"Origin": {"http://intranet"}, "X-Forwarded-Host": {"intranet"}}, 201},
		{"the first of two proxies' hosts", proxies, http.Header{"Origin": {"http://intranet"}, "X-Forwarded-Host": {"Intranet, 10.0.0.1"}}, 201},
		{"a host with its port", proxies, http.Header{"Origin": {"http://intranet:8080"}, "X-Forwarded-Host": {"intranet:8080"}}, 201},
		{"a host, and its port elsewhere", proxies, http.Header{"Origin": {"http://intranet:8080"}, "X-Forwarded-Host": {"intranet"}, "X-Forwarded-Port": {"8080"}}, 201},
		{"another port", proxies, http.Header{"Origin": {"http://intranet:8080"}, "X-Forwarded-Host": {"intranet:9090"}}, 403},
		{"anybody's host, as USE_X_FORWARDED_HOST has it", believing, http.Header{"Origin": {"http://intranet"}, "X-Forwarded-Host": {"intranet"}}, 201},
		{"anybody's host", nobody, http.Header{"Origin": {"http://intranet"}, "X-Forwarded-Host": {"intranet"}}, 403},
		{"another host", proxies, http.Header{"Origin": {"http://evil"}, "X-Forwarded-Host": {"intranet"}}, 403},
		{"no host is told", proxies, http.Header{"Origin": {"http://intranet"}}, 403},
		{"no origin", proxies, http.Header{"Origin": {"null"}, "X-Forwarded-Host": {"null"}}, 403},
		{"a browser knows that it is another origin", proxies, http.Header{"Origin": {"http://intranet"}, "Sec-Fetch-Site": {"same-site"}, "X-Forwarded-Host": {"intranet"}}, 403},
		{"http, asked by https", secure, http.Header{"Origin": {"http://example.com"}, "X-Forwarded-Proto": {"https, http"}}, 403},
		{"https, asked by https", secure, http.Header{"Origin": {"https://example.com"}, "X-Forwarded-Proto": {"https"}}, 201},
		{"http, asked by http", secure, http.Header{"Origin": {"http://example.com"}, "X-Forwarded-Proto": {"http"}}, 201},
		{"no origin, asked by https", secure, http.Header{"X-Forwarded-Proto": {"https"}}, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, option := uploading(t)
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/upload", strings.NewReader(cordovaBody))
			r.Header = requestHeader(cordovaHeader, tt.header)
			w := httptest.NewRecorder()
			newHandler(saying(ada(), nil), option, tt.change).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("status %d, want %d: %s", w.Code, tt.want, w.Body)
			}
		})
	}
}
