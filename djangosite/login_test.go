package djangosite_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// TestLogin: a user logs in, has a session with data, and is the one that Load finds.
func TestLogin(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "login", "SIDECAR_CACHE_TTL": "1h"}
	site := open(t, d.settings)
	ada, err := site.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /in", func(w http.ResponseWriter, r *http.Request) {
		if err := site.Login(w, r, ada); err != nil {
			t.Error(err)
		}
		if err := site.Update(w, r, func(s *djangosession.Session) error { return s.Set("greeted", true) }); err != nil {
			t.Errorf("the session that has just begun: %v", err)
		}
	})
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, djangosite.CSRFToken(w, r)) })
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		err := site.Update(w, r, func(s *djangosession.Session) error { return s.Set("cart", []string{"tea"}) })
		if err != nil {
			t.Error(err)
		}
	})
	mux.Handle("GET /", site.RequireUser(hello))
	h := site.CSRF(mux)
	cookies := map[string]string{}
	ask := func(method, path, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		for name, value := range cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		r.Header.Set("X-CSRFToken", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c.Value
		}
		return w
	}
	token := ask("GET", "/token", "").Body.String()
	if w := ask("POST", "/in", ""); w.Code != http.StatusForbidden || cookies["sessionid"] != "" {
		t.Errorf("a login from another site: %d, %v", w.Code, cookies)
	}
	before := cookies["csrftoken"]
	if w := ask("POST", "/in", token); w.Code != http.StatusOK || cookies["sessionid"] == "" || cookies["csrftoken"] == before {
		t.Fatalf("the login: %d, %v", w.Code, cookies)
	}
	if w := ask("GET", "/", ""); w.Body.String() != "ada true true" {
		t.Errorf("the user is %d %s", w.Code, w.Body)
	}
	if w := ask("POST", "/cart", token); w.Code != http.StatusForbidden {
		t.Errorf("the token of before the login: %d", w.Code)
	}
	if w := ask("POST", "/cart", cookies["csrftoken"]); w.Code != http.StatusOK {
		t.Errorf("the update: %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: cookies["sessionid"]})
	failed := errors.New("no")
	if err := site.Update(httptest.NewRecorder(), r, func(s *djangosession.Session) error {
		if got := s.Lookup("cart").JSON(); got != `["tea"]` {
			t.Errorf("the cart is %s", got)
		}
		return errors.Join(s.Set("cart", 1), failed)
	}); !errors.Is(err, failed) {
		t.Error(err)
	}
	if err := site.Update(httptest.NewRecorder(), r, func(s *djangosession.Session) error {
		if got := s.Lookup("cart").JSON(); got != `["tea"]` {
			t.Errorf("what failed has made the cart %s", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	s, err := site.Session(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	var cart, nothing []string
	if err := errors.Join(s.Lookup("cart").Decode(&cart), s.Lookup("nothing").Decode(&nothing)); err != nil || len(cart) != 1 || cart[0] != "tea" || nothing != nil {
		t.Errorf("the session has %q, %q, %v", cart, nothing, err)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := site.Session(httptest.NewRecorder(), r.WithContext(gone)); err != nil {
		t.Errorf("a client who hangs up tears down the question: %v", err)
	}
	if s, err := site.Session(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)); err != nil || s.JSON() != "{}" {
		t.Errorf("no session: %v, %v", s, err)
	}
	if err := site.Logout(httptest.NewRecorder(), r); err == nil || !strings.Contains(err.Error(), "SIDECAR_WRITE") {
		t.Errorf("a logout that is not allowed: %v", err)
	}
}

// TestLogoutAfterLogin: who is logged out in the request that has logged him in has no session.
func TestLogoutAfterLogin(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "login,logout"}
	site := open(t, d.settings)
	ada, err := site.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	begun := ""
	h := site.CSRF(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := site.Login(w, r, ada); err != nil {
			t.Error(err)
		}
		for _, line := range w.Header()["Set-Cookie"] {
			if strings.HasPrefix(line, "sessionid=") {
				begun, _, _ = strings.Cut(line, ";")
			}
		}
		if err := site.Logout(w, r); err != nil {
			t.Error(err)
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, c := range w.Result().Cookies() {
		if c.Name == "sessionid" && (c.Value != "" || c.MaxAge >= 0) {
			t.Errorf("the answer has %s", c)
		}
	}
	if v, err := site.Verify(t.Context(), []string{begun}); err != nil || v.Reason != djangosession.NotFound {
		t.Errorf("%s is %+v, %v", begun, v, err)
	}
}

// TestLogoutOfEachName: where several cookies may have a session, none of them logs in again.
func TestLogoutOfEachName(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "logout", "DJANGO_SESSION_COOKIE_NAME": "sessionid,before"}
	site := open(t, d.settings)
	_, key, _ := strings.Cut(d.visits["ada is logged in"].Cookie, "=")
	r := httptest.NewRequest(http.MethodPost, "/out", nil)
	r.Header.Set("Cookie", "sessionid=a-session-of-nobody; before="+key)
	w := httptest.NewRecorder()
	if err := site.Logout(w, r); err != nil || len(w.Header()["Set-Cookie"]) != 2 {
		t.Errorf("%v, %q", err, w.Header())
	}
	if v, err := site.Verify(t.Context(), []string{"before=" + key}); err != nil || v.Reason != djangosession.NotFound {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestLoginRefused: who may not log in does not, and a site that writes nothing logs nobody in.
func TestLoginRefused(t *testing.T) {
	d := deploy(t)
	reads := open(t, d.settings)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "login", "SIDECAR_LOGIN_TRIES": "2", "SIDECAR_LOGIN_TRIES_PER_ADDRESS": "2"}
	site := open(t, d.settings)
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
	if err := site.Login(w, r, djangosession.User{ID: "4711"}); !errors.Is(err, djangosite.ErrRefused) || len(w.Header()["Set-Cookie"]) != 0 {
		t.Errorf("a user who is not there: %v, %v", err, w.Header())
	}
	many := &djangosite.TooManyTriesError{}
	for i := range 2 {
		_, err := site.Authenticate(t.Context(), fmt.Sprint("nobody", i), "secret", fmt.Sprintf("[2001:db8::%d]:%d", i, 1000+i))
		if !errors.Is(err, djangosite.ErrRefused) {
			t.Errorf("the first tries from an address: %v", err)
		}
	}
	if _, err := site.Authenticate(t.Context(), "somebody", "secret", "2001:db8::9"); !errors.As(err, &many) || many.Wait <= 0 {
		t.Errorf("a client of another port and another address of its /64: %v", err)
	}
	for i := range 3 {
		_, err := site.Authenticate(t.Context(), "nobody", "secret", "")
		if i < 2 && !errors.Is(err, djangosite.ErrRefused) || i == 2 && !errors.As(err, &many) {
			t.Errorf("try %d: %v", i, err)
		}
	}
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*djangosite.Site{"reads": reads, "asks": away, "zero": {}} {
		_, authenticated := other.Authenticate(t.Context(), "ada", "secret", "")
		_, checked := other.CheckPassword(t.Context(), djangosession.User{ID: "1"}, "secret")
		updated := other.Update(w, r, func(*djangosession.Session) error { return nil })
		_, made := other.MakePassword(t.Context(), "secret")
		byKey := other.UpdateSession(t.Context(), strings.Repeat("a", 32), func(*djangosession.Session) error { return nil })
		for _, err := range []error{authenticated, checked, made, updated, byKey, other.Login(w, r, djangosession.User{ID: "1"})} {
			if err == nil || errors.Is(err, djangosite.ErrRefused) {
				t.Errorf("a site that %s: %v", name, err)
			}
		}
	}
	if name := "SIDECAR_WRITE"; !strings.Contains(reads.Login(w, r, djangosession.User{ID: "1"}).Error(), name) {
		t.Errorf("the error does not name %s", name)
	}
}

// TestLogout: the session is gone at once, in a cache of verdicts too, and its cookie ends.
func TestLogout(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"SIDECAR_WRITE": "logout", "SIDECAR_CACHE_TTL": "1h"}
	site := open(t, d.settings)
	verdict := func(cookie string) djangosession.Reason {
		v, err := site.Verify(t.Context(), []string{cookie})
		if err != nil {
			t.Fatal(err)
		}
		return v.Reason
	}
	ada := d.visits["ada is logged in"].Cookie
	if reason := verdict(ada); reason != "" {
		t.Fatalf("before: %q", reason)
	}
	r := httptest.NewRequest(http.MethodPost, "/out", nil)
	r.Header.Set("Cookie", ada)
	w := httptest.NewRecorder()
	if err := site.Logout(w, r); err != nil {
		t.Fatal(err)
	}
	if lines := w.Header()["Set-Cookie"]; len(lines) != 1 || !strings.HasPrefix(lines[0], `sessionid=""; `) || !strings.Contains(lines[0], "Max-Age=0") {
		t.Errorf("the cookie: %q", lines)
	}
	if reason := verdict(ada); reason != djangosession.NotFound {
		t.Errorf("after: %q", reason)
	}
	w = httptest.NewRecorder()
	if err := site.Logout(w, httptest.NewRequest(http.MethodPost, "/out", nil)); err != nil || len(w.Header()) != 0 {
		t.Errorf("nobody's logout: %v, %v", err, w.Header())
	}
}

// TestNextURL: a login goes on to a page of its own host alone. Package gateway has the tests of Django.
func TestNextURL(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"DJANGO_REDIRECT_FIELD_NAME": "to", "DJANGO_SECURE_PROXY_SSL_HEADER": "HTTP_X_FORWARDED_PROTO,https"}
	site := open(t, d.settings)
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{RedirectFieldName: "to"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ query, form, https, want string }{
		{query: "to=/reports/%3Fpage%3D2", want: "/reports/?page=2"},
		{query: "to=/reports/", form: "to=/desk/", want: "/desk/"},
		{query: "to=/reports/", form: "to=", want: "/"},
		{query: "to=/first/&to=/last/", want: "/last/"},
		{query: "to=http://example.com/a", want: "http://example.com/a"},
		{query: "to=http://example.com/a", https: "https", want: "/"},
		{query: "to=https://other.example/", want: "/"},
		{query: "to=//other.example/", want: "/"},
		{query: "to=/%09//other.example/", want: "/%09//other.example/"},
		{query: "to=/%09/other.example/", want: "/"},
		{query: "to=/%5Cother.example", want: "/"},
		{query: "to=javascript:alert(1)", want: "/"},
		{query: "next=/reports/", want: "/"},
		{want: "/"},
	} {
		for name, s := range map[string]*djangosite.Site{"tables": site, "asks": away} {
			r := httptest.NewRequest(http.MethodPost, "http://example.com/login/?"+test.query, strings.NewReader(test.form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.https != "" {
				r.Header.Set("X-Forwarded-Proto", test.https)
			}
			if test.https != "" && name == "asks" {
				continue // it knows no such header
			}
			if got := s.NextURL(r, "/"); got != test.want {
				t.Errorf("%s: %+v: %q", name, test, got)
			}
		}
	}
}
