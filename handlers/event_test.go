package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

// sessionName is what logs call sessionKey: the first 12 digits of its SHA-256.
const sessionName = "f4fb3e7211d0"

// ticking is a clock that goes on by a millisecond each time somebody looks.
func ticking() func() time.Time {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Millisecond)
		return at
	}
}

// logTo sends events into b as JSON lines.
func logTo(b *bytes.Buffer) func(*handlers.Options) {
	return func(o *handlers.Options) {
		o.Logger = slog.New(slog.NewJSONHandler(b, nil))
		o.Answers.Now = ticking()
	}
}

// onlyEvent reads the one event in b, without the time that slog puts there.
func onlyEvent(t *testing.T, b *bytes.Buffer) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(b.Bytes(), &event); err != nil {
		t.Fatalf("want one event, got %q: %v", b, err)
	}
	delete(event, "time")
	return event
}

func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name     string
		verifier verifierFunc
		method   string
		path     string
		cookie   string
		want     map[string]any // besides msg and remote
	}{
		{
			"alive", saying(ada(), nil), "GET", "/authenticate", "a=1; sessionid=" + sessionKey,
			map[string]any{"level": "INFO", "method": "GET", "path": "/authenticate", "status": 200., "duration_ms": 2., "outcome": "alive", "user_id": "42", "session": sessionName},
		},
		{
			"no user", ended(djangosession.UserInactive), "POST", "/authenticate?token=hidden", "sessionid=" + sessionKey,
			map[string]any{"level": "INFO", "method": "POST", "path": "/authenticate", "status": 401., "duration_ms": 2., "outcome": "ended", "reason": "user_inactive", "session": sessionName},
		},
		{
			"no cookie", ended(djangosession.NoCookie), "HEAD", "/authenticate", "",
			map[string]any{"level": "INFO", "method": "HEAD", "path": "/authenticate", "status": 401., "duration_ms": 2., "outcome": "ended", "reason": "no_cookie"},
		},
		{
			"could not find out", saying(djangosession.Verdict{}, errors.New("no route to host")), "GET", "/authenticate", "sessionid=" + sessionKey,
			map[string]any{"level": "ERROR", "method": "GET", "path": "/authenticate", "status": 503., "duration_ms": 2., "outcome": "unavailable", "session": sessionName, "error": "no route to host"},
		},
		{
			"no such path", nil, "GET", "/a%20b\n", "sessionid=" + sessionKey,
			map[string]any{"level": "INFO", "method": "GET", "path": "/a b\n", "status": 404., "duration_ms": 1.},
		},
		{
			"another method", nil, "PUT", "/authenticate", "sessionid=" + sessionKey,
			map[string]any{"level": "INFO", "method": "PUT", "path": "/authenticate", "status": 405., "duration_ms": 1.},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			r := httptest.NewRequestWithContext(t.Context(), tt.method, strings.TrimSuffix(tt.path, "\n"), nil)
			if strings.HasSuffix(tt.path, "\n") { // which no request line can say
				r.URL.Path += "\n"
			}
			r.Header.Set("Cookie", tt.cookie)
			w := httptest.NewRecorder()
			newHandler(tt.verifier, logTo(&b)).ServeHTTP(w, r)

			if strings.Contains(b.String(), "hidden") {
				t.Errorf("the query is in the log: %s", &b)
			}
			mustNotName(t, sessionKey, &b, w)
			tt.want["msg"], tt.want["remote"] = "request", "192.0.2.1"
			if diff := cmp.Diff(tt.want, onlyEvent(t, &b)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// mustNotName looks for a session's key in a log and in an answer.
func mustNotName(t *testing.T, key string, log *bytes.Buffer, w *httptest.ResponseRecorder) {
	t.Helper()
	for where, text := range map[string]string{"log": log.String(), "body": w.Body.String()} {
		if strings.Contains(text, key) {
			t.Errorf("the session key is in the %s: %s", where, text)
		}
	}
	for name, values := range w.Header() {
		if strings.Contains(strings.Join(values, ""), key) {
			t.Errorf("the session key is in the header %s", name)
		}
	}
}

func TestAPanicIsOneEventWithItsStack(t *testing.T) {
	var b bytes.Buffer
	h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) { panic("boom") }), logTo(&b))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil)
	r.Header.Set("Cookie", "sessionid="+sessionKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)

	mustNotName(t, sessionKey, &b, w)
	event := onlyEvent(t, &b)
	if stack, ok := event["stack"].(string); !ok || !strings.Contains(stack, "TestAPanicIsOneEventWithItsStack") {
		t.Errorf("the stack does not lead to the panic: %v", event["stack"])
	}
	delete(event, "stack")
	want := map[string]any{
		"level": "ERROR", "msg": "request", "method": "GET", "path": "/authenticate", "status": 500., "duration_ms": 1.,
		"remote": "192.0.2.1", "session": "f4fb3e7211d0", "error": "panic: boom",
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTheLogLevel(t *testing.T) {
	for _, tt := range []struct {
		verifier verifierFunc
		want     int
	}{
		{saying(ada(), nil), 0},
		{ended(djangosession.Expired), 0},
		{saying(djangosession.Verdict{}, errors.New("down")), 1},
	} {
		var b bytes.Buffer
		h := newHandler(tt.verifier, func(o *handlers.Options) {
			o.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil))
		if got := strings.Count(b.String(), "\n"); got != tt.want {
			t.Errorf("%d events at level warn, want %d: %s", got, tt.want, &b)
		}
	}
}

func TestRemote(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		address string
		forward []string
		want    string
	}{
		{"nobody is trusted", nil, "192.0.2.7:1234", nil, "192.0.2.7"},
		{"nobody is trusted, and the header is forged", nil, "192.0.2.7:1234", []string{"203.0.113.9"}, "192.0.2.7"},
		{"nobody is trusted, not even this host", nil, "127.0.0.1:1234", []string{"203.0.113.9"}, "127.0.0.1"},
		{"a trusted proxy", proxies, "192.0.2.7:1234", []string{"203.0.113.9"}, "203.0.113.9"},
		{"a trusted proxy without the header", proxies, "192.0.2.7:1234", nil, "192.0.2.7"},
		{"a trusted proxy, and what the client forged before it", proxies, "192.0.2.7:1234", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"two trusted proxies, over two lines", proxies, "192.0.2.7:1234", []string{"198.51.100.1, 203.0.113.9", "192.0.2.8"}, "203.0.113.9"},
		{"a trusted proxy of IPv6", proxies, "[2001:db8::1]:1234", []string{"2001:db9::7"}, "2001:db9::7"},
		{"a stranger who forges", proxies, "198.51.100.1:1234", []string{"203.0.113.9"}, "198.51.100.1"},
		{"this host, which is not in the list", proxies, "127.0.0.1:1234", []string{"203.0.113.9"}, "127.0.0.1"},
		{"a private network, which is not in the list", proxies, "10.0.0.1:1234", []string{"203.0.113.9"}, "10.0.0.1"},
		{"no address in the header", proxies, "192.0.2.7:1234", []string{"unknown"}, "192.0.2.7"},
		{"a unix socket", proxies, "@", []string{"203.0.113.9"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			h := newHandler(saying(ada(), nil), logTo(&b), func(o *handlers.Options) { o.TrustedProxies = tt.trusted })
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil)
			r.RemoteAddr = tt.address
			r.Header["X-Forwarded-For"] = tt.forward
			r.Header.Set("X-Real-Ip", "203.0.113.99")
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got := onlyEvent(t, &b)["remote"]; got != tt.want {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	for _, tt := range []struct {
		verifier verifierFunc
		outcome  string
		reason   djangosession.Reason
	}{
		{saying(ada(), nil), "alive", ""},
		{ended(djangosession.BadSignature), "ended", djangosession.BadSignature},
		{saying(djangosession.Verdict{}, errors.New("down")), "unavailable", ""},
	} {
		calls := 0
		h := newHandler(tt.verifier, func(o *handlers.Options) {
			o.Answers.Now = ticking()
			o.Answers.Observe = func(outcome string, v djangosession.Verdict, took time.Duration) {
				calls++
				if outcome != tt.outcome || v.Reason != tt.reason || took != time.Millisecond {
					t.Errorf("observed %q, %q, %v, want %q, %q", outcome, v.Reason, took, tt.outcome, tt.reason)
				}
			}
		})
		for _, path := range []string{"/authenticate", "/elsewhere"} { // the latter asks nobody
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		}
		if calls != 1 {
			t.Errorf("%s was observed %d times", tt.outcome, calls)
		}
	}
}
