package djangosite_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosite"
)

// TestRefusalPage: a program's own page takes the place of the JSON of each refusal, with its status and its header, and
// of nothing else. Where it makes none, the JSON stays.
func TestRefusalPage(t *testing.T) {
	d := deploy(t)
	site := open(t, d.settings)
	site.RefusalPage = func(r *http.Request, status int, message string) []byte {
		if r.Header.Get("Accept") == "application/json" {
			return nil
		}
		user, _ := djangosite.User(r.Context())
		return fmt.Appendf(nil, "<p>%d %q %s", status, user.Name(), message)
	}
	unavailable := *d
	unavailable.settings.DatabaseURL = "sqlite:////nowhere/db.sqlite3"
	away := open(t, unavailable.settings)
	away.RefusalPage = site.RefusalPage
	const ada = "ada is logged in"
	for _, tt := range []struct {
		h                     http.Handler
		method, visit, accept string
		status                int
		body                  string
	}{
		{site.RequireStaff(hello), "GET", ada, "text/html", 403, `<p>403 "ada" `},
		{site.RequireStaff(hello), "GET", ada, "application/json", 403, `{"result":false,`},
		{site.RequireUser(hello), "GET", "", "*/*", 401, `<p>401 "" `},
		{site.RequireUser(hello), "GET", "", "text/html", 302, ""},
		{site.RequireUser(hello), "GET", ada, "text/html", 200, "ada true true"},
		{site.CSRF(hello), "POST", ada, "text/html", 403, `<p>403 "" CSRF verification failed`},
		{site.Load(site.CSRF(hello)), "POST", ada, "text/html", 403, `<p>403 "ada" CSRF verification failed`},
		{away.Load(hello), "GET", ada, "text/html", 503, `<p>503 "" `},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		r.Header.Set("Accept", tt.accept)
		if tt.visit != "" {
			r.Header.Set("Cookie", d.visits[tt.visit].Cookie)
		}
		w := httptest.NewRecorder()
		tt.h.ServeHTTP(w, r)
		kind, page := w.Header().Get("Content-Type"), strings.HasPrefix(tt.body, "<p>")
		if w.Code != tt.status || !strings.HasPrefix(w.Body.String(), tt.body) || tt.body == "" && w.Body.Len() > 0 || page != (kind == "text/html; charset=utf-8") {
			t.Errorf("%+v: %d %s %s", tt, w.Code, kind, w.Body)
		}
		if refused := tt.status >= 300; refused != (w.Header().Get("Cache-Control") == "no-store") {
			t.Errorf("%+v: %v", tt, w.Header())
		}
	}
}

func ExampleSite() {
	site := new(djangosite.Site) // of djangosite.FromEnv
	site.RefusalPage = func(r *http.Request, status int, message string) []byte {
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			return nil // a script gets the JSON
		}
		return []byte("<!doctype html><title>Refused</title><p>" + html.EscapeString(message))
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/reports/", nil)
	r.Header.Set("Accept", "text/html")
	site.RequirePerm("reports.view_report")(http.NotFoundHandler()).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 503 <!doctype html><title>Refused</title><p>The login session could not be checked.
}
