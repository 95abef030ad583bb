package djangosite_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// TestOneSession: what a request does to its session, one after the other, is done to the one that the answer begins, also
// without a CSRF middleware around the handler; and what it has ended does not come back.
func TestOneSession(t *testing.T) {
	for _, engine := range []string{"db", "signed_cookies"} {
		for _, names := range []string{"sessionid", "sessionid,before"} {
			d := deploy(t)
			d.settings.Env = map[string]string{
				"SIDECAR_WRITE": "login,logout", "DJANGO_SESSION_ENGINE": engine, "DJANGO_SESSION_COOKIE_NAME": names,
			}
			site := open(t, d.settings)
			ada, err := site.UserByName(t.Context(), "ada")
			if err != nil {
				t.Fatal(err)
			}
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
			put := func(w http.ResponseWriter, r *http.Request, name string) {
				t.Helper()
				if err := site.Update(w, r, func(s *djangosession.Session) error { return s.Set(name, true) }); err != nil {
					t.Error(err)
				}
			}
			// cookie is what the browser has then, under the last of the names.
			cookie := func(w *httptest.ResponseRecorder) string {
				value := ""
				for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
					if c.Name == "sessionid" && c.MaxAge >= 0 {
						value = c.Value
					}
				}
				return names[strings.LastIndexByte(names, ',')+1:] + "=" + value
			}
			wantEntries := func(w *httptest.ResponseRecorder, want ...string) {
				t.Helper()
				next := httptest.NewRequest(http.MethodGet, "/", nil)
				next.Header.Set("Cookie", cookie(w))
				answer := httptest.NewRecorder()
				s, err := site.Session(answer, next)
				if err != nil || answer.Header().Get("Vary") != "Cookie" {
					t.Fatal(err, answer.Header())
				}
				if got := strings.Join(s.Names(), " "); got != strings.Join(want, " ") {
					t.Errorf("%s, %s: the session has %s, want %s", engine, names, got, want)
				}
			}
			put(w, r, "a")
			put(w, r, "b")
			wantEntries(w, "a", "b")
			before := cookie(w)
			if err := site.Login(w, r, ada); err != nil {
				t.Fatal(err)
			}
			put(w, r, "c")
			wantEntries(w, "a", "b", "_auth_user_id", "_auth_user_backend", "_auth_user_hash", "c")
			if v, err := site.Verify(t.Context(), []string{before}); err != nil || v.Reason == "" || cookie(w) == before {
				t.Errorf("the session before the login: %+v, %v", v, err)
			}
			if lines := w.Header()["Set-Cookie"]; len(lines) != 2 { // and csrftoken
				t.Errorf("%s: the answer sets %q", engine, lines)
			}
			r = httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header.Set("Cookie", cookie(w))
			w = httptest.NewRecorder()
			if err := site.Logout(w, r); err != nil {
				t.Fatal(err)
			}
			put(w, r, "d")
			wantEntries(w, "d")
			if err := site.Logout(w, r); err != nil {
				t.Fatal(err)
			}
			wantEntries(w)
		}
	}
}

// TestUpdateFails: where nothing is written, nothing is set.
func TestUpdateFails(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "login"}
	site := open(t, d.settings)
	_, adas, _ := strings.Cut(d.visits["ada is logged in"].Cookie, "=")
	failed := errors.New("no")
	for name, change := range map[string]func(*djangosession.Session) error{
		"fails":          func(s *djangosession.Session) error { return errors.Join(s.Set("cart", 1), failed) },
		"has no end":     func(s *djangosession.Session) error { return s.SetExpiry(1 << 50) },
		"is too large":   func(s *djangosession.Session) error { return s.Set("cart", strings.Repeat("x", 2<<20)) },
		"is not there":   nil,
		"sets no number": func(s *djangosession.Session) error { return s.Set("cart", make(chan int)) },
	} {
		w := httptest.NewRecorder()
		if err := site.Update(w, httptest.NewRequest(http.MethodPost, "/", nil), change); err == nil || len(w.Header()) > 0 {
			t.Errorf("a change that %s: %v, %v", name, err, w.Header())
		}
		if err := site.UpdateSession(t.Context(), adas, change); err == nil {
			t.Errorf("by its key, a change that %s is no error", name)
		}
	}
}

// TestUpdateSessionForgets: what a job changes of a session holds at once, in a cache of verdicts too.
func TestUpdateSessionForgets(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "update", "SIDECAR_CACHE_TTL": "1h"}
	site := open(t, d.settings)
	cookie := d.visits["ada is logged in"].Cookie
	_, key, _ := strings.Cut(cookie, "=")
	if v, err := site.Verify(t.Context(), []string{cookie}); err != nil || v.User == nil {
		t.Fatal(v, err)
	}
	err := site.UpdateSession(t.Context(), key, func(s *djangosession.Session) error { s.Clear(); return nil })
	if v, verifyErr := site.Verify(t.Context(), []string{cookie}); err != nil || verifyErr != nil || v.User != nil {
		t.Errorf("an emptied session: %v, %+v, %v", err, v, verifyErr)
	}
}
