//go:build live

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
)

// TestWhatMovesExpiries: whatever asks about a user's session moves its expiry; and nothing moves it again within
// SIDECAR_TOUCH_INTERVAL, neither the same sidecar nor another one.
func TestWhatMovesExpiries(t *testing.T) {
	grpc := djangotest.FreeAddr(t)
	s := newWritingSite(t, "5.2", map[string]string{
		"DJANGO_MEDIA_ROOT": t.TempDir(), "SIDECAR_UPLOAD_STATE_DIR": t.TempDir(), "SIDECAR_GRPC_LISTEN": grpc,
	})
	t.Setenv("SIDECAR_GRPC_LISTEN", "")
	t.Setenv("DJANGO_MEDIA_ROOT", "")
	t.Setenv("SIDECAR_UPLOAD_STATE_DIR", "")
	library, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	second := &writingSite{site: s.site, url: "http://" + serveForTest(t).String()}

	first, rest := uploadForm("a.txt", 3)
	for name, asks := range map[string]func(key string) int{
		"/authenticate": s.asks(t, http.MethodGet, "/authenticate", ""),
		"/auth/nginx":   s.asks(t, http.MethodGet, "/auth/nginx", "", "X-Original-URL", "https://shop.example/a", "X-Original-Method", "GET"),
		"/auth/forward": s.asks(t, http.MethodGet, "/auth/forward", "", "X-Forwarded-Uri", "/a", "X-Forwarded-Method", "GET"),
		"/auth/envoy":   s.asks(t, http.MethodPost, "/auth/envoy/a", ""),
		"gRPC":          func(key string) int { return checkCall(t, grpc, "sessionid="+key) },
		"/upload":       s.asks(t, http.MethodPost, "/upload", first+rest, "Content-Type", "multipart/form-data; boundary=+++++"),
		"/tus/":         s.asks(t, http.MethodPost, "/tus/", "", "Tus-Resumable", "1.0.0", "Upload-Length", "3"),
		"Load": func(key string) int {
			r, w := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), httptest.NewRecorder()
			r.Header.Set("Cookie", "sessionid="+key)
			library.Load(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := djangosite.User(r.Context()); ok {
					w.WriteHeader(http.StatusNoContent)
				}
			})).ServeHTTP(w, r)
			if w.Code != http.StatusNoContent {
				t.Errorf("Load knows nobody: %d", w.Code)
			}
			return w.Code
		},
	} {
		key := s.another()
		before := s.row(key)
		if status := asks(key); status/100 != 2 {
			t.Errorf("%s: %d", name, status)
			continue
		}
		waitFor(t, time.Minute, "an expiry that moved by "+name, func() bool { return s.row(key) != before })
	}

	key := s.another()
	before := s.row(key)
	for i, at := range []*writingSite{s, s, second} {
		if status, _ := at.post(t, "/touch", key); status != http.StatusOK {
			t.Errorf("touching: %d", status)
		}
		if now := s.row(key); (now != before) != (i == 0) {
			t.Errorf("touch %d: the session was %s and is %s", i+1, before, now)
		}
		before = s.row(key)
	}
	// It moves expiries one after the other: what it does to the one before is done.
	next := s.another()
	unmoved := s.row(next)
	for _, asked := range []string{key, next} {
		second.asks(t, http.MethodGet, "/authenticate", "")(asked)
	}
	waitFor(t, time.Minute, "an expiry that moved after another", func() bool { return s.row(next) != unmoved })
	if now := s.row(key); now != before {
		t.Errorf("a question put to another sidecar: the session was %s and is %s", before, now)
	}
}

// another makes one more session like that which nobody has touched, which ends as soon.
func (s *writingSite) another() (key string) {
	s.copies++
	key = fmt.Sprintf("%032d", s.copies)
	s.site.Execute("INSERT INTO django_session SELECT '" + key + "', session_data, expire_date FROM django_session WHERE session_key = '" + s.keys["active"] + "'")
	return key
}

// row is what the table has of a session.
func (s *writingSite) row(key string) string {
	return regexp.MustCompile(`(?m)^` + key + ` .*$`).FindString(s.site.Sessions())
}

// asks returns what puts one question with a session's cookie, and says the status of the answer.
func (s *writingSite) asks(t *testing.T, method, path, body string, header ...string) func(key string) int {
	t.Helper()
	return func(key string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		status, _ := s.send(t, r, "sessionid="+key)
		return status
	}
}

// checkCall has Envoy's question put by gRPC, and returns the status that the client would get.
func checkCall(t *testing.T, addr, cookie string) int {
	t.Helper()
	field := func(number byte, value string) string { return string([]byte{number<<3 | 2, byte(len(value))}) + value }
	// envoy/service/auth/v3/external_auth.proto and attribute_context.proto, Envoy 1.40: attributes, request, http.
	message := field(1, field(4, field(2, field(2, "GET")+field(3, field(1, "cookie")+field(2, cookie))+field(4, "/a"))))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/envoy.service.auth.v3.Authorization/Check",
		strings.NewReader("\x00\x00\x00\x00"+string([]byte{byte(len(message))})+message))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	a, err := plainHTTP2Client(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // it is read to its end
	// CheckResponse: status, which is empty for OK, and ok_response.
	said, err := io.ReadAll(a.Body)
	if err != nil || a.Trailer.Get("Grpc-Status") != "0" || len(said) < 7 || string(said[5:7]) != "\x0a\x00" {
		t.Errorf("by gRPC: %q, %v, status %q", said, err, a.Trailer.Get("Grpc-Status"))
		return http.StatusBadGateway
	}
	return http.StatusOK
}
