//go:build live

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"django-sidecar/djangosite"
	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// A profile is one deployment that the oracle compares.
type profile struct {
	name     string
	django   string
	sqlite   bool // or mysql; otherwise PostgreSQL
	mysql    bool
	apart    bool   // sessions are in a database of their own, by a router
	schema   string // PostgreSQL: where the tables are; "" is public
	pooler   string // host and port of a pgbouncer before PostgreSQL, where the test has one
	store    string // one of the oracle's own store classes
	engine   string // the last word of one of Django's engines, or a dotted path; "" is db
	cache    string // where the engine's cache is: a word that cacheFor knows
	pickle   bool   // PickleSerializer
	hidden   bool   // the sidecar's role may not read the columns of the session auth hash; not on SQLite
	apps     []string
	settings map[string]any    // Django's, and ours where a setting is the same in both
	env      map[string]string // ours

	database *djangotest.TestDatabase                   // of PostgreSQL; nil: one is made
	server   func(testing.TB) *djangotest.MariaDBServer // with mysql: other than MariaDB
}

// oracleSecret has characters that are easily lost on the way: quotes, a percent sign, what is not ASCII.
const oracleSecret = `s3cr3t-key'"%$ with blanks, commas and ümläuts`

// profiles are every line of Django, most of them on both databases, and what deployments do differently.
func profiles() []profile {
	var list []profile
	for _, v := range djangotest.Lines {
		list = append(list,
			profile{name: "postgres", django: v},
			profile{name: "sqlite", django: v, sqlite: true})
	}
	for _, v := range []string{"2.0", "2.1", "5.1"} {
		list = append(list, profile{name: "sqlite", django: v, sqlite: true})
	}
	fallbacks := map[string]any{"SECRET_KEY_FALLBACKS": []string{"an older key, with a comma", "the oldest key"}}
	sha1 := map[string]any{"DEFAULT_HASHING_ALGORITHM": "sha1"}
	paris := map[string]any{"USE_TZ": false, "TIME_ZONE": "Europe/Paris"}
	user := func(model string) map[string]any { return map[string]any{"AUTH_USER_MODEL": "oracle." + model} }
	people := map[string]string{
		"DJANGO_AUTH_USER_TABLE": "people", "DJANGO_AUTH_USER_ID_COLUMN": "login_id", "DJANGO_AUTH_USER_PASSWORD_COLUMN": "pw",
	}
	noActive := map[string]string{"DJANGO_AUTH_USER_ACTIVE_COLUMN": "-"}
	custom := map[string]string{"DJANGO_SESSION_TABLE": "oracle_customsession"}
	backends := []string{"django.contrib.auth.backends.AllowAllUsersModelBackend", "django.contrib.auth.backends.ModelBackend"}
	list = append(list, engineProfiles()...)
	list = append(list, overrideProfiles()...)
	return append(list,
		profile{name: "fallbacks", django: "4.1", settings: fallbacks},
		profile{name: "fallbacks", django: "4.2", settings: fallbacks, sqlite: true},
		profile{name: "fallbacks", django: "6.1", settings: fallbacks},
		profile{name: "fallbacks before 4.1", django: "3.2", settings: fallbacks, sqlite: true},
		profile{name: "sha1", django: "3.1", settings: sha1},
		profile{name: "sha1", django: "3.2", settings: sha1, sqlite: true},
		profile{name: "UUID keys", django: "1.11", settings: user("UUIDUser")},
		profile{name: "UUID keys", django: "2.1", settings: user("UUIDUser"), sqlite: true},
		profile{name: "UUID keys", django: "2.2", settings: user("UUIDUser"), sqlite: true},
		profile{name: "UUID keys", django: "6.1", settings: user("UUIDUser")},
		profile{name: "text keys", django: "3.0", settings: user("TextUser"), env: people, sqlite: true},
		profile{name: "text keys", django: "5.2", settings: user("TextUser"), env: people},
		profile{name: "no is_active", django: "2.2", settings: user("PlainUser"), env: noActive},
		profile{name: "no is_active", django: "6.1", settings: user("PlainUser"), env: noActive, sqlite: true},
		profile{name: "is_active may be NULL", django: "3.2", settings: user("MaybeUser")},
		profile{name: "is_active may be NULL", django: "4.2", settings: user("MaybeUser"), sqlite: true},
		profile{name: "small keys", django: "5.0", settings: user("SmallUser")},
		profile{name: "custom store", django: "1.11", store: "CustomStore", env: custom},
		profile{name: "nested custom store", django: "3.2", store: "Nested.CustomStore", env: custom, sqlite: true},
		profile{name: "nested custom store", django: "6.1", store: "Nested.CustomStore", env: custom},
		profile{name: "local time", django: "2.2", settings: paris},
		profile{name: "local time", django: "5.2", settings: paris, sqlite: true},
		profile{name: "all users may log in", django: "5.2", settings: map[string]any{"AUTHENTICATION_BACKENDS": backends}, sqlite: true},
		profile{name: "cookie name", django: "6.1", settings: map[string]any{"SESSION_COOKIE_NAME": "__Host-sid.1"}, sqlite: true},
	)
}

// TestOracle asks a live Django and the running sidecar the same questions: over random users, sessions and Cookie
// headers in every state. ORACLE_COUNT sets how many sessions a profile has.
func TestOracle(t *testing.T) {
	seed, count := djangotest.Seed(t), 300
	if text := os.Getenv("ORACLE_COUNT"); text != "" {
		count = int(parseCount(t, text))
	}
	t.Logf("ORACLE_COUNT=%d", count)
	var compared, alive atomic.Int64
	for i, p := range profiles() {
		t.Run("Django "+p.django+" "+p.name, func(t *testing.T) {
			p.compare(t, count, seed+uint64(i), &compared, &alive)
		})
	}
	t.Logf("compared %d verdicts with Django's, %d of them a user", compared.Load(), alive.Load())
	if want := int64(len(profiles()) * count); compared.Load() < want {
		t.Errorf("only %d comparisons, want at least %d", compared.Load(), want)
	}
}

func parseCount(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// compare starts a Django and a sidecar on one database, and asks both.
func (p profile) compare(t *testing.T, count int, seed uint64, compared, alive *atomic.Int64) {
	django := p.deploy(t)
	if users := django.Users(20, seed); len(users) == 0 {
		t.Fatal("Django has made no users")
	}
	cookies := django.Sessions(count, seed)
	if p.server != nil { // MySQL's default collation passes over NUL: see docs/divergences.md
		cookies = slices.DeleteFunc(cookies, func(c djangotest.Cookie) bool { return strings.Contains(c.Note, "NUL") })
	}
	want := django.Ask(cookies)
	sidecar := startSidecar(t)
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	t.Setenv("SIDECAR_CACHE_TTL", "1h")
	t.Setenv("SIDECAR_CACHE_INVALIDATION", "off")
	caching := startSidecar(t)
	yes, no := 0, 0
	for i, c := range cookies {
		user, status := sidecar.ask(t, c.Raw)
		if (user == nil) != (want[i].User == nil) || user != nil && *user != *want[i].User {
			t.Errorf("%s: sidecar says %s (status %d), Django %s says %s", c.Note, text(user), status, django.Django, text(want[i].User))
		}
		if status >= 500 {
			t.Errorf("%s: status %d", c.Note, status)
		}
		for _, kept := range []string{"asked for the first time", "kept"} {
			if again, code := caching.ask(t, c.Raw); text(again) != text(user) || code != status {
				t.Errorf("%s: with the cache, %s: %s (status %d), without %s", c.Note, kept, text(again), code, text(user))
			}
		}
		if inProcess := siteSays(t, site, c.Raw); inProcess != text(user) {
			t.Errorf("%s: package djangosite says %s, the sidecar %s", c.Note, inProcess, text(user))
		}
		if user != nil {
			yes++
		} else {
			no++
		}
	}
	compared.Add(int64(len(cookies)))
	alive.Add(int64(yes))
	t.Logf("Django %s, Python %s: %d compared, %d users, %d none", django.Django, django.Python, len(cookies), yes, no)
	p.compareByScript(t, django, cookies, want)
	// Both must occur often, or nothing has been compared.
	if yes < len(cookies)/10 || no < len(cookies)/10 {
		t.Errorf("%d users and %d none: too few of one", yes, no)
	}
}

// siteSays is whom the library takes for the user of a Cookie header, as net/http gives it.
func siteSays(t *testing.T, site *djangosite.Site, raw []byte) string {
	t.Helper()
	var header []string
	if raw != nil {
		header = []string{textproto.TrimString(string(raw))}
	}
	v, err := site.Verify(t.Context(), header)
	switch {
	case err != nil:
		return err.Error()
	case v.User == nil:
		return text(nil)
	}
	return text(&v.User.ID)
}

func text(user *string) string {
	if user == nil {
		return "nobody"
	}
	return strconv.Quote(*user)
}

// settingText is a setting as an environment variable has it.
func settingText(t *testing.T, value any) string {
	t.Helper()
	if list, ok := value.([]string); ok {
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return fmt.Sprint(value)
}

// runningSidecar is a sidecar in this process, and a client that sends it bytes as they are. It connects when it asks: the sidecar
// waits a few seconds for the first request of a connection.
type runningSidecar struct {
	at     net.Addr
	conn   net.Conn
	reader *bufio.Reader
}

// startSidecar serves what the environment says, until the test ends.
func startSidecar(t *testing.T) *runningSidecar {
	t.Helper()
	return connectTo(t, serveForTest(t))
}

// connectTo is a client of the sidecar at an address, until the test ends.
func connectTo(t *testing.T, at net.Addr) *runningSidecar {
	t.Helper()
	s := &runningSidecar{at: at}
	t.Cleanup(func() {
		if s.conn == nil {
			return
		}
		if err := s.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// serveForTest runs the sidecar with the environment's settings on a free port, and stops it with the test.
func serveForTest(t *testing.T) net.Addr {
	t.Helper()
	return listenersForTest(t).Public.Addr()
}

// listenersForTest is serveForTest for who wants to know all addresses.
func listenersForTest(t *testing.T) serving.Listeners {
	t.Helper()
	return listenersLogging(t, slog.DiscardHandler)
}

func listenersLogging(t *testing.T, log slog.Handler) serving.Listeners {
	t.Helper()
	t.Setenv("SIDECAR_LISTEN", "127.0.0.1:0")
	t.Setenv("SIDECAR_ADMIN_LISTEN", "127.0.0.1:0")
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	listening, done := make(chan serving.Listeners, 1), make(chan error, 1)
	ctx := t.Context() // ends before the cleanups run
	go func() {
		done <- serving.Run(ctx, c, serving.Options{Logger: slog.New(log), Listening: func(at serving.Listeners) { listening <- at }})
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case at := <-listening:
		return at
	case err := <-done:
		done <- nil
		t.Fatalf("the sidecar has ended: %v", err)
	}
	return serving.Listeners{}
}

// ask sends a Cookie header as it is (nil for none), or several, and returns the user's id, or nil.
func (s *runningSidecar) ask(t *testing.T, cookies ...[]byte) (user *string, status int) {
	t.Helper()
	request := []byte("GET /authenticate HTTP/1.1\r\nHost: sidecar\r\n")
	for _, cookie := range cookies {
		if cookie != nil {
			request = append(append(append(request, "Cookie: "...), cookie...), "\r\n"...)
		}
	}
	if s.conn == nil {
		var err error
		if s.conn, err = new(net.Dialer).DialContext(t.Context(), "tcp", s.at.String()); err != nil {
			t.Fatal(err)
		}
		s.reader = bufio.NewReader(s.conn)
	}
	if _, err := s.conn.Write(append(request, "\r\n"...)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(s.reader, nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", cookies, err)
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Result bool
		User   *struct{ ID string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if answer.Result != (response.StatusCode == http.StatusOK) || answer.Result != (answer.User != nil) || bytes.Contains(text, []byte("_auth")) {
		t.Fatalf("status %d with %s", response.StatusCode, text)
	}
	if answer.User == nil {
		return nil, response.StatusCode
	}
	return &answer.User.ID, response.StatusCode
}
