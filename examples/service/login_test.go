package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/hashers"
)

// TestMembers: a browser fills its cart, logs in by the form, goes on to where it came from with its cart, and logs out.
func TestMembers(t *testing.T) {
	deploy(t)
	list, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2")})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := list.Make("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(os.Getenv("DATABASE_URL"), "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "UPDATE auth_user SET password = ? WHERE username = 'ada'", hash); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SIDECAR_WRITE", "login,logout")
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	mux := http.NewServeMux()
	mux.Handle("/", members(site))
	mux.Handle("/reports/", routes(site))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	token := ""
	ask := func(method, path, form string, status int, want string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		if form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		body, err := io.ReadAll(w.Body)
		if err != nil || w.StatusCode != status || !strings.Contains(string(body), want) {
			t.Errorf("%s %s: %s %s %v; want %d %s", method, path, w.Status, body, err, status, want)
		}
		if found := regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w+)"`).FindSubmatch(body); found != nil {
			token = string(found[1])
		}
	}
	form := func(password string) string {
		return url.Values{"csrfmiddlewaretoken": {token}, "username": {"ada"}, "password": {password}}.Encode()
	}
	cookie := func(name string) (value string) {
		at, _ := url.Parse(server.URL)
		for _, c := range jar.Cookies(at) {
			if c.Name == name {
				value = c.Value
			}
		}
		return value
	}
	ask("GET", "/cart/", "", 200, "null")
	ask("GET", "/login/", "", 200, "password")
	ask("POST", "/cart/tea", url.Values{"csrfmiddlewaretoken": {token}}.Encode(), 200, `["tea"]`)
	ask("POST", "/login/", url.Values{"username": {"ada"}, "password": {"correct horse"}}.Encode(), 403, "CSRF")
	ask("POST", "/login/", form("wrong"), 200, "are not right")
	ask("POST", "/login/?next=https://other.example/", form("wrong"), 200, "are not right")
	ask("POST", "/login/?next=/reports/", form("correct horse"), 200, "All reports.")
	session := cookie("sessionid")
	token = cookie("csrftoken")
	ask("POST", "/cart/cake", url.Values{"csrfmiddlewaretoken": {token}}.Encode(), 200, `["tea","cake"]`)
	ask("GET", "/cart/", "", 200, `["tea","cake"]`)
	ask("POST", "/logout/", url.Values{"csrfmiddlewaretoken": {token}}.Encode(), 200, "Log in")
	at, _ := url.Parse(server.URL)
	jar.SetCookies(at, []*http.Cookie{{Name: "sessionid", Value: session}})
	ask("GET", "/cart/", "", 200, "null")
}
