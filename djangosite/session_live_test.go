//go:build live

package djangosite_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
)

// TestUpdateOnEveryEngine: what a handler writes to a session, where there is one and where there is none, is what a view
// of Django would have written, on each engine: both read it, and the answers have the same cookie.
func TestUpdateOnEveryEngine(t *testing.T) {
	caches := map[string][]string{ // the servers' clients that a Django has here
		"2.2": {"MemcachedCache"}, "4.2": {"RedisCache", "PyMemcacheCache"}, "5.2": {"django-redis"}, "6.1": {"RedisCache", "PyLibMCCache"},
	}
	for i, version := range []string{"1.11", "2.2", "4.2", "5.2", "6.1"} {
		for _, e := range []string{"db", "file", "signed_cookies", "cache DatabaseCache", "cache FileBasedCache", "cached_db FileBasedCache"} {
			t.Run("Django "+version+" "+e, func(t *testing.T) { testUpdateOn(t, version, e, i%2 == 1) })
		}
		for _, cache := range caches[version] {
			for _, e := range []string{"cache ", "cached_db "} {
				t.Run("Django "+version+" "+e+cache, func(t *testing.T) { testUpdateOn(t, version, e+cache, i%2 == 1) })
			}
		}
	}
}

func testUpdateOn(t *testing.T, version, engine string, atBrowserClose bool) {
	t.Parallel()
	name, cache, _ := strings.Cut(engine, " ")
	more := map[string]any{
		"SESSION_ENGINE": "django.contrib.sessions.backends." + name, "SESSION_FILE_PATH": t.TempDir(), "SESSION_COOKIE_AGE": 3000,
		"SESSION_COOKIE_DOMAIN": ".example.com", "SESSION_COOKIE_PATH": "/shop", "SESSION_COOKIE_SECURE": true,
		"SESSION_EXPIRE_AT_BROWSER_CLOSE": atBrowserClose, "PASSWORD_HASHERS": []string{"django.contrib.auth.hashers.MD5PasswordHasher"},
	}
	if atBrowserClose {
		more["SESSION_COOKIE_PATH"], more["SESSION_COOKIE_DOMAIN"] = nil, nil
	}
	env := map[string]string{"SIDECAR_WRITE": "update"}
	if cache != "" {
		settings, url := cacheFor(t, cache)
		more["CACHES"], env["DJANGO_CACHE_URL"] = map[string]any{"default": settings}, url
	}
	s := share(t, version, more, env)
	s.testChanges(t, name)
	s.testByKey(t, name)
	s.testInterrupted(t, name)
}

// cacheFor starts a cache, and returns its entry of CACHES and its DJANGO_CACHE_URL.
func cacheFor(t *testing.T, name string) (settings map[string]string, url string) {
	t.Helper()
	var backend, location string
	switch name {
	case "RedisCache", "django-redis":
		location = "redis://" + djangotest.Redis(t, djangotest.RedisConfig{}).Addr + "/1"
		backend, url = map[string]string{"RedisCache": "django.core.cache.backends.redis.RedisCache", "django-redis": "django_redis.cache.RedisCache"}[name], location
	case "FileBasedCache":
		location = filepath.Join(t.TempDir(), "cache")
		backend, url = "django.core.cache.backends.filebased.FileBasedCache", "file://"+location
	case "DatabaseCache":
		backend, location, url = "django.core.cache.backends.db.DatabaseCache", "cache_table", "db://cache_table"
	default:
		location = djangotest.Memcached(t).Addr
		backend, url = "django.core.cache.backends.memcached."+name, "memcached://"+location+"?backend="+name
	}
	return map[string]string{"BACKEND": backend, "LOCATION": location}, url
}

// visited is what Django says of a request.
type visited struct {
	User    string
	Session map[string]any
	Age     int
	Row     []float64
	Cookies []string
}

// ask is the request of a browser to Django, whose view does what the question says.
func (s *shared) ask(t *testing.T, b *browser, question map[string]any) (said visited) {
	t.Helper()
	asked := map[string]any{"op": "visit", "cookie": b.header()}
	maps.Copy(asked, question)
	s.Ask(t, asked, &said)
	b.take(said.Cookies)
	return said
}

// adaByDjango is the browser of a user whom a view of Django has logged in.
func (s *shared) adaByDjango(t *testing.T) *browser {
	t.Helper()
	b := &browser{map[string]string{}}
	s.ask(t, b, map[string]any{"login": "ada"})
	return b
}

// update is the request of a browser to the site, whose handler does the same.
func (s *shared) update(t *testing.T, b *browser, question map[string]any) (cookies []string, vary string) {
	t.Helper()
	w := httptest.NewRecorder()
	err := s.Update(w, b.request(), func(session *djangosession.Session) (err error) {
		if question["clear"] != nil {
			session.Clear()
		}
		if seconds, is := question["expiry"].(int); is {
			err = session.SetExpiry(int64(seconds))
		}
		set, _ := question["set"].(map[string]any)
		for name, value := range set {
			err = errors.Join(err, session.Set(name, value))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	b.take(w.Header()["Set-Cookie"])
	return w.Header()["Set-Cookie"], w.Header().Get("Vary")
}

// aValue is what differs each time in a line of Set-Cookie.
var aValue = regexp.MustCompile(`sessionid=[^;"]+|expires=[^;]*`)

// testChanges: of two browsers in the same state, one asks Django and the other the site, and what comes of it is alike.
func (s *shared) testChanges(t *testing.T, engine string) {
	t.Helper()
	begin := map[string]func() *browser{
		"nothing":     func() *browser { return &browser{map[string]string{}} },
		"an old key":  func() *browser { return &browser{map[string]string{"sessionid": strings.Repeat("a", 32)}} },
		"a short key": func() *browser { return &browser{map[string]string{"sessionid": "x"}} },
		"a session": func() *browser {
			b := &browser{map[string]string{}}
			s.ask(t, b, map[string]any{"set": map[string]any{"kept": "é", "cart": "tea"}})
			return b
		},
		"a login": func() *browser { return s.adaByDjango(t) },
		"its own time": func() *browser {
			b := &browser{map[string]string{}}
			s.ask(t, b, map[string]any{"set": map[string]any{"kept": "é"}, "expiry": 700})
			return b
		},
	}
	cart := map[string]any{"cart": []any{"cake", 1.5, nil}}
	for _, test := range []struct {
		from string
		does map[string]any
	}{
		{"nothing", map[string]any{"set": cart}},
		{"nothing", map[string]any{"modified": true}},
		{"nothing", map[string]any{"clear": true}},
		{"nothing", map[string]any{"expiry": 600}},
		{"an old key", map[string]any{"set": cart}},
		{"an old key", map[string]any{"modified": true}},
		{"a short key", map[string]any{"set": cart}},
		{"a short key", map[string]any{"clear": true}},
		{"a session", map[string]any{"set": cart}},
		{"a session", map[string]any{"modified": true}},
		{"a session", map[string]any{"clear": true}},
		{"a session", map[string]any{"set": cart, "expiry": 600}},
		{"a session", map[string]any{"set": cart, "expiry": 0}},
		{"a session", map[string]any{"set": cart, "expiry": -60}},
		{"a login", map[string]any{"set": cart}},
		{"its own time", map[string]any{"set": cart}},
	} {
		if engine == "signed_cookies" && test.from == "an old key" && test.does["set"] == nil {
			continue // docs/divergences.md: Django signs an empty session
		}
		name := fmt.Sprint(test.from, " ", test.does)
		theirs, mine := begin[test.from](), begin[test.from]()
		before, had := time.Now(), mine.cookies["sessionid"]
		said := s.ask(t, theirs, test.does)
		lines, vary := s.update(t, mine, test.does)
		elapsed := time.Since(before).Seconds()
		want, got := aValue.ReplaceAllString(fmt.Sprintf("%q", said.Cookies), "…"), aValue.ReplaceAllString(fmt.Sprintf("%q", lines), "…")
		if got != want {
			t.Errorf("%s: the answer sets %s, and that of Django %s", name, got, want)
		}
		if len(lines) > 0 && vary != "Cookie" { // some Djangos forget it where a cookie ends
			t.Errorf("%s: Vary is %q", name, vary)
		}
		keeps := test.from == "a session" || test.from == "a login" || test.from == "its own time"
		if key, _, _ := strings.Cut(strings.Join(lines, ""), ";"); engine != "signed_cookies" && (key == "sessionid="+had) != keeps {
			t.Errorf("%s: the session key is kept: %v", name, !keeps)
		}
		here, there := s.ask(t, mine, nil), s.ask(t, theirs, nil)
		if here.User != there.User || !reflect.DeepEqual(here.Session, there.Session) || here.Age != there.Age || test.from == "a login" && here.User != "ada" {
			t.Errorf("%s: Django reads %+v, and of its own %+v", name, here, there)
		}
		if len(here.Row) != len(there.Row) || len(here.Row) == 1 && here.Row[0]-there.Row[0] > elapsed {
			t.Errorf("%s: the row ends at %f, and Django's at %f", name, here.Row, there.Row)
		}
		session, err := s.Session(httptest.NewRecorder(), theirs.request())
		if value, has := there.Session["kept"]; err != nil || (session.Lookup("kept").Kind() != djangosession.Missing) != has || has && value != "é" {
			t.Errorf("%s: the site reads %v of %v, %v", name, session, there.Session, err)
		}
	}
}

// testInterrupted: a session that ends while a request changes it is not revived, and Django says so too.
func (s *shared) testInterrupted(t *testing.T, engine string) {
	t.Helper()
	b, again := s.adaByDjango(t), s.adaByDjango(t)
	var said struct{ Exception string }
	s.Ask(t, map[string]any{"op": "interrupted", "cookie": again.header()}, &said)
	w := httptest.NewRecorder()
	err := s.Update(w, b.request(), func(session *djangosession.Session) error {
		s.Ask(t, map[string]any{"op": "end", "key": b.cookies["sessionid"]})
		return session.Set("late", true)
	})
	if ends := engine != "signed_cookies"; errors.Is(err, djangosite.ErrSessionInterrupted) != ends || (said.Exception != "") != ends || !ends && err != nil {
		t.Errorf("a session that has ended meanwhile: %v, and Django raises %q", err, said.Exception)
	} else if ends && (len(w.Header()) > 0 || s.ask(t, b, nil).User != "") {
		t.Errorf("it was revived: %v", w.Header())
	}
}
