package pages_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestRequestsOfHTTP sends each request in docs/http.md to a sidecar with a database of the demo's, and expects what its row says.
func TestRequestsOfHTTP(t *testing.T) {
	rows := rowsOf(readFile(t, httpPage), "| request | with | session | status | headers | message |")
	if len(rows) < 30 {
		t.Fatalf("only %d requests", len(rows))
	}
	d := startDemo(t)
	const broken = "the database is broken"
	for _, row := range rows {
		if !strings.HasSuffix(row[2], broken) {
			d.expect(t, row)
		}
	}
	if err := os.WriteFile(d.database, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if strings.HasSuffix(row[2], broken) {
			d.expect(t, row)
		}
	}
}

// demo is a sidecar that serves the demo's database.
type demo struct {
	public, admin, database string
	cookies                 map[string]string // by the session that a row of the page names, and "ended"
	log                     *bytes.Buffer     // to be read when it has been stopped
	stop                    func()
}

// build makes the binary.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "django-sidecar")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, root+"/cmd/django-sidecar").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// startDemo starts `django-sidecar demo` on free ports. It reads the cookies from the lines that the demo prints.
func startDemo(t *testing.T) *demo {
	t.Helper()
	binary := build(t)
	d := &demo{public: djangotest.FreeAddr(t), admin: djangotest.FreeAddr(t), cookies: map[string]string{}, log: new(bytes.Buffer)}
	cmd := exec.CommandContext(t.Context(), binary, "demo")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "SIDECAR_LISTEN="+d.public, "SIDECAR_ADMIN_LISTEN="+d.admin, "SIDECAR_TRUSTED_PROXIES=127.0.0.1",
		"SIDECAR_WRITE=touch,logout,login", "SIDECAR_LOGIN_TRIES_PER_ADDRESS=20")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stderr = d.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	t.Cleanup(d.stop)
	cookie, database := regexp.MustCompile(`^curl .*-H 'Cookie: ([^']*)'`), regexp.MustCompile(`The database is ([^;]*);`)
	title := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "# "):
			title = line
		case strings.HasPrefix(title, "# ada is logged in ->") && cookie.MatchString(line):
			d.cookies["a user"] = cookie.FindStringSubmatch(line)[1]
		case strings.HasPrefix(title, "# grace is staff") && cookie.MatchString(line):
			d.cookies["staff"] = cookie.FindStringSubmatch(line)[1]
		case strings.HasPrefix(title, "# ada's session is past its time") && cookie.MatchString(line):
			d.cookies["ended"] = cookie.FindStringSubmatch(line)[1]
		}
		if found := database.FindStringSubmatch(line); found != nil {
			d.database = found[1]
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			break
		}
	}
	if len(d.cookies) != 3 || d.database == "" {
		t.Fatalf("the demo did not print what this test looks for: %+v", d)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it ends with the process
	return d
}

// csrfCookie is a CSRF cookie of a browser. It is also the token that the examples in docs/openapi.yaml send.
const csrfCookie = "csrftoken=0123456789abcdefghijklmnopqrstuv"

// login makes another session of ada's, and returns its cookie.
func (d *demo) login(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+d.public+"/login", strings.NewReader(`{"username": "ada", "password": "demo"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(csrfCookie, "=")
	r.Header = http.Header{"Cookie": {csrfCookie}, "X-Csrftoken": {token}, "Content-Type": {"application/json"}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range answer.Cookies() {
		if c.Name == "sessionid" {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("no session: %s", answer.Status)
	return ""
}

// expect sends the request of a row: request, with, session, status, headers, message.
func (d *demo) expect(t *testing.T, row []string) {
	t.Helper()
	name := strings.Join(row[:3], " ")
	method, path, _ := strings.Cut(strings.Trim(row[0], "`"), " ")
	address, body := d.public, io.Reader(nil)
	if strings.HasPrefix(row[2], "admin") {
		address = d.admin
	}
	if path == "/upload" && strings.Contains(row[1], "Content-Type") {
		body = strings.NewReader("hello")
	}
	if found := bodyIn.FindStringSubmatch(row[1]); found != nil {
		body = strings.NewReader(found[1])
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, h := range fieldsIn(bodyIn.ReplaceAllString(row[1], "")) {
		r.Header.Add(h[0], h[1])
	}
	cookie, known := d.cookies[strings.SplitN(row[2], ",", 2)[0]]
	switch {
	case known:
		r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+cookie, "; "))
	case row[2] == "the database is broken":
		r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+d.cookies["a user"], "; "))
	case row[2] != "no user" && !strings.HasPrefix(row[2], "admin"):
		t.Fatalf("%s: there is no session %q", name, row[2])
	}
	client := &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer answer.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if strconv.Itoa(answer.StatusCode) != row[3] {
		t.Errorf("%s: got %s, the page says %s\n%s", name, answer.Status, row[3], text)
	}
	if answer.Close { // net/http takes the header away
		answer.Header.Set("Connection", "close")
	}
	for _, h := range fieldsIn(row[4]) {
		values, ok := answer.Header[http.CanonicalHeaderKey(h[0])]
		if got := strings.Join(values, ", "); !ok || h[1] != "" && got != h[1] && !slices.Contains(strings.Split(got, ", "), h[1]) {
			t.Errorf("%s: got %s: %q, the page says %q", name, h[0], got, h[1])
		}
	}
	if row[5] == "" {
		return
	}
	told := struct{ Message string }{}
	if err := json.Unmarshal(text, &told); err != nil || told.Message != row[5] {
		t.Errorf("%s: got %s, the page says %q", name, text, row[5])
	}
}

// bodyIn finds a body in a cell: `{"name": "value"}`.
var bodyIn = regexp.MustCompile("`(\\{[^`]*\\})`")

// fieldsIn are the header fields of a cell: `Name: value`, `Name: value`.
func fieldsIn(cell string) [][2]string {
	var fields [][2]string
	for _, found := range regexp.MustCompile("`([^`:]+): ?([^`]*)`").FindAllStringSubmatch(cell, -1) {
		fields = append(fields, [2]string{found[1], found[2]})
	}
	return fields
}
