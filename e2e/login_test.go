//go:build live

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const loginPassword = "päss wörd+&=%"

// loginSite is a project whose users log in at a sidecar.
type loginSite struct {
	site *djangotest.Site
	url  string
	made struct {
		People []struct {
			Username string
			Raised   bool
		}
		Anonymous, Same, Other, Stale string
	}
}

// newLoginSite serves a sidecar beside a project of this Django, with these settings besides.
func newLoginSite(t *testing.T, version string, env map[string]string) *loginSite {
	t.Helper()
	return newLoginSiteOn(t, version, serverDatabase{}, env)
}

// serverDatabase is a database of a server: as Django's settings have it, for DATABASE_URL, and what gives the sidecar a
// role of its own. The zero serverDatabase is none: SQLite.
type serverDatabase struct {
	django map[string]any
	url    string
	become func(*testing.T)
}

// newLoginSiteOn is newLoginSite with a database of a server.
func newLoginSiteOn(t *testing.T, version string, database serverDatabase, env map[string]string) *loginSite {
	t.Helper()
	s := &loginSite{site: djangotest.NewSiteOn(t, version, database.django)}
	program, err := os.ReadFile("testdata/login_people.py")
	if err != nil {
		t.Fatal(err)
	}
	out := s.site.Python(string(program), t.TempDir())
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &s.made); err != nil {
		t.Fatal(err, out)
	}
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": djangotest.SiteSecretKey, "DATABASE_URL": "sqlite:///" + s.site.Database, "DJANGO_VERSION": version,
		"SIDECAR_WRITE": "login", "DJANGO_PASSWORD_HASHERS": cheapHashers(version), "SIDECAR_LOGIN_TRIES_PER_ADDRESS": "0",
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

// cheapHashers is PASSWORD_HASHERS of Django's global settings, but that the first takes no second.
func cheapHashers(version string) string {
	list := "site.PBKDF2 = PBKDF2PasswordHasher iterations=2000,site.PBKDF2SHA1 = PBKDF2SHA1PasswordHasher iterations=2000"
	for _, name := range []string{"Argon2", "BCryptSHA256", "BCrypt", "Scrypt"} {
		if name == "BCrypt" && version != "1.11" || name == "Scrypt" && version < "4.0" {
			continue
		}
		list += ",django.contrib.auth.hashers." + name + "PasswordHasher"
	}
	return list
}

// loginAnswer is what a login was answered.
type loginAnswer struct {
	status  int
	body    string
	header  http.Header
	cookies map[string]string // by their names, and "csrftoken" is never empty in a login
	lines   []string
}

// post sends a body to /login with the cookies given.
func (s *loginSite) post(t *testing.T, body, cookies string, header map[string]string) loginAnswer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/login", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if cookies != "" {
		request.Header.Set("Cookie", cookies)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	a := loginAnswer{response.StatusCode, string(text), response.Header, map[string]string{}, response.Header["Set-Cookie"]}
	for _, c := range response.Cookies() {
		a.cookies[c.Name] = c.Value
	}
	return a
}

const loginCSRF = "abcdefghijklmnopqrstuvwxyzABCDEF"

// login logs in by JSON, with a right token.
func (s *loginSite) login(t *testing.T, username, password, session string) loginAnswer {
	t.Helper()
	body, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	cookies := "csrftoken=" + loginCSRF
	if session != "" {
		cookies += "; sessionid=" + session
	}
	return s.post(t, string(body), cookies, map[string]string{"X-CSRFToken": loginCSRF})
}

// lookedAt is what Django says of a session, and of the token beside it.
type lookedAt struct {
	Exists, Token              bool
	User                       string
	Entries, Cart              []string
	Age                        int
	LastLogin                  bool `json:"last_login"`
	First, Right, Wrong, Still bool
}

// look asks Django about pairs of a session key and a csrftoken.
func (s *loginSite) look(t *testing.T, pairs [][2]string) (said []lookedAt) {
	t.Helper()
	text, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "look.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOOK_AT", path)
	program, err := os.ReadFile("testdata/login_look.py")
	if err != nil {
		t.Fatal(err)
	}
	out := s.site.Python(string(program), t.TempDir())
	if err := json.Unmarshal([]byte(out[strings.Index(out, "[{"):]), &said); err != nil {
		t.Fatal(err, out)
	}
	return said
}

// TestLogin: Django takes the sessions, the cookies and the password hashes that logins write, of every hasher, and
// refuses what it would refuse. On servers, the sidecar has the rights of the printed role alone.
func TestLogin(t *testing.T) {
	on := map[string]func(*testing.T) serverDatabase{"2.2": loginOnMySQL, "4.2": loginOnMariaDB, "5.2": loginOnPostgres, "6.1": loginThroughPgBouncer}
	for _, e := range []engine{
		{"1.11", "db", ""},
		{"2.2", "db", ""},
		{"3.1", "db", ""},
		{"4.2", "db", ""},
		{"5.2", "db", ""},
		{"6.1", "db", ""},
		{"3.2", "cached_db", "django-redis"},
		{"1.11", "cache", "DatabaseCache"},
		{"6.1", "cache", "RedisCache"},
	} {
		t.Run(e.String(), func(t *testing.T) {
			e.set(t)
			var database serverDatabase
			if e.name == "db" && on[e.version] != nil {
				database = on[e.version](t)
			}
			s := newLoginSiteOn(t, e.version, database, map[string]string{
				"DJANGO_SESSION_COOKIE_DOMAIN": ".example.com", "DJANGO_SESSION_COOKIE_SECURE": "true",
			})
			s.testLogin(t, e.version)
		})
	}
}

func loginOnMariaDB(t *testing.T) serverDatabase { return loginOnServer(t, djangotest.MariaDB(t)) }

func loginOnMySQL(t *testing.T) serverDatabase { return loginOnServer(t, djangotest.MySQL(t)) }

func loginOnServer(t *testing.T, server *djangotest.MariaDBServer) serverDatabase {
	t.Helper()
	db := server.Database(t)
	return serverDatabase{db.Django(), db.URL(), becomeMariaDBRole}
}

func loginOnPostgres(t *testing.T) serverDatabase {
	t.Helper()
	db := djangotest.Postgres(t).Database(t)
	return serverDatabase{db.Django(), db.URL(), func(t *testing.T) { t.Helper(); becomeRole(t, db) }}
}

// loginThroughPgBouncer is for a pgbouncer in transaction mode, which knows the tables' owner alone.
func loginThroughPgBouncer(t *testing.T) serverDatabase {
	t.Helper()
	server := djangotest.Postgres(t)
	db := server.Database(t)
	return serverDatabase{db.Django(), djangotest.PgBouncer(t, server, "transaction").URL(db), func(*testing.T) {}}
}

func (s *loginSite) testLogin(t *testing.T, version string) {
	t.Helper()
	var pairs [][2]string
	for i, p := range s.made.People {
		a := s.login(t, p.Username, loginPassword, "")
		if a.status != http.StatusOK || !strings.Contains(a.body, fmt.Sprintf(`"username":%q`, p.Username)) || len(a.cookies) != 2 || a.cookies["csrftoken"] == loginCSRF {
			t.Fatalf("%s: %d %s %q", p.Username, a.status, a.body, a.lines)
		}
		pairs = append(pairs, [2]string{a.cookies["sessionid"], a.cookies["csrftoken"]})
		if i > 0 {
			continue
		}
		sameSite := "; SameSite=Lax"
		if version == "1.11" {
			sameSite = ""
		}
		want := "sessionid=" + a.cookies["sessionid"] + "; Domain=.example.com; ; HttpOnly; Max-Age=1209600; Path=/" + sameSite + "; Secure"
		if got := regexp.MustCompile(`expires=[^;]*`).ReplaceAllString(a.lines[len(a.lines)-1], ""); got != want {
			t.Errorf("the cookie is %s, not %s", got, want)
		}
	}
	if len(pairs) < 4 {
		t.Errorf("only %d users: hashers are missing", len(pairs))
	}
	for i, said := range s.look(t, pairs) {
		name := s.made.People[i].Username
		if said.User != name || !said.Token || !said.LastLogin || !said.First || !said.Right || said.Wrong || !said.Still || len(said.Entries) != 3 {
			t.Errorf("%s: Django says %+v", name, said)
		}
	}
	s.testRefused(t)
	s.testSessions(t)
}

// testRefused: one answer to all whom Django's authenticate() refuses, and nothing is written.
func (s *loginSite) testRefused(t *testing.T) {
	before := s.site.Sessions()
	first := s.made.People[0].Username
	var bodies []string
	// Collations of MySQL find ada for Ada and for "ada ", and Django logs her in.
	folds := strings.HasPrefix(os.Getenv("DATABASE_URL"), "mysql:")
	for name, password := range map[string]string{
		first: loginPassword + "x", "nobody": loginPassword, "inactive": loginPassword, "ada": "ada' OR '1'='1", first + " ": loginPassword,
		strings.ToUpper(first): loginPassword, "root": "\x00", "' OR 1=1 --": "x",
	} {
		if folds && strings.EqualFold(strings.TrimSpace(name), first) && password == loginPassword {
			continue
		}
		a := s.login(t, name, password, "")
		if a.status != http.StatusUnauthorized || len(a.cookies) != 0 {
			t.Errorf("%q: %d %s %q", name, a.status, a.body, a.lines)
		}
		bodies = append(bodies, a.body)
	}
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("two answers: %s and %s", body, bodies[0])
		}
	}
	if s.site.Sessions() != before {
		t.Error("sessions have changed")
	}
}

// testSessions: what stays of the session before.
func (s *loginSite) testSessions(t *testing.T) {
	first := s.made.People[0].Username
	for _, tt := range []struct {
		name, key         string
		keepsData, sameID bool
		age               int
	}{
		{"anonymous", s.made.Anonymous, true, false, 3600},
		{"same user", s.made.Same, true, true, 1209600},
		{"another user", s.made.Other, false, false, 1209600},
		{"another hash", s.made.Stale, false, false, 1209600},
		{"no session", "0123456789abcdef0123456789abcdef", false, false, 1209600},
	} {
		a := s.login(t, first, loginPassword, tt.key)
		key := a.cookies["sessionid"]
		if a.status != http.StatusOK || (key == tt.key) != tt.sameID {
			t.Errorf("%s: %d %s %q", tt.name, a.status, a.body, a.lines)
			continue
		}
		said := s.look(t, [][2]string{{key, loginCSRF}, {tt.key, loginCSRF}})
		if said[0].User != first || (len(said[0].Cart) > 0) != tt.keepsData || said[0].Age != tt.age {
			t.Errorf("%s: Django says %+v", tt.name, said[0])
		}
		if said[1].Exists != tt.sameID {
			t.Errorf("%s: the session before is there: %v", tt.name, said[1].Exists)
		}
	}
}

// TestLoginRequests: who is not of the site, or not well-formed, is refused before a password is looked at, and too
// many wrong ones are.
func TestLoginRequests(t *testing.T) {
	audit := filepath.Join(t.TempDir(), "audit.log")
	s := newLoginSite(t, "5.2", map[string]string{
		"SIDECAR_LOGIN_TRIES": "3", "SIDECAR_LOGIN_TRIES_PER_ADDRESS": "6", "SIDECAR_LOGIN_TRIES_PER": "10h", "SIDECAR_TRUSTED_PROXIES": "127.0.0.0/8",
		"SIDECAR_AUDIT_LOG": audit,
	})
	first := s.made.People[0].Username
	right := fmt.Sprintf(`{"username": %q, "password": %q}`, first, loginPassword)
	form := url.Values{"username": {first}, "password": {loginPassword}, "csrfmiddlewaretoken": {loginCSRF}}.Encode()
	cookie, token := "csrftoken="+loginCSRF, map[string]string{"X-CSRFToken": loginCSRF}
	with := func(more ...string) map[string]string {
		header := map[string]string{"X-CSRFToken": loginCSRF}
		for i := 0; i < len(more); i += 2 {
			header[more[i]] = more[i+1]
		}
		return header
	}
	isForm := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for _, tt := range []struct {
		name, body, cookie string
		header             map[string]string
		status             int
	}{
		{"JSON", right, cookie, token, 200},
		{"a form", form, cookie, isForm, 200},
		{"this origin", right, cookie, with("Origin", s.url), 200},
		{"no cookie", right, "", token, 403},
		{"no token", right, cookie, nil, 403},
		{"a token in JSON", strings.Replace(right, "{", `{"csrfmiddlewaretoken": "`+loginCSRF+`", `, 1), cookie, nil, 403},
		{"another origin", right, cookie, with("Origin", "http://evil.example"), 403},
		{"no origin", right, cookie, with("Origin", "null"), 403},
		{"a name twice", strings.Replace(right, "{", `{"username": "ada", `, 1), cookie, token, 400},
		{"no JSON", "username", cookie, token, 400},
		{"nothing", "", cookie, token, 400},
		{"text", right, cookie, with("Content-Type", "text/plain"), 400},
		{"gzip", right, cookie, with("Content-Encoding", "gzip"), 400},
		{"a long password", `{"username": "a", "password": "` + strings.Repeat("x", 5000) + `"}`, cookie, token, 400},
		{"a huge body", strings.Repeat(" ", 1<<20) + right, cookie, token, 413},
	} {
		a := s.post(t, tt.body, tt.cookie, tt.header)
		if a.status != tt.status || (a.cookies["sessionid"] != "") != (tt.status == 200) {
			t.Errorf("%s: %d %s %q; want %d", tt.name, a.status, a.body, a.lines, tt.status)
		}
		if strings.Contains(a.body, loginPassword) {
			t.Errorf("%s: the password is in the answer", tt.name)
		}
	}
	wrong := strings.Replace(right, "päss", "pass", 1)
	for i := range 5 {
		address := fmt.Sprintf("192.0.2.%d", i)
		want := http.StatusUnauthorized
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		a := s.post(t, wrong, cookie, with("X-Forwarded-For", address))
		if a.status != want || (a.header.Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
			t.Errorf("wrong password %d: %d %v", i, a.status, a.header)
		}
	}
	for i := range 10 { // what a client has written himself stands before what the proxy has appended
		want := http.StatusUnauthorized
		if i >= 6 {
			want = http.StatusTooManyRequests
		}
		body := fmt.Sprintf(`{"username": "user%d", "password": "x"}`, i)
		if a := s.post(t, body, cookie, with("X-Forwarded-For", fmt.Sprintf("203.0.113.%d, 198.51.100.7", i))); a.status != want {
			t.Errorf("name %d from one address: %d", i, a.status)
		}
	}
	get, err := http.Get(s.url + "/login")
	if err != nil || get.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", get, err)
	}
	if err == nil {
		_ = get.Body.Close()
	}
	wantAudit(t, audit, map[string]int{
		`"event":"login","user_id":"`:          3,
		`"event":"login_denied","reason":`:     27,
		`"status":429,"remote":"198.51.100.7"`: 4,
		loginPassword:                          0,
		fmt.Sprintf("%q", first):               0,
	})
}

// wantAudit counts the lines of an audit log that have a text in them.
func wantAudit(t *testing.T, path string, want map[string]int) {
	t.Helper()
	for text, n := range want {
		waitFor(t, 30*time.Second, fmt.Sprintf("%d times %s in the audit log", n, text), func() bool {
			log, err := os.ReadFile(path)
			return err == nil && strings.Count(string(log), text) == n
		})
	}
}
