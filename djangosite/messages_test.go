package djangosite_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosite"
	"django-sidecar/djangosite/messages"
)

// TestMessages: the cookie has the attributes of the session's, and what cannot be written writes nothing.
func TestMessages(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"DJANGO_SESSION_COOKIE_PATH": "/shop", "DJANGO_SESSION_COOKIE_DOMAIN": ".example.com", "DJANGO_MESSAGE_LEVEL": "30"}
	site := open(t, d.settings)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	m, err := site.Messages(r)
	if err != nil {
		t.Fatal(err)
	}
	m.Add(messages.Message{Level: messages.Success, Text: "below MESSAGE_LEVEL"})
	m.Add(messages.Message{Level: messages.Error, Text: "Full."})
	if err := m.Save(w); err != nil {
		t.Fatal(err)
	}
	line := w.Header().Get("Set-Cookie")
	value, attributes, _ := strings.Cut(line, "; ")
	if attributes != "Domain=.example.com; HttpOnly; Path=/; SameSite=Lax" || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("the cookie: %s, %v", line, w.Header())
	}
	r.Header.Set("Cookie", value)
	m, err = site.Messages(r)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := m.All(); err != nil || len(list) != 1 || list[0] != (messages.Message{Level: messages.Error, Text: "Full."}) || list[0].Tags() != "error" {
		t.Errorf("%+v, %v", list, err)
	}
	w = httptest.NewRecorder()
	if err := m.Save(w); err != nil || !strings.Contains(w.Header().Get("Set-Cookie"), `messages=""; `) {
		t.Errorf("%v, %v", err, w.Header())
	}
	d.settings.Env["DJANGO_MESSAGE_LEVEL"] = "0"
	if m, err = open(t, d.settings).Messages(httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		t.Fatal(err)
	}
	m.Add(messages.Message{Text: "of level 0"})
	if list, err := m.All(); err != nil || len(list) != 1 {
		t.Errorf("MESSAGE_LEVEL = 0: %+v, %v", list, err)
	}
	testMessagesRefused(t, d)
}

// testMessagesRefused: a session that must not be written, and settings that are not known.
func testMessagesRefused(t *testing.T, d *deployment) {
	t.Helper()
	const storage = "django.contrib.messages.storage.session.SessionStorage"
	d.settings.Env = map[string]string{"DJANGO_MESSAGE_STORAGE": storage}
	m, err := open(t, d.settings).Messages(httptest.NewRequest(http.MethodGet, "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	m.Add(messages.Message{Level: messages.Info, Text: "Saved."})
	w := httptest.NewRecorder()
	if err := m.Save(w); err == nil || !strings.Contains(err.Error(), "SIDECAR_WRITE") || len(w.Header()) > 0 {
		t.Errorf("without SIDECAR_WRITE: %v, %v", err, w.Header())
	}
	d.settings.Env = map[string]string{"DJANGO_MESSAGE_STORAGE": "shop.storage.Own"}
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for word, site := range map[string]*djangosite.Site{"DJANGO_MESSAGE_STORAGE": open(t, d.settings), "tables": away, "zero": {}} {
		if _, err := site.Messages(httptest.NewRequest(http.MethodGet, "/", nil)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestMessagesOfAnUnreachableSession: what could not be found out is no absence.
func TestMessagesOfAnUnreachableSession(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"DJANGO_MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage"}
	d.settings.DatabaseURL = "postgres://nobody:nothing@127.0.0.1:1/none?sslmode=disable"
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "sessionid="+strings.Repeat("a", 32))
	m, err := open(t, d.settings).Messages(r)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := m.All(); err == nil {
		t.Errorf("%v, %v", list, err)
	}
}

// TestMessagesAfterLogin: a message of the request that logs in is in the new session.
func TestMessagesAfterLogin(t *testing.T) {
	d := deploy(t)
	d.settings.Env = map[string]string{"DJANGO_MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage", "SIDECAR_WRITE": "login"}
	site := open(t, d.settings)
	ada, err := site.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
	m, err := site.Messages(r)
	if err != nil {
		t.Fatal(err)
	}
	want := messages.Message{Level: messages.Info, Text: "Welcome."}
	m.Add(want)
	if err := errors.Join(site.Login(w, r, ada), m.Save(w)); err != nil {
		t.Fatal(err)
	}
	next := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range w.Result().Cookies() {
		next.AddCookie(c)
	}
	for _, list := range [][]messages.Message{{want}, nil} {
		m, err := site.Messages(next)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.All(); err != nil || !slices.Equal(got, list) {
			t.Errorf("%v, %v, want %v", got, err, list)
		}
		if err := m.Save(httptest.NewRecorder()); err != nil {
			t.Error(err)
		}
	}
}
