package djangotest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Django is a live Django of one version, in its own process: testdata/oracle/oracle.py. Its methods fail the test
// when it does not answer.
type Django struct {
	tb   testing.TB
	talk *Conversation

	// Django and Python are the versions that answer.
	Django, Python string
	// UserTable and SessionTable are the tables that its models have.
	UserTable, SessionTable string
}

// Project says how StartDjango configures Django.
type Project struct {
	Version  string         // a line, such as 5.2
	Database map[string]any // an entry of DATABASES
	Settings map[string]any // settings other than the oracle's own
	Store    string         // the session store class; "" means Django's own
	Apps     []string       // installed besides the oracle's own
}

// Lines are the lines of Django that ours is compared with, the oldest first. Those of tools/setup.sh that are not here
// (2.0, 2.1, 5.1) differ in nothing from the one before, and a few tests ask them too.
var Lines = []string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "5.0", "5.2", "6.0", "6.1"}

// StartDjango starts a Django and makes its tables. It ends with the test.
func StartDjango(tb testing.TB, d Project) *Django {
	tb.Helper()
	if d.Store == "" {
		d.Store = "SessionStore"
	}
	if d.Settings == nil {
		d.Settings = map[string]any{}
	}
	cmd := exec.Command(pythonOf(tb, d.Version), filepath.Join(RepositoryPath(), "testdata", "oracle", "oracle.py"))
	dj := &Django{tb: tb, talk: Converse(tb, "Django "+d.Version, cmd)}
	var started struct {
		Django, Python string
		UserTable      string `json:"user_table"`
		SessionTable   string `json:"session_table"`
	}
	dj.do(map[string]any{"op": "init", "database": d.Database, "settings": d.Settings, "store": d.Store, "apps": d.Apps}, &started)
	dj.Django, dj.Python, dj.UserTable, dj.SessionTable = started.Django, started.Python, started.UserTable, started.SessionTable
	return dj
}

// pythonOf returns the interpreter of the virtual environment that has a Django.
func pythonOf(tb testing.TB, version string) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	python := filepath.Join(cache, "django-sidecar", "venv", "django-"+version, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		tb.Fatalf("there is no Django %s: run tools/setup.sh, which makes %s", version, python)
	}
	return python
}

// RepositoryPath returns the root of the checkout that this source file was compiled in.
func RepositoryPath() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// do sends a request and reads the answer to it.
func (d *Django) do(request map[string]any, answer any) {
	d.tb.Helper()
	var outcome struct {
		OK    bool
		Error string
	}
	var whole json.RawMessage
	d.talk.Ask(d.tb, request, &outcome, &whole)
	if !outcome.OK {
		d.tb.Fatalf("Django %s, %v: %s", d.Django, request["op"], outcome.Error)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(whole, answer); err != nil {
		d.tb.Fatal(fmt.Errorf("answer to %v: %w", request["op"], err))
	}
}

// OracleUser is a user that the oracle has made.
type OracleUser struct {
	ID       string
	Username string
	IsActive *bool `json:"is_active"`
}

// Users makes users in every state, generated from the seed.
func (d *Django) Users(count int, seed uint64) []OracleUser {
	d.tb.Helper()
	var answer struct{ Users []OracleUser }
	d.do(map[string]any{"op": "users", "count": count, "seed": seed}, &answer)
	return answer.Users
}

// Cookie is a Cookie header to ask for; Raw is nil for a request without one.
type Cookie struct {
	Raw  []byte
	Note string // what is special about it
}

// Sessions makes session rows in every state, generated from the seed, and returns the headers that ask for them.
func (d *Django) Sessions(count int, seed uint64) []Cookie {
	d.tb.Helper()
	var answer struct{ Cookies []Cookie }
	d.do(map[string]any{"op": "sessions", "count": count, "seed": seed}, &answer)
	return answer.Cookies
}

// GetUserResult is what Django says about a Cookie header.
type GetUserResult struct {
	User      *string // str(pk), nil for nobody
	Exception *string // its type, if Django fails
}

// Ask asks Django's SessionMiddleware and get_user for each header. What they would change is rolled back.
func (d *Django) Ask(cookies []Cookie) []GetUserResult {
	d.tb.Helper()
	raw := make([][]byte, len(cookies))
	for i, c := range cookies {
		raw[i] = c.Raw
	}
	var answer struct{ Answers []GetUserResult }
	d.do(map[string]any{"op": "ask", "cookies": raw}, &answer)
	if len(answer.Answers) != len(cookies) {
		d.tb.Fatalf("Django gives %d answers to %d questions", len(answer.Answers), len(cookies))
	}
	return answer.Answers
}

// AskLines is Ask for requests with several Cookie lines each, as Django's own WSGI server reads them.
func (d *Django) AskLines(requests [][][]byte) []GetUserResult {
	d.tb.Helper()
	return d.askLines("ask_lines", requests)
}

// AskASGI is AskLines for a Django under ASGI.
func (d *Django) AskASGI(requests [][][]byte) []GetUserResult {
	d.tb.Helper()
	return d.askLines("ask_asgi", requests)
}

func (d *Django) askLines(op string, requests [][][]byte) []GetUserResult {
	d.tb.Helper()
	var answer struct{ Answers []GetUserResult }
	d.do(map[string]any{"op": op, "requests": requests}, &answer)
	if len(answer.Answers) != len(requests) {
		d.tb.Fatalf("Django gives %d answers to %d requests", len(answer.Answers), len(requests))
	}
	return answer.Answers
}

// Decoded is what Django reads in session data.
type Decoded struct {
	AuthUserID      any `json:"auth_user_id"`
	AuthUserBackend any `json:"auth_user_backend"`
	Keys            []string
	Exception       *string
}

// Decode has Django's session store decode session data.
func (d *Django) Decode(texts []string) []Decoded {
	d.tb.Helper()
	var answer struct{ Values []Decoded }
	d.do(map[string]any{"op": "decode", "texts": texts}, &answer)
	return answer.Values
}

// Login logs a user in, for good, and returns the session key.
func (d *Django) Login(userID string) string {
	d.tb.Helper()
	var answer struct {
		SessionKey string `json:"session_key"`
	}
	d.do(map[string]any{"op": "login", "user": userID}, &answer)
	return answer.SessionKey
}

// Execute runs a statement of SQL on Django's own connection.
func (d *Django) Execute(statement string) {
	d.tb.Helper()
	d.do(map[string]any{"op": "execute", "sql": statement}, nil)
}

// Run runs a program of Python as a shell of the project would, and returns what it prints and its exit code.
func (d *Django) Run(program string) (printed string, code int) {
	d.tb.Helper()
	var answer struct {
		Printed string
		Code    int
	}
	d.do(map[string]any{"op": "run", "program": program}, &answer)
	return answer.Printed, answer.Code
}
