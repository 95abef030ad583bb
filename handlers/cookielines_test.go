package handlers_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// asgi has the Cookie headers read as by a Django under ASGI.
func asgi(t *testing.T, version string) func(*handlers.Options) {
	t.Helper()
	v, err := djangosession.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *handlers.Options) { o.Answers.Cookies = djangosession.ASGICookies(v) }
}

// TestSeveralCookieLines: every way in reads several Cookie headers as Django does, and the log counts them.
func TestSeveralCookieLines(t *testing.T) {
	for _, tt := range []struct {
		cookies []string
		change  func(*handlers.Options)
		want    string
	}{
		{[]string{"a=1", "sessionid=" + sessionKey}, func(*handlers.Options) {}, ""},
		{[]string{"a=1", "sessionid=" + sessionKey}, asgi(t, "5.2"), ""},
		{[]string{"a=1", "sessionid=" + sessionKey}, asgi(t, "6.0"), sessionKey},
		{[]string{"a=1", "sessionid=" + sessionKey, "b=2"}, asgi(t, "6.1"), sessionKey},
		{[]string{"a=1", "b=2; sessionid=" + sessionKey + ";"}, func(*handlers.Options) {}, sessionKey},
		{[]string{"sessionid=" + sessionKey + "\xa0"}, func(*handlers.Options) {}, sessionKey + "\ufffd"},
		{[]string{"sessionid=" + sessionKey + "\xa0"}, asgi(t, "3.0"), sessionKey},
		{[]string{"sessionid=\xe9"}, asgi(t, "6.1"), "é"},
	} {
		for method, path := range map[string]string{"GET": "/authenticate", "HEAD": "/auth/nginx", "PUT": "/auth/forward", "PATCH": "/auth/envoy/x", "POST": "/upload", "DELETE": "/tus/1"} {
			asked := "nothing"
			var log bytes.Buffer
			_, h := resuming(t, verifierFunc(func(_ context.Context, key string) (djangosession.Verdict, error) {
				asked = key
				return djangosession.Verdict{Reason: djangosession.NotFound}, nil
			}), tt.change, logTo(&log))
			r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
			r.Header = http.Header{"Cookie": tt.cookies, "Tus-Resumable": {"1.0.0"}}
			h.ServeHTTP(deadlines{httptest.NewRecorder(), new(slowBody)}, r)
			if asked != tt.want {
				t.Errorf("%s with %q: asked for %q, want %q", path, tt.cookies, asked, tt.want)
			}
			lines, counted := onlyEvent(t, &log)["cookie_lines"]
			if several := len(tt.cookies) > 1; counted != several || several && lines != float64(len(tt.cookies)) {
				t.Errorf("%s with %q: the log has %v lines", path, tt.cookies, lines)
			}
		}
	}
}

// TestCSRFTokenInAnotherLine: Django finds the token's cookie as it finds the session's.
func TestCSRFTokenInAnotherLine(t *testing.T) {
	const secret = "abcdefghijklmnopqrstuvwxyzABCDEF"
	for _, tt := range []struct {
		change func(*handlers.Options)
		want   int
	}{
		{func(*handlers.Options) {}, http.StatusForbidden}, {asgi(t, "5.2"), http.StatusForbidden}, {asgi(t, "6.1"), http.StatusCreated},
	} {
		for _, path := range []string{"/upload", "/tus/"} {
			_, h := resuming(t, saying(ada(), nil), tt.change, func(o *handlers.Options) {
				o.Uploads = &handlers.UploadOptions{CSRFToken: &handlers.CSRFToken{CookieName: "ct", HeaderName: "X-CSRFToken"}}
			})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("abc"))
			r.Header = create("a.txt", http.Header{"Content-Disposition": {`attachment; filename="a.txt"`}, "X-Csrftoken": {secret}, "Cookie": {"sessionid=" + sessionKey, "ct=" + secret}})
			w := httptest.NewRecorder()
			h.ServeHTTP(deadlines{w, new(slowBody)}, r)
			if w.Code != tt.want {
				t.Errorf("%s: status %d, want %d: %s", path, w.Code, tt.want, w.Body)
			}
		}
	}
}
