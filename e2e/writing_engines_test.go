//go:build live

package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// lookedSession is what Django says of a cookie.
type lookedSession struct {
	User           string
	Odd, Fresh     bool
	Text           int
	Cookie, Logout string
}

// aValue is what differs each time in a Set-Cookie line.
var aValue = regexp.MustCompile(`sessionid=[^;]+|expires=[^;]*GMT`)

// TestEveryEngineIsWritten: what the sidecar writes where Django keeps sessions in files or in signed cookies is read by
// real Djangos as what they write.
func TestEveryEngineIsWritten(t *testing.T) {
	for _, engine := range []string{"file", "signed_cookies"} {
		for _, version := range []string{"1.11", "3.1", "6.1"} {
			t.Run("Django "+version+" "+engine, func(t *testing.T) { testWrittenEngine(t, version, engine) })
		}
	}
}

func testWrittenEngine(t *testing.T, version, engine string) {
	t.Setenv("SITE_SESSION_ENGINE", engine)
	t.Setenv("TMPDIR", t.TempDir())
	s := &writingSite{site: djangotest.NewSite(t, version), folder: t.TempDir()}
	s.python(t, "engines_make", &s.keys)
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": djangotest.SiteSecretKey, "DATABASE_URL": "sqlite:///" + s.site.Database, "DJANGO_VERSION": version,
		"DJANGO_SESSION_ENGINE": "django.contrib.sessions.backends." + engine, "DJANGO_SESSION_FILE_PATH": os.Getenv("TMPDIR"),
		"SIDECAR_WRITE": "touch,logout,login", "DJANGO_PASSWORD_HASHERS": "django.contrib.auth.hashers.MD5PasswordHasher",
	} {
		t.Setenv(name, value)
	}
	s.url = "http://" + serveForTest(t).String()
	kept, lines := map[string]string{}, map[string]string{}
	for _, name := range []string{"default", "old", "seconds", "browser", "long"} {
		status, set := s.post(t, "/touch", s.keys[name])
		if status != http.StatusOK || len(set) != 1 {
			t.Fatalf("touching %s: %d, %q", name, status, set)
		}
		kept[name], lines[name] = sessionCookie(set[0]), set[0]
	}
	for name, key := range map[string]string{
		"too old": s.keys["too old"], "anonymous": s.keys["anonymous"], "another hash": s.keys["another"],
		"changed": "x" + s.keys["default"], "no signature": "eyJhIjoxfQ", "a key of another engine": strings.Repeat("a", 32),
	} {
		if status, set := s.post(t, "/touch", key); status != http.StatusUnauthorized || len(set) != 0 {
			t.Errorf("touching %s: %d, %q", name, status, set)
		}
	}
	for name, from := range map[string]string{
		"from nothing": "", "from anonymous": s.keys["anonymous"], "from the same": s.keys["long"], "from another hash": s.keys["another"],
		"from a changed one": "x" + s.keys["long"], "from one that is too old": s.keys["too old"],
	} {
		status, set := s.login(t, from)
		if status != http.StatusOK || len(set) != 2 {
			t.Fatalf("logging in %s: %d, %q", name, status, set)
		}
		kept[name], lines[name] = sessionCookie(set[1]), set[1]
	}
	status, ended := s.post(t, "/logout", s.keys["ended"])
	if status != http.StatusNoContent || len(ended) != 1 {
		t.Fatalf("logging out: %d, %q", status, ended)
	}
	// A copy of a signed cookie stays what it is, as with Django.
	if status, _ := s.post(t, "/touch", s.keys["ended"]); (status == http.StatusOK) != (engine == "signed_cookies") {
		t.Errorf("touching a session that has ended: %d", status)
	}
	keys, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	s.file(t, "keys.json", keys)
	said := map[string]lookedSession{}
	s.python(t, "engines_look", &said)
	for name, got := range said {
		keeps := !strings.HasPrefix(name, "from") || name == "from anonymous" || name == "from the same"
		text := 0
		if name == "long" || name == "from the same" {
			text = 3000
		}
		if got.User != "writing" || !got.Fresh || got.Odd != keeps || got.Text != text {
			t.Errorf("%s: Django says %+v", name, got)
		}
		if line := aValue.ReplaceAllString(lines[name], "…"); line != aValue.ReplaceAllString(got.Cookie, "…") {
			t.Errorf("%s: the cookie is %s, Django's %s", name, lines[name], got.Cookie)
		}
		if alike(ended[0]) != alike(got.Logout) {
			t.Errorf("the cookie's end is %s, Django's %s", ended[0], got.Logout)
		}
	}
	if len(said) != len(kept) {
		t.Errorf("Django says something of %d cookies, not of %d", len(said), len(kept))
	}
}

// sessionCookie is the value in a Set-Cookie line.
func sessionCookie(line string) string {
	value, _, _ := strings.Cut(strings.TrimPrefix(line, "sessionid="), ";")
	return value
}

// login logs the user in, in the place of a session.
func (s *writingSite) login(t *testing.T, session string) (status int, set []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/login", strings.NewReader(`{"username": "writing", "password": "s3cret"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Cookie": {writingCSRF + "; sessionid=" + session}, "X-Csrftoken": {loginToken}, "Content-Type": {"application/json"}}
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	a, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, a.Header["Set-Cookie"]
}
