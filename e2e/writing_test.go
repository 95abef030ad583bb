//go:build live

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const writingCSRF = "csrftoken=" + loginToken

const loginToken = "abcdefghijklmnopqrstuvwxyzABCDEF"

// writingSite is a project whose sessions a sidecar keeps alive and ends.
type writingSite struct {
	site   *djangotest.Site
	url    string
	folder string
	keys   map[string]string
	copies int // of a session: see another
}

func newWritingSite(t *testing.T, version string, env map[string]string) *writingSite {
	t.Helper()
	return newWritingSiteOn(t, version, serverDatabase{}, env)
}

// newWritingSiteOn is newWritingSite with a database of a server.
func newWritingSiteOn(t *testing.T, version string, database serverDatabase, env map[string]string) *writingSite {
	t.Helper()
	s := &writingSite{site: djangotest.NewSiteOn(t, version, database.django), folder: t.TempDir()}
	s.python(t, "make", &s.keys)
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": djangotest.SiteSecretKey, "DATABASE_URL": "sqlite:///" + s.site.Database, "DJANGO_VERSION": version,
		"SIDECAR_WRITE": "touch,logout", "DJANGO_SESSION_SAVE_EVERY_REQUEST": "true",
	} {
		t.Setenv(name, value)
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	if database.url != "" {
		t.Setenv("DATABASE_URL", database.url)
		database.become(t)
	}
	s.url = "http://" + serveForTest(t).String()
	return s
}

// engine is a session engine, and the cache that it is on, "" for none.
type engine struct{ version, name, cache string }

// String names a test.
func (e engine) String() string {
	return strings.TrimSpace("Django " + e.version + " " + e.name + " " + e.cache)
}

// set has the Django of a site and its sidecar keep sessions there.
func (e engine) set(t *testing.T) {
	t.Helper()
	t.Setenv("SITE_SESSION_ENGINE", e.name)
	t.Setenv("DJANGO_SESSION_ENGINE", "django.contrib.sessions.backends."+e.name)
	var backend, location, url string
	switch e.cache {
	case "":
		if e.name == "file" {
			t.Setenv("TMPDIR", t.TempDir())
			t.Setenv("DJANGO_SESSION_FILE_PATH", os.Getenv("TMPDIR"))
		}
		return
	case "RedisCache":
		location = "redis://" + djangotest.Redis(t, djangotest.RedisConfig{}).Addr + "/1"
		backend, url = "django.core.cache.backends.redis.RedisCache", location
	case "django-redis":
		location = "redis://" + djangotest.Redis(t, djangotest.RedisConfig{}).Addr + "/1"
		backend, url = "django_redis.cache.RedisCache", location
	case "MemcachedCache", "PyLibMCCache", "PyMemcacheCache":
		location = djangotest.Memcached(t).Addr
		backend, url = "django.core.cache.backends.memcached."+e.cache, "memcached://"+location+"?backend="+e.cache
	case "FileBasedCache":
		location = filepath.Join(t.TempDir(), "cache")
		backend, url = "django.core.cache.backends.filebased.FileBasedCache", "file://"+location
	case "DatabaseCache":
		backend, location, url = "django.core.cache.backends.db.DatabaseCache", "cache_table", "db://cache_table"
	default:
		t.Fatalf("an unknown cache: %s", e.cache)
	}
	text, err := json.Marshal(map[string]string{"BACKEND": backend, "LOCATION": location})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SITE_CACHE", string(text))
	t.Setenv("DJANGO_CACHE_URL", url)
}

// python runs a program of testdata, and reads the JSON that it prints.
func (s *writingSite) python(t *testing.T, name string, said any) {
	t.Helper()
	program, err := os.ReadFile("testdata/writing_" + name + ".py")
	if err != nil {
		t.Fatal(err)
	}
	out := s.site.Python(string(program), s.folder)
	if said == nil {
		return
	}
	if err := json.Unmarshal([]byte(out[max(0, strings.LastIndex(out, "\n{")):]), said); err != nil {
		t.Fatal(err, out)
	}
}

// file writes what a program reads.
func (s *writingSite) file(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request with cookies, and returns the status of its answer and its Set-Cookie lines.
func (s *writingSite) ask(t *testing.T, method, path, cookies string, header ...string) (status int, set []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.send(t, r, cookies)
}

// send sends a request with cookies.
func (s *writingSite) send(t *testing.T, r *http.Request, cookies string) (status int, set []string) {
	t.Helper()
	r.Header.Set("Cookie", cookies)
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	a, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, a.Body)
	if err := errors.Join(err, a.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, a.Header["Set-Cookie"]
}

// post sends a request of this site.
func (s *writingSite) post(t *testing.T, path, session string) (int, []string) {
	t.Helper()
	return s.ask(t, http.MethodPost, path, writingCSRF+"; sessionid="+session, "X-CSRFToken", loginToken)
}

var changing = regexp.MustCompile(`sessionid=[a-z0-9]+|expires=[^;]*GMT|Max-Age=[1-9][0-9.]*`)

// alike is a Set-Cookie line without what differs each time. Django before 3.2 writes fractions of a second.
func alike(line string) string { return changing.ReplaceAllString(line, "…") }

type writtenSession struct {
	Exists, Odd    bool
	Left, Due      float64
	N              int
	Cookie, Logout string
}

// TestTouchAndLogout: what is written is what real Djangos would write, and they read it.
func TestTouchAndLogout(t *testing.T) {
	for _, e := range []engine{
		{"1.11", "db", ""},
		{"2.2", "db", ""},
		{"3.1", "db", ""},
		{"4.2", "db", ""},
		{"5.2", "db", ""},
		{"6.1", "db", ""},
		{"1.11", "cached_db", "FileBasedCache"},
		{"3.2", "cached_db", "django-redis"},
		{"6.1", "cached_db", "PyMemcacheCache"},
		{"1.11", "cache", "DatabaseCache"},
		{"2.2", "cache", "MemcachedCache"},
		{"5.2", "cache", "django-redis"},
	} {
		t.Run(e.String(), func(t *testing.T) {
			audit := filepath.Join(t.TempDir(), "audit.log")
			e.set(t)
			env := map[string]string{"SIDECAR_AUDIT_LOG": audit}
			if e.name == "cached_db" || e.version == "5.2" {
				otherCookie(t, e.version, env)
			}
			s := newWritingSite(t, e.version, env)
			touched, before := map[string]string{}, s.site.Sessions()
			if status, _ := s.ask(t, http.MethodGet, "/authenticate", "sessionid="+s.keys["active"]); status != 200 {
				t.Errorf("/authenticate: %d", status)
			}
			if e.name != "cache" { // which keeps no session in the table; it is looked at after many requests
				waitFor(t, 30*time.Second, "the expiry moved after the answer", func() bool { return s.site.Sessions() != before })
			}
			for name, key := range s.keys {
				switch name {
				case "active", "lost", "ended": // nobody touches these
					continue
				}
				status, lines := s.post(t, "/touch", key)
				if status != 200 || len(lines) != 1 {
					t.Fatalf("touching %s: %d, %q", name, status, lines)
				}
				touched[name] = lines[0]
			}
			if status, _ := s.ask(t, http.MethodPost, "/touch", "sessionid="+s.keys["lost"]); status != 403 {
				t.Errorf("touching without a token: %d", status)
			}
			if status, _ := s.ask(t, http.MethodPost, "/logout", "sessionid="+s.keys["lost"]); status != 403 {
				t.Errorf("logging out without a token: %d", status)
			}
			if status, _ := s.ask(t, http.MethodGet, "/logout", "sessionid="+s.keys["lost"]); status != 405 {
				t.Errorf("logging out by GET: %d", status)
			}
			status, ended := s.post(t, "/logout", s.keys["ended"])
			if status != 204 || len(ended) != 1 {
				t.Fatalf("logging out: %d, %q", status, ended)
			}
			if status, _ := s.post(t, "/touch", s.keys["ended"]); status != 401 {
				t.Errorf("touching a session that has ended: %d", status)
			}
			if status, lines := s.post(t, "/logout", s.keys["ended"]); status != 204 || len(lines) != 1 {
				t.Errorf("logging out again: %d, %q", status, lines)
			}
			wantAudit(t, audit, map[string]int{`"event":"logout","session":"`: 2, s.keys["ended"]: 0})
			keys, err := json.Marshal(s.keys)
			if err != nil {
				t.Fatal(err)
			}
			s.file(t, "keys.json", keys)
			said := map[string]writtenSession{}
			s.python(t, "look", &said)
			for name, got := range said {
				switch {
				case got.Exists != (name != "ended"):
					t.Errorf("%s: it is there: %v", name, got.Exists)
				case name == "ended":
				case !got.Odd:
					t.Errorf("%s has other data than Django wrote", name)
				case name == "lost" && got.Left > 100:
					t.Errorf("%s was touched", name)
				case name != "lost" && got.Left >= 0 && (got.Left > got.Due || got.Left < got.Due-60):
					t.Errorf("%s has %v seconds left; saved now, %v", name, got.Left, got.Due)
				}
				if line := touched[name]; line != "" && alike(line) != alike(got.Cookie) {
					t.Errorf("%s: the cookie is %s, Django's %s", name, line, got.Cookie)
				}
				if name == "default" {
					if status, _ := s.ask(t, http.MethodGet, "/authenticate", "sessionid="+s.keys[name]); status != 200 {
						t.Errorf("%s: what Django has saved in turn: %d", name, status)
					}
				}
				if got.Logout != "" && alike(got.Logout) != alike(ended[0]) {
					t.Errorf("the cookie's end is %s, Django's %s", ended[0], got.Logout)
				}
			}
		})
	}
}

// otherCookie gives the session's cookie other attributes, on both sides. Django 1.11 knows no SameSite.
func otherCookie(t *testing.T, version string, env map[string]string) {
	t.Helper()
	settings := map[string]any{"SESSION_COOKIE_DOMAIN": ".shop.example", "SESSION_COOKIE_PATH": "/shop/", "SESSION_COOKIE_SECURE": true, "SESSION_COOKIE_HTTPONLY": false}
	if version != "1.11" {
		settings["SESSION_COOKIE_SAMESITE"] = "Strict"
	}
	for name, value := range settings {
		env["DJANGO_"+name] = fmt.Sprint(value)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SITE_SETTINGS", string(text))
}

// TestLogoutOfEachName: where several cookies may have a session, none of them logs in again.
func TestLogoutOfEachName(t *testing.T) {
	s := newWritingSite(t, "5.2", map[string]string{"DJANGO_SESSION_COOKIE_NAME": "sessionid,before"})
	first, second := s.keys["default"], s.keys["seconds"]
	cookies := writingCSRF + "; before=" + second + "; sessionid=" + first
	if status, lines := s.ask(t, http.MethodPost, "/logout", cookies, "X-CSRFToken", loginToken); status != http.StatusNoContent || len(lines) != 2 {
		t.Errorf("logging out: %d, %q", status, lines)
	}
	if left := s.site.Sessions(); strings.Contains(left, first) || strings.Contains(left, second) {
		t.Error("a session is left")
	}
}

// TestTouchLosesNothing: of what Django saves while the sidecar touches the same session, nothing is lost; and a touch
// revives nobody who logs out.
func TestTouchLosesNothing(t *testing.T) {
	s := newWritingSite(t, "5.2", map[string]string{"SIDECAR_TOUCH_INTERVAL": "1ms"})
	key := s.keys["default"]
	s.file(t, "key", []byte(key))
	saved := make(chan struct{})
	go func() {
		defer close(saved)
		s.python(t, "save", nil)
	}()
	touches := 0
	for going := true; going; touches++ {
		select {
		case <-saved:
			going = false
		default:
		}
		if status, _ := s.post(t, "/touch", key); status != 200 && status != 503 {
			t.Fatalf("touching: %d", status)
		}
	}
	s.file(t, "keys.json", []byte(`{"default": "`+key+`"}`))
	said := map[string]writtenSession{}
	s.python(t, "look", &said)
	if got := said["default"]; got.N != 150 || !got.Odd || got.Left > got.Due || got.Left < got.Due-60 || got.Due < 19_000 {
		t.Errorf("after %d touches beside 150 saves: %+v", touches, got)
	}
	var stop atomic.Bool
	done := make(chan int)
	go func() {
		last := 200
		for !stop.Load() {
			last, _ = s.post(t, "/touch", s.keys["seconds"])
		}
		done <- last
	}()
	status, _ := s.post(t, "/logout", s.keys["seconds"])
	after, _ := s.post(t, "/touch", s.keys["seconds"])
	stop.Store(true)
	if last := <-done; status != 204 || after != 401 {
		t.Errorf("logging out beside touches: %d, and then %d (the last touch %d)", status, after, last)
	}
	if strings.Contains(s.site.Sessions(), s.keys["seconds"]) {
		t.Error("a touch has revived a session that was ended")
	}
}

// TestNothingIsWrittenUnasked: without SIDECAR_WRITE, and with what is the library's alone, there is no endpoint, and no
// expiry moves.
func TestNothingIsWrittenUnasked(t *testing.T) {
	for _, named := range []string{"", "update"} {
		s := newWritingSite(t, "5.2", map[string]string{"SIDECAR_WRITE": named})
		before := s.site.Sessions()
		for _, path := range []string{"/touch", "/logout", "/login"} {
			if status, _ := s.post(t, path, s.keys["default"]); status != 404 {
				t.Errorf("%q: %s: %d", named, path, status)
			}
		}
		if status, _ := s.ask(t, http.MethodGet, "/authenticate", "sessionid="+s.keys["default"]); status != 200 {
			t.Errorf("%q: /authenticate: %d", named, status)
		}
		if after := s.site.Sessions(); after != before {
			t.Errorf("%q: the table was\n%s and is\n%s", named, before, after)
		}
	}
}
