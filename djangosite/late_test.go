package djangosite_test

import (
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/messages"
)

// TestLateCookies: a cookie that is set after the first byte is lost, and the log says so, once. Set before, it arrives.
func TestLateCookies(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "update", "DJANGO_MESSAGE_STORAGE": "django.contrib.messages.storage.cookie.CookieStorage"}
	for name, tt := range map[string]struct {
		late    bool
		handler func(t *testing.T, site *djangosite.Site, w http.ResponseWriter, r *http.Request) error
	}{
		"CSRFToken by a template": {true, func(_ *testing.T, _ *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			token := func() string { return djangosite.CSRFToken(w, r) }
			return template.Must(template.New("").Funcs(template.FuncMap{"token": token}).Parse("<form>{{token}}")).Execute(w, nil)
		}},
		"CSRFToken for a template": {false, func(_ *testing.T, _ *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			return template.Must(template.New("").Parse("<form>{{.}}")).Execute(w, djangosite.CSRFToken(w, r))
		}},
		"CSRFToken after hints": {false, func(_ *testing.T, _ *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			w.WriteHeader(http.StatusEarlyHints)
			djangosite.CSRFToken(w, r)
			return nil
		}},
		"CSRFToken after a file": {true, func(t *testing.T, _ *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			t.Helper()
			_, err := io.Copy(w, strings.NewReader("text"))
			djangosite.CSRFToken(w, r)
			return err
		}},
		"CSRFToken after a flush": {true, func(_ *testing.T, _ *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			err := http.NewResponseController(w).Flush()
			djangosite.CSRFToken(w, r)
			return err
		}},
		"Update after the status": {true, func(_ *testing.T, site *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			w.WriteHeader(http.StatusOK)
			return site.Update(w, r, func(s *djangosession.Session) error { return s.Set("cart", "tea") })
		}},
		"Messages.Save after the status": {true, func(_ *testing.T, site *djangosite.Site, w http.ResponseWriter, r *http.Request) error {
			m, err := site.Messages(r)
			if err != nil {
				return err
			}
			m.Add(messages.Message{Level: messages.Success, Text: "Saved."})
			w.WriteHeader(http.StatusOK)
			return m.Save(w)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			settings := d.settings
			settings.Logger = slog.New(slog.NewTextHandler(&log, nil))
			site := open(t, settings)
			server := httptest.NewServer(site.CSRF(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := tt.handler(t, site, w, r); err != nil {
					t.Error(err)
				}
			})))
			for range 2 {
				if _, cookies := fetch(t, server, "/page"); (cookies == 0) != tt.late {
					t.Errorf("%d cookies", cookies)
				}
			}
			server.Close()
			call, _, _ := strings.Cut(name, " ")
			if n := strings.Count(log.String(), "a cookie is lost"); n == 1 != tt.late || tt.late && (!strings.Contains(log.String(), call) || !strings.Contains(log.String(), "path=/page")) {
				t.Errorf("the log has %s", &log)
			}
		})
	}
}

// TestAnswersBehindCSRF: a handler can do behind CSRF what it can do without.
func TestAnswersBehindCSRF(t *testing.T) {
	d := deploy(t)
	mux := http.NewServeMux()
	file := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(file, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("files are not sent as net/http sends them")
		}
		http.ServeFile(w, r, file)
	})
	more := make(chan bool)
	mux.HandleFunc("/events", func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, "first;")
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		<-more
		if _, again := io.WriteString(w, "second"); err != nil || again != nil {
			t.Error(err, again)
		}
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, _ *http.Request) {
		h, ok := w.(http.Hijacker)
		if !ok {
			t.Error("no connection can be taken over")
			return
		}
		conn, _, err := h.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\ntaken")
		if again := conn.Close(); err != nil || again != nil {
			t.Error(err, again)
		}
	})
	server := httptest.NewServer(open(t, d.settings).CSRF(mux))
	defer server.Close()
	for path, want := range map[string]string{"/file": "a file", "/socket": "taken"} {
		if body, _ := fetch(t, server, path); body != want {
			t.Errorf("%s: %q", path, body)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.Client().Do(r) // which returns before the second is written
	close(more)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.Body)
	if again := a.Body.Close(); string(body) != "first;second" || err != nil || again != nil {
		t.Errorf("%q, %v, %v", body, err, again)
	}
}

// fetch gets a page, and says how many cookies came with it.
func fetch(t *testing.T, server *httptest.Server, path string) (body string, cookies int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(a.Body)
	if again := a.Body.Close(); err != nil || again != nil {
		t.Error(err, again)
	}
	return string(text), len(a.Cookies())
}
