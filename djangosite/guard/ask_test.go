package guard_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/guard"
)

// TestAnswersThatAreNone: whatever is no answer of a sidecar's is an error. It is never a user, and never nobody.
func TestAnswersThatAreNone(t *testing.T) {
	released := make(chan struct{})
	for name, handler := range map[string]http.HandlerFunc{
		"a page":              text(200, "<html>Welcome</html>"),
		"a page, not found":   text(404, `{"result": false, "message": "Not Found."}`),
		"no result":           text(401, `{"message": "Please log in."}`),
		"empty":               text(200, ""),
		"no user":             text(200, `{"result": true}`),
		"a user without id":   text(200, `{"result": true, "user": {"username": "ada"}}`),
		"a user in a refusal": text(401, `{"result": true, "user": {"id": "1"}}`),
		"unavailable":         text(503, `{"result": false, "message": "The login session could not be checked."}`),
		"broken":              text(500, `{"result": false}`),
		"half":                text(200, `{"result": true, "user": {"id": "1"`),
		"too long":            text(200, `{"result": true, "user": {"id": "1"}, "pad": "`+strings.Repeat("x", 1<<20)+`"}`),
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusFound)
		},
		"silence": func(http.ResponseWriter, *http.Request) { <-released },
	} {
		server := httptest.NewServer(handler)
		site, err := guard.Ask(server.URL, guard.AskOptions{Timeout: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := site.Verify(t.Context(), []string{"sessionid=secret0123456789"}); err == nil || v.User != nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %+v, %v; want an error without the cookie", name, v, err)
		}
		if name == "silence" {
			close(released)
		}
		site.Close()
		server.Close()
	}
}

// TestAskOverASocket: a sidecar on a unix socket, and what it is told of the request.
func TestAskOverASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Cookie") != "a=1; sessionid=x":
			text(401, `{"result": false, "reason": "no_cookie"}`)(w, r)
		case r.URL.Path == "/authenticate":
			text(200, `{"result": true, "user": {"id": "7", "is_staff": true}, "expires": "2030-01-02T03:04:05Z"}`)(w, r)
		case r.URL.RequestURI() == "/auth/forward?require=perm%3Aa.b" && r.Header.Get("X-Forwarded-Uri") == "/":
			text(403, `{"result": false}`)(w, r)
		default:
			w.Header().Set("Remote-User-Id", "7")
			text(200, "")(w, r)
		}
	})}}
	server.Start()
	t.Cleanup(server.Close)
	site, err := guard.Ask("unix:"+path, guard.AskOptions{LoginURL: "/enter", RedirectFieldName: "back"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	v, err := site.Verify(t.Context(), []string{"a=1; sessionid=x"})
	if err != nil || v.User == nil || v.User.ID != "7" || !v.User.IsStaff.Bool() || v.User.IsSuperuser != djangosession.AbsentFlag || v.Expires.Year() != 2030 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := site.Verify(t.Context(), nil); err != nil || v.User != nil || v.Reason != djangosession.NoCookie {
		t.Errorf("without a cookie: %+v, %v", v, err)
	}
	for _, tt := range []struct {
		middleware func(http.Handler) http.Handler
		cookie     string
		status     int
		location   string
	}{
		{site.RequirePerm("a.b"), "a=1; sessionid=x", 403, ""},
		{site.RequirePerm("a.c"), "a=1; sessionid=x", 200, ""},
		{site.RequireStaff, "a=1; sessionid=x", 200, ""},
		{site.RequireSuperuser, "a=1; sessionid=x", 403, ""},
		{site.RequirePerm("a.c"), "b=2", 302, "/enter?back=/"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", tt.cookie)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		tt.middleware(hello).ServeHTTP(w, r)
		if w.Code != tt.status || w.Header().Get("Location") != tt.location {
			t.Errorf("%q: %d, sent to %q; want %d, %q", tt.cookie, w.Code, w.Header().Get("Location"), tt.status, tt.location)
		}
	}
}

// TestAnswersAboutPermissions: what each answer to the second question comes to. A sidecar that has no answer lets nobody
// pass, and a session that has ended since the first one is nobody's.
func TestAnswersAboutPermissions(t *testing.T) {
	for answer, want := range map[int]int{200: 200, 403: 403, 401: 401, 500: 500, 503: 503, 404: 503, 302: 503, 204: 503} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/authenticate" {
				text(200, `{"result": true, "user": {"id": "1\u00e9", "is_superuser": true}}`)(w, r)
				return
			}
			w.Header().Set("Remote-User-Id", "1%C3%A9")
			body := `{"result": false, "message": "…"}`
			if answer == 200 || answer == 204 {
				body = ""
			}
			text(answer, body)(w, r)
		}))
		site, err := guard.Ask(server.URL, guard.AskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, middleware := range []func(http.Handler) http.Handler{site.RequirePerm("a.b"), site.RequireGroup("c")} {
			w := httptest.NewRecorder()
			middleware(hello).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if w.Code != want || (w.Header().Get("Retry-After") != "") != (want == 503) {
				t.Errorf("%d: %d %v; want %d", answer, w.Code, w.Header(), want)
			}
		}
		site.Close()
		server.Close()
	}
}

// TestRefusalOfAnother: a proxy that stands before the sidecar, and answers the second question itself, says nothing about
// the user. It logs nobody out, and takes nobody's permission.
func TestRefusalOfAnother(t *testing.T) {
	for _, status := range []int{401, 403, 500} {
		for _, body := range []string{"", "<html>Denied</html>", `{"message": "Please log in."}`, `{"result": true}`, `{"result": fal`} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/authenticate" {
					text(200, `{"result": true, "user": {"id": "1"}}`)(w, r)
					return
				}
				text(status, body)(w, r)
			}))
			site, err := guard.Ask(server.URL, guard.AskOptions{})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			site.RequireGroup("c")(hello).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("%d %q: %d %v", status, body, w.Code, w.Header())
			}
			site.Close()
			server.Close()
		}
	}
}

// TestYesOfAnother: a server that says 200 to every path is no sidecar, and a yes about somebody else is none.
func TestYesOfAnother(t *testing.T) {
	for name, ids := range map[string][]string{"none": nil, "another": {"2"}, "empty": {""}, "two": {"1", "1"}} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Remote-User-Id"] = ids
			text(200, `{"result": true, "user": {"id": "1"}}`)(w, r)
		}))
		site, err := guard.Ask(server.URL, guard.AskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		site.RequirePerm("a.b")(hello).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", name, w.Code)
		}
		site.Close()
		server.Close()
	}
}

// TestAskRefuses: what is wrong with a URL or an option is told at once, without the URL.
func TestAskRefuses(t *testing.T) {
	for _, url := range []string{"", "unix:", "127.0.0.1:8100", "ftp://h", "http://", "http://u:pa55@h", "http://h?a=b", "http://h?", "http://h#f", "http://\x00"} {
		if site, err := guard.Ask(url, guard.AskOptions{Timeout: -1, LoginURL: "login"}); site != nil || err == nil || strings.Contains(err.Error(), "pa55") ||
			!strings.Contains(err.Error(), "unix:/path") || !strings.Contains(err.Error(), "LoginURL") || !strings.Contains(err.Error(), "negative") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
