package handlers_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/config"
	"django-sidecar/internal/csrfhttp"
	"django-sidecar/internal/login"
)

// TestSlowLogin: hashes that take longer than the server's time for an answer leave the answer its own.
func TestSlowLogin(t *testing.T) {
	const limit = 20 * time.Millisecond
	checker, err := csrfhttp.New(config.CSRF{CookieName: "csrftoken", HeaderName: "X-CSRFToken"},
		djangosession.MustVersion("5.2"), djangosession.CookieRules{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandler(ended(djangosession.NoCookie), func(o *handlers.Options) {
		o.Login = &handlers.LoginOptions{
			CSRF: checker, Cookie: func(login.Saved) string { return "sessionid=new" },
			Login: func(context.Context, string, login.Credentials, string) (login.LoggedIn, error) {
				<-time.After(10 * limit)
				return login.LoggedIn{}, nil
			},
		}
	})
	server := httptest.NewUnstartedServer(h)
	server.Config.WriteTimeout = limit
	server.Start()
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/login",
		strings.NewReader(`{"username": "anna", "password": "sesame"}`))
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Repeat("a", 32)
	r.Header = http.Header{"Content-Type": {"application/json"}, "Cookie": {"csrftoken=" + token}, "X-Csrftoken": {token}}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Error(err)
	}
	if response.StatusCode != http.StatusOK || !strings.Contains(string(text), `"result":true`) {
		t.Errorf("%s: %s", response.Status, text)
	}
}
