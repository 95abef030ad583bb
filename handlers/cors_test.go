package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// TestPreflights: they have no cookie, and no session is looked for.
func TestPreflights(t *testing.T) {
	unasked := verifierFunc(nil) // it would panic
	trusting := func(o *handlers.Options) {
		o.Uploads = &handlers.UploadOptions{CSRFToken: &handlers.CSRFToken{CookieName: "ct", HeaderName: "X-CSRFToken"}}
	}
	_, h := resuming(t, unasked, trusting, func(o *handlers.Options) {
		o.Uploads.TrustedOrigins = func(origin string) bool { return origin == "capacitor://localhost" }
	})
	const vary = "Access-Control-Request-Method, Access-Control-Request-Headers, Origin"
	for _, tt := range []struct{ path, methods, asks, exposed string }{
		{"/upload", "POST, PUT", "Content-Disposition", "Retry-After"},
		{"/tus/", "OPTIONS, HEAD, POST, PATCH, DELETE", "Upload-Length", "Location"},
		{"/tus/" + strings.Repeat("0", 32), "OPTIONS, HEAD, POST, PATCH, DELETE", "X-HTTP-Method-Override", "Upload-Offset"},
	} {
		for _, origin := range []string{"capacitor://localhost", "https://evil.example", "null"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, tt.path, nil)
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "PATCH")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := w.Header()
			if w.Code != http.StatusNoContent || got.Get("Vary") != vary || got.Get("Cache-Control") != "no-store" {
				t.Errorf("%s from %s: %d, %v", tt.path, origin, w.Code, got)
			}
			if origin != "capacitor://localhost" {
				for name := range got {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s tells %s %s", tt.path, origin, name)
					}
				}
				continue
			}
			if got.Get("Access-Control-Allow-Origin") != origin || got.Get("Access-Control-Allow-Credentials") != "true" ||
				got.Get("Access-Control-Allow-Methods") != tt.methods || got.Get("Access-Control-Max-Age") != "7200" {
				t.Errorf("%s from %s: %v", tt.path, origin, got)
			}
			for name, part := range map[string]string{"Allow-Headers": tt.asks, "Expose-Headers": tt.exposed} {
				if list := strings.Split(got.Get("Access-Control-"+name), ", "); !slices.Contains(list, part) {
					t.Errorf("%s: %s is not in %s, %v", tt.path, part, name, list)
				}
			}
			if list := got.Get("Access-Control-Allow-Headers"); !strings.HasSuffix(list, ", X-CSRFToken") {
				t.Errorf("the token's header is not in %q", list)
			}
		}
	}
}

// TestNoPreflight: an OPTIONS that a browser sends for no page of another origin.
func TestNoPreflight(t *testing.T) {
	_, h := resuming(t, ended(djangosession.Expired))
	for path, want := range map[string]int{"/upload": http.StatusNoContent, "/tus/": http.StatusUnauthorized} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want || w.Header().Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
}
