//go:build live

package djangosite_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// versions are Djangos of tools/setup.sh that differ in what is signed. The vectors of package tokens and signing are
// those of all.
var versions = []string{"1.11", "2.2", "3.1", "3.2", "4.1", "6.1"}

// shared is a database that a Django has made, and a site on it.
type shared struct {
	*djangotest.Conversation
	*djangosite.Site
	version djangosession.Version
}

// share starts a Django with more settings, and opens the site with those of the same names.
func share(t *testing.T, version string, more map[string]any) *shared {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	given := map[string]any{"SECRET_KEY": secretKey, "USE_TZ": true, "TIME_ZONE": "UTC"}
	maps.Copy(given, more)
	names, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), djangotest.Python(t, version), "-W", "ignore", "testdata/site.py", path, string(names))
	s := &shared{Conversation: djangotest.Converse(t, "Django "+version, cmd), version: djangosession.MustVersion(version)}
	s.Ask(t, map[string]string{"op": "make"})
	env := map[string]string{"SIDECAR_WRITE": "login,logout"}
	for name, value := range more {
		text, ok := value.(string)
		if !ok {
			b, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		env["DJANGO_"+name] = text
	}
	s.Site = open(t, djangosite.Settings{SecretKey: secretKey, DatabaseURL: "sqlite:///" + path, DjangoVersion: version, Env: env})
	return s
}

// TestBothWays: a site and a Django on one database take what the other has made.
func TestBothWays(t *testing.T) {
	for i, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := share(t, version, map[string]any{"USE_TZ": i%2 == 0, "TIME_ZONE": []string{"Asia/Kathmandu", "America/Lima"}[i/2%2]})
			t.Run("tokens", s.testTokens) // while nobody has logged in
			t.Run("objects", s.testObjects)
			t.Run("sessions", s.testSessions)
		})
	}
}

// testTokens: Django takes the links of the site, the site those of Django, and a login or another password ends both.
func (s *shared) testTokens(t *testing.T) {
	ada, err := s.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"never logged in", "logged in"} {
		var of struct{ UID, Token string }
		s.Ask(t, map[string]string{"op": "token", "name": "ada"}, &of)
		uid, token, err := s.PasswordResetToken(t.Context(), ada)
		if err != nil {
			t.Fatal(err)
		}
		before := map[string]string{of.UID: of.Token, uid: token}
		for _, text := range []string{of.Token, token} {
			s.bothSay(t, state, uid, text, true)
			s.bothSay(t, state+", spoiled", uid, text+"0", false)
		}
		if uid != of.UID {
			t.Errorf("the uidb64 is %s, and Django's %s", uid, of.UID)
		}
		if err := s.Login(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil), ada); err != nil {
			t.Fatal(err)
		}
		if state == "logged in" { // in the same second, perhaps
			s.Ask(t, map[string]string{"op": "password", "name": "ada", "password": "another"})
		}
		for uid, text := range before {
			s.bothSay(t, state+", and used", uid, text, false)
		}
	}
}

// bothSay compares what both say of a link of ada's.
func (s *shared) bothSay(t *testing.T, state, uid, token string, want bool) {
	t.Helper()
	var theirs struct {
		Name string
		OK   bool
	}
	s.Ask(t, map[string]string{"op": "check", "uid": uid, "token": token}, &theirs)
	user, err := s.PasswordResetUser(t.Context(), uid, token)
	if err != nil && !errors.Is(err, djangosite.ErrBadToken) {
		t.Fatal(err)
	}
	if theirs.OK != want || (err == nil) != want || want && user.Name() != theirs.Name {
		t.Errorf("%s: %v %s, and Django says %+v, want %v", state, err, user.Name(), theirs, want)
	}
}

// testObjects: Django loads what is dumped and compressed here, and the other way round.
func (s *shared) testObjects(t *testing.T) {
	o := s.version.SignerOptions(signing.SecretKey(secretKey), nil, signing.SHA256)
	o.Salt = "shop.links"
	want := map[string]any{"names": strings.Repeat("é😀 \x00<&>\u2028", 40), "list": []any{nil, true, "", map[string]any{}}}
	text, err := signing.Dumps(o, want, true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var theirs, mine struct{ Object map[string]any }
	var of struct{ Text string }
	s.Ask(t, map[string]string{"op": "loads", "text": text, "salt": o.Salt}, &theirs)
	s.Ask(t, map[string]any{"op": "dumps", "object": want, "salt": o.Salt}, &of)
	if _, err := signing.Loads(o, of.Text, &mine.Object, time.Minute, time.Now()); err != nil {
		t.Error(err)
	}
	if !reflect.DeepEqual(theirs.Object, want) || !reflect.DeepEqual(mine.Object, want) || !strings.HasPrefix(text, ".") {
		t.Errorf("Django reads %v, and here is read %v, of %s", theirs, mine, text)
	}
}

// testSessions: Django knows whom the site logs in, and reads what Update has set; Update keeps what Django sets.
func (s *shared) testSessions(t *testing.T) {
	ada, err := s.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := s.Login(w, httptest.NewRequest(http.MethodPost, "/", nil), ada); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	update := func(name string, value any) {
		if err := s.Update(r, func(session *djangosession.Session) error { return session.Set(name, value) }); err != nil {
			t.Fatal(err)
		}
	}
	var said struct {
		User    string
		Session map[string]any
	}
	visit := func(set map[string]any) {
		s.Ask(t, map[string]any{"op": "visit", "cookie": r.Header.Get("Cookie"), "set": set}, &said)
	}
	update("cart", []string{"tea"})
	visit(map[string]any{"odd": "\u0000 é 😀", "cart": []any{"tea", 1e300}})
	update("seen", map[string]int{"page": 3})
	visit(nil)
	want := map[string]any{"odd": "\u0000 é 😀", "cart": []any{"tea", 1e300}, "seen": map[string]any{"page": 3.0}}
	if said.User != "ada" || !reflect.DeepEqual(said.Session, want) {
		t.Errorf("Django sees %q, %v, want ada, %v", said.User, said.Session, want)
	}
	if err := s.Logout(httptest.NewRecorder(), r); err != nil {
		t.Fatal(err)
	}
	if visit(nil); said.User != "" {
		t.Errorf("after the logout, Django sees %q", said.User)
	}
}
