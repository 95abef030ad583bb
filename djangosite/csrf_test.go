package djangosite_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"django-sidecar/djangosite"
)

// formPage answers a GET with a token, and anything else with its name.
var formPage = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprint(w, djangosite.CSRFToken(w, r))
		return
	}
	fmt.Fprint(w, "done ", r.PostFormValue("name"))
})

// page is the token of a page, and the cookie that came with it.
func page(t *testing.T, h http.Handler, cookie string) (token, set string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Values("Vary"); len(got) != 1 || got[0] != "Cookie" {
		t.Errorf("Vary is %q", got)
	}
	return w.Body.String(), w.Header().Get("Set-Cookie")
}

// TestCSRF: a page's token lets its form in, and nothing else does.
func TestCSRF(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{
		"DJANGO_CSRF_TRUSTED_ORIGINS": "https://*.example.org", "DJANGO_CSRF_COOKIE_SECURE": "true", "DJANGO_SECURE_PROXY_SSL_HEADER": "HTTP_X_FORWARDED_PROTO,https",
	}
	h := open(t, d.settings).CSRF(formPage)
	token, set := page(t, h, "")
	cookie, _, _ := strings.Cut(set, ";")
	if !strings.HasPrefix(set, "csrftoken=") || !strings.HasSuffix(set, "; Max-Age=31449600; Path=/; SameSite=Lax; Secure") || strings.Contains(set, token) {
		t.Errorf("the cookie is %q", set)
	}
	again, setAgain := page(t, h, cookie)
	if again == token || !strings.HasPrefix(setAgain, cookie+";") {
		t.Errorf("the second page has %q after %q, and %q after %q", again, token, setAgain, set)
	}
	form := func(token string) string {
		return url.Values{"name": {"ada"}, "csrfmiddlewaretoken": {token}}.Encode()
	}
	multipart := "--b\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\n" + token + "\r\n--b--\r\n"
	for name, tt := range map[string]struct {
		method, cookie, body string
		header               map[string]string
		status               int
	}{
		"the form":               {"POST", cookie, form(token), nil, 200},
		"an older page's form":   {"POST", cookie, form(again), nil, 200},
		"the header":             {"POST", cookie, "", map[string]string{"X-CSRFToken": token}, 200},
		"the header of a PUT":    {"PUT", cookie, "", map[string]string{"X-CSRFToken": token}, 200},
		"a form of a PUT":        {"PUT", cookie, form(token), nil, 403},
		"a multipart form":       {"POST", cookie, multipart, map[string]string{"Content-Type": "multipart/form-data; boundary=b"}, 200},
		"no token":               {"POST", cookie, "", nil, 403},
		"no cookie":              {"POST", "", form(token), nil, 403},
		"more than Django reads": {"POST", cookie, form(token) + "&a=" + strings.Repeat("x", 3<<20), nil, 200},
		"more than Go reads":     {"POST", cookie, form(token) + "&a=" + strings.Repeat("x", 10<<20), nil, 403},
		"more, and the header":   {"POST", cookie, form("") + "&a=" + strings.Repeat("x", 10<<20), map[string]string{"X-CSRFToken": token}, 200},
		"another token":          {"POST", cookie, form(strings.Repeat("a", 64)), nil, 403},
		"the first of two":       {"POST", cookie, form(token) + "&csrfmiddlewaretoken=x", nil, 403},
		"two cookies":            {"POST", cookie + "; csrftoken=" + strings.Repeat("a", 32), form(token), nil, 403},
		"this origin":            {"POST", cookie, form(token), map[string]string{"Origin": "http://example.com"}, 200},
		"another origin":         {"POST", cookie, form(token), map[string]string{"Origin": "http://example.net"}, 403},
		"a trusted origin":       {"POST", cookie, form(token), map[string]string{"Origin": "https://a.example.org"}, 200},
		"https, no Referer":      {"POST", cookie, form(token), map[string]string{"X-Forwarded-Proto": "https"}, 403},
		"https, own Referer":     {"POST", cookie, form(token), map[string]string{"X-Forwarded-Proto": "https", "Referer": "https://example.com/page"}, 200},
		"https, http's Referer":  {"POST", cookie, form(token), map[string]string{"X-Forwarded-Proto": "https", "Referer": "http://example.com/page"}, 403},
	} {
		r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", tt.cookie)
		for name, value := range tt.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || tt.status == 200 && !strings.HasPrefix(w.Body.String(), "done") {
			t.Errorf("%s: %d %s; want %d", name, w.Code, w.Body, tt.status)
		}
	}
}

// TestCSRFSaysWhy: the answer to a form that is refused has the reason, and the log what to do. Neither has a token.
func TestCSRFSaysWhy(t *testing.T) {
	d := deploy(t)
	var log strings.Builder
	d.settings.Logger = slog.New(slog.NewTextHandler(&log, nil))
	h := open(t, d.settings).CSRF(formPage)
	cookie, token := strings.Repeat("s", 32), strings.Repeat("t", 32)
	for origin, want := range map[string][2]string{
		"":                     {"the CSRF token is incorrect.", "the CSRF token is incorrect"},
		"http://other.example": {`origin checking failed: \"http://other.example\" does not match any trusted origins.`, `add \"http://other.example\" to DJANGO_CSRF_TRUSTED_ORIGINS`},
	} {
		log.Reset()
		r := httptest.NewRequest(http.MethodPost, "/form", nil)
		r.Header.Set("Cookie", "csrftoken="+cookie)
		r.Header.Set("X-CSRFToken", token)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if body := w.Body.String(); w.Code != http.StatusForbidden || !strings.Contains(body, want[0]) || strings.Contains(body, "DJANGO_") {
			t.Errorf("%q: %d %s", origin, w.Code, body)
		}
		if !strings.Contains(log.String(), want[1]) || !strings.Contains(log.String(), "path=/form") {
			t.Errorf("%q: the log has %s", origin, &log)
		}
		if all := w.Body.String() + log.String(); strings.Contains(all, cookie) || strings.Contains(all, token) {
			t.Errorf("%q: a token is told: %s", origin, all)
		}
	}
}

// TestCSRFOfOlderDjangos: to 4.0 the cookie is masked; a malformed one is replaced from 4.0 on.
func TestCSRFOfOlderDjangos(t *testing.T) {
	d := deploy(t)
	for version, want := range map[string]struct {
		length   int
		replaced bool
		ofTwo    int // schemes: Django 4.1 and newer take the first one, https, and ask for a Referer
	}{"3.2": {64, false, 200}, "4.0": {64, true, 200}, "4.1": {32, true, 403}} {
		s := d.settings
		s.Env = map[string]string{"DJANGO_SECURE_PROXY_SSL_HEADER": "HTTP_X_FORWARDED_PROTO,https"}
		s.DjangoVersion = version
		h := open(t, s).CSRF(formPage)
		_, set := page(t, h, "csrftoken="+strings.Repeat("a", 32))
		value, _, _ := strings.Cut(strings.TrimPrefix(set, "csrftoken="), ";")
		if len(value) != want.length {
			t.Errorf("%s: %q", version, set)
		}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Cookie", "csrftoken=malformed")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if replaced := w.Header().Get("Set-Cookie") != ""; w.Code != 403 || replaced != want.replaced {
			t.Errorf("%s: a malformed cookie: %d, %v", version, w.Code, w.Header())
		}
		r = httptest.NewRequest(http.MethodPost, "/", nil)
		token := strings.Repeat("a", 32)
		r.Header = http.Header{"Cookie": {"csrftoken=" + token}, "X-Csrftoken": {token}, "X-Forwarded-Proto": {"https, http"}}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want.ofTwo {
			t.Errorf("%s: two schemes, and no Referer: %d", version, w.Code)
		}
	}
}

// TestCSRFLeavesNoFiles: the files of a form are gone after the answer, also where the request is a copy of the server's,
// whose files the server does not know: strangers would fill the disk, since a token is looked for before it is right. So
// are those of a form that the handler reads.
func TestCSRFLeavesNoFiles(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := deploy(t)
	s := open(t, d.settings)
	files := func() []os.DirEntry {
		t.Helper()
		list, err := os.ReadDir(os.Getenv("TMPDIR"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	during := 0
	server := httptest.NewServer(s.Load(s.CSRF(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		during += len(files())
	}))))
	defer server.Close()
	token := strings.Repeat("a", 32)
	form := func(size int, token string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" + strings.Repeat("x", size) +
			"\r\n--b\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\n" + token + "\r\n--b--\r\n"
	}
	for sent, status := range map[string]int{strings.Repeat("b", 32): 403, "": 200} {
		size := 33 << 20 // more than is kept in memory
		if sent == "" {  // the handler is the first who reads the form
			size = 100
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(form(size, sent)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		r.Header.Set("Cookie", "csrftoken="+token)
		if sent == "" {
			r.Header.Set("X-CSRFToken", token)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != status {
			t.Errorf("%d, %v; want %d", answer.StatusCode, err, status)
		}
	}
	server.Close() // which waits for the handlers
	if left := files(); len(left) > 0 || during != 1 {
		t.Errorf("%d files while a form was answered, and then %v", during, left)
	}
}

// TestCSRFSlips: what cannot work ends the program at its start.
func TestCSRFSlips(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"DJANGO_CSRF_USE_SESSIONS": "true"}
	for name, slip := range map[string]func(){
		"sessions": func() { open(t, d.settings).CSRF(formPage) },
		"zero":     func() { new(djangosite.Site).CSRF(formPage) },
		"outside":  func() { djangosite.CSRFToken(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "djangosite: ") {
					t.Errorf("%s: %s", name, text)
				}
			}()
			slip()
		}()
	}
}
