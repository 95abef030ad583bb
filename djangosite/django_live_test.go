//go:build live

package djangosite_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
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
	"django-sidecar/djangosite/messages"
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
	drops   bool // CookieStorage drops the oldest messages that do not fit
}

// share starts a Django with more settings, and opens the site with those of the same names, and with those of env.
func share(t *testing.T, version string, more map[string]any, env map[string]string) *shared {
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
	s.drops = strings.HasSuffix(fmt.Sprint(more["MESSAGE_STORAGE"]), "CookieStorage")
	s.Ask(t, map[string]string{"op": "make"})
	env = maps.Clone(env)
	env["SIDECAR_WRITE"] = cmp.Or(env["SIDECAR_WRITE"], "login,logout")
	for name, value := range more {
		if name == "CACHES" || env["DJANGO_"+name] != "" {
			continue // which env says in another form
		}
		text, ok := value.(string)
		if value == nil {
			text = "None"
		} else if !ok {
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
			s := share(t, version, map[string]any{
				"MESSAGE_STORAGE": "django.contrib.messages.storage." + []string{"fallback.Fallback", "session.Session", "cookie.Cookie"}[i%3] + "Storage",
				"USE_TZ":          i%2 == 0, "TIME_ZONE": []string{"Asia/Kathmandu", "America/Lima"}[i/2%2],
			}, map[string]string{})
			t.Run("tokens", s.testTokens) // while nobody has logged in
			t.Run("objects", s.testObjects)
			t.Run("sessions", s.testSessions)
			t.Run("messages", s.testMessages)
			t.Run("two writers", s.testTwoWriters)
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
		if err := s.Update(httptest.NewRecorder(), r, func(session *djangosession.Session) error { return session.Set(name, value) }); err != nil {
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

// A browser keeps cookies, and shows them to both.
type browser struct{ cookies map[string]string }

func (b *browser) request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", b.header())
	return r
}

func (b *browser) header() string {
	var pairs []string
	for name, value := range b.cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// take keeps what Set-Cookie lines say.
func (b *browser) take(lines []string) {
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, "=")
		value, attributes, _ := strings.Cut(rest, ";")
		if delete(b.cookies, name); !strings.Contains(attributes, "Max-Age=0") {
			b.cookies[name] = value
		}
	}
}

// ada is a browser in which ada has logged in at the site.
func (s *shared) ada(t *testing.T) *browser {
	t.Helper()
	ada, err := s.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	b, w := &browser{map[string]string{}}, httptest.NewRecorder()
	if err := s.Login(w, b.request(), ada); err != nil {
		t.Fatal(err)
	}
	b.take(w.Header()["Set-Cookie"])
	return b
}

// testMessages: either shows once what the other has added, also what has no room in the cookie, and begins a session
// for it where there is none.
func (s *shared) testMessages(t *testing.T) {
	s.testMessagesOf(t, s.ada(t))
	s.testMessagesOf(t, &browser{map[string]string{}})
}

func (s *shared) testMessagesOf(t *testing.T, b *browser) {
	t.Helper()
	visit := func(show bool, add ...string) (all []string) {
		var said struct {
			Messages [][]any
			Cookies  []string
		}
		s.Ask(t, map[string]any{"op": "visit", "cookie": b.header(), "show": show, "add": add}, &said)
		b.take(said.Cookies)
		for _, m := range said.Messages {
			all = append(all, fmt.Sprint(m...))
		}
		return all
	}
	handle := func(show bool, add ...string) (all []string) {
		w := httptest.NewRecorder()
		m, err := s.Messages(b.request())
		if err != nil {
			t.Fatal(err)
		}
		if show {
			list, err := m.All()
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				all = append(all, fmt.Sprint(one.Text, one.Tags(), one.Safe))
			}
		}
		for _, text := range add {
			m.Add(messages.Message{Level: messages.Info, Text: text, ExtraTags: "big"})
		}
		if err := m.Save(w); err != nil {
			t.Fatal(err)
		}
		b.take(w.Header()["Set-Cookie"])
		return all
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 12} { // twelve of them are more than a cookie has room for
		var texts, want []string
		for range n {
			text := fmt.Sprintf("é;\"\\ <b>%x%x%x%x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())
			texts = append(texts, text+strings.Repeat(fmt.Sprintf(" %x", random.Uint64()), min(n, 2)))
		}
		for _, text := range texts {
			want = append(want, fmt.Sprint(text, "big info", false))
		}
		for name, way := range map[string][2]func(bool, ...string) []string{"site to Django": {handle, visit}, "Django to site": {visit, handle}} {
			way[0](false, texts[:n/2]...)
			way[0](false, texts[n/2:]...)
			way[1](false) // which shows nothing, and forgets nothing
			got, want := way[1](true), want
			if s.drops && len(got) > 0 && len(got) < len(want) {
				want = want[len(want)-len(got):]
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %d messages: %q, want %q", name, n, got, want)
			}
			if again, other := way[0](true), way[1](true); len(again)+len(other) > 0 {
				t.Errorf("%s, %d messages: shown again: %q, %q", name, n, again, other)
			}
		}
	}
}
