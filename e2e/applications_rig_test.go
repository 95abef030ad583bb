//go:build live

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// project is an application that is set up in a folder.
type project struct {
	application

	dir string
	env []string
}

// probed is what testdata/projects/probe.py writes.
type probed struct {
	Error       string
	CookieName  string `json:"cookie_name"`
	Group       string
	Permissions []string
	Sessions    []probedSession
	Token       string // which an API takes in place of a session; "" where there is none
}

// probedSession is a session, and what Django says of it.
type probedSession struct {
	Backend, State, Cookie string
	User                   *string // nil for nobody
	Username, Email        *string
	Staff, Superuser       bool
	Groups                 []string // nil where users have no groups
	Permissions            map[string]bool
}

func newProject(t *testing.T, a application, redis string) *project {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(cache, "django-sidecar", "applications-django", a.name)
	if _, err := os.Stat(filepath.Join(installed, "complete")); err != nil {
		t.Fatalf("%s is not installed: run tools/setup-applications.sh", a.name)
	}
	p := &project{application: a, dir: t.TempDir()}
	files := filepath.Join(djangotest.RepositoryPath(), "testdata", "projects", a.name)
	if err := os.CopyFS(p.dir, os.DirFS(files)); err != nil && !errors.Is(err, fs.ErrNotExist) { // some need no files
		t.Fatal(err)
	}
	database := projectDatabase(t, a.database, p.dir)
	raw, err := json.Marshal(database)
	if err != nil {
		t.Fatal(err)
	}
	p.env = []string{
		"PATH=" + filepath.Join(installed, "bin") + ":" + os.Getenv("PATH"), "HOME=" + p.dir, "PYTHONPATH=" + p.dir, "PYTHONWARNINGS=ignore",
		"PROJECT_DATABASE=" + string(raw), "PROJECT_REDIS=" + redis, "PROBE_OUT=" + filepath.Join(p.dir, "probed.json"),
	}
	replace := []string{"{REDIS}", redis}
	for name, value := range database {
		replace = append(replace, "{"+name+"}", fmt.Sprint(value))
	}
	for name, value := range a.env {
		p.env = append(p.env, name+"="+strings.NewReplacer(replace...).Replace(value))
	}
	return p
}

// projectDatabase is the entry of DATABASES.
func projectDatabase(t *testing.T, kind, dir string) map[string]any {
	t.Helper()
	switch kind {
	case "postgres":
		return djangotest.Postgres(t).Database(t).Django()
	case "mariadb":
		return djangotest.MariaDB(t).Database(t).Django()
	default:
		return map[string]any{"ENGINE": "django.db.backends.sqlite3", "NAME": filepath.Join(dir, "db.sqlite3")}
	}
}

// attempt runs a command in the project, and returns what it prints.
func (p *project) attempt(t *testing.T, stdin string, command ...string) (out string, err error) {
	t.Helper()
	// sh finds the command in the project's PATH.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", `exec "$@"`, "sh"}, command...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = p.dir, p.env, strings.NewReader(stdin)
	all, err := cmd.CombinedOutput()
	return string(all), err
}

func (p *project) run(t *testing.T, stdin string, command ...string) {
	t.Helper()
	begin := time.Now()
	if out, err := p.attempt(t, stdin, command...); err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	t.Logf("%v: %q", time.Since(begin).Round(100*time.Millisecond), command)
}

// probe makes users and sessions, and asks Django for its verdicts.
func (p *project) probe(t *testing.T) probed {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "testdata", "projects", "probe.py"))
	if err != nil {
		t.Fatal(err)
	}
	p.run(t, string(program), p.shell...)
	var all probed
	raw, err := os.ReadFile(filepath.Join(p.dir, "probed.json"))
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil || all.Error != "" {
		t.Fatalf("the probe: %v %s", err, all.Error)
	}
	return all
}

// writeSettings has the application write the sidecar's settings. It reports whether the sidecar can be served with them.
func (p *project) writeSettings(t *testing.T) bool {
	t.Helper()
	args := []string{"settings-script"}
	for _, item := range p.accept {
		args = append(args, "-accept", item)
	}
	code, script := command(t, "", args...)
	if code != exitYes {
		t.Fatalf("settings-script ends with %d: %s", code, script)
	}
	begin := time.Now()
	out, err := p.attempt(t, script, p.shell...)
	t.Logf("the script says, after %v (%v):\n%s", time.Since(begin).Round(100*time.Millisecond), err, out)
	rest := out
	for _, words := range p.says {
		_, after, said := strings.Cut(rest, words)
		if !said {
			t.Errorf("it does not say %q", words)
			continue
		}
		rest = after
	}
	written, err := os.ReadFile(filepath.Join(p.dir, "django-sidecar.env"))
	if possible := err == nil; possible == p.impossible {
		t.Fatalf("settings have been written: %v", possible)
	}
	t.Logf("its settings:\n%s", written)
	return !p.impossible
}

// serve starts the sidecar with the written files, and no other setting but where it listens and how long it waits. It returns what asks it.
func (p *project) serve(t *testing.T) *http.Client {
	t.Helper()
	socket := filepath.Join(socketFolder(t), "s")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "/bin/sh", "-c", `set -a; . ./django-sidecar.env; set +a; exec "$0" serve`, sidecarProgram(t))
	cmd.Dir, cmd.Env = p.dir, []string{"PATH=" + os.Getenv("PATH"), "SIDECAR_LISTEN=unix:" + socket, "SIDECAR_ADMIN_LISTEN=unix:" + socket + ".admin", "SIDECAR_STORE_TIMEOUT=10s"}
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := cmd.Process.Signal(os.Interrupt); err == nil {
			err = <-ended
			if err != nil {
				t.Errorf("the sidecar has ended with %v", err)
			}
		}
		t.Logf("the sidecar's log:\n%s", log)
	})
	waitFor(t, 30*time.Second, "listening", func() bool { // the socket's file is there a moment before
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", socket)
		return err == nil && conn.Close() == nil
	})
	return client
}

// socketFolder is a folder whose name is short.
func socketFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(temporaryFolder, "s") //nolint:usetesting // a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// compare asks the sidecar for each session, in every way.
func (p *project) compare(t *testing.T, client *http.Client, django probed) {
	t.Helper()
	compared, users, stricter := 0, 0, map[string]int{}
	differs := func(s probedSession, kind, format string, args ...any) {
		if slices.Contains(p.stricter, kind) {
			stricter[kind]++
			return
		}
		t.Errorf("%s through %s: %s", s.State, s.Backend, fmt.Sprintf(format, args...))
	}
	for _, s := range django.Sessions {
		compared++
		if s.User != nil {
			users++
		}
		cookie := django.CookieName + "=" + s.Cookie
		got := p.ask(t, client, "/authenticate", "Cookie", cookie)
		switch {
		case got.user() != text(s.User) && got.status == http.StatusUnauthorized && s.User != nil:
			differs(s, "user", "the sidecar says nobody, Django %s", text(s.User))
		case got.user() != text(s.User):
			t.Errorf("%s through %s: the sidecar says %s (%d), Django %s", s.State, s.Backend, got.user(), got.status, text(s.User))
		case s.User != nil:
			p.compareUser(t, got, s)
		}
		for require, holds := range p.requirements(django, s) {
			kind, _, _ := strings.Cut(require, ":")
			got := p.ask(t, client, "/auth/nginx?require="+url.QueryEscape(require), "Cookie", cookie)
			want := http.StatusForbidden
			switch {
			case s.User == nil:
				want = http.StatusUnauthorized
			case holds:
				want = http.StatusOK
			}
			switch got.status {
			case want:
			case http.StatusOK:
				t.Errorf("%s through %s: require=%s passes, and Django would not let it", s.State, s.Backend, require)
			default:
				differs(s, kind, "require=%s is %d, want %d", require, got.status, want)
			}
		}
	}
	for _, scheme := range []string{"Bearer ", "Token "} { // of Simple JWT, and of REST framework's own tokens
		if got := p.ask(t, client, "/authenticate", "Authorization", scheme+django.Token); got.status != http.StatusUnauthorized {
			t.Errorf("a token after %q is %d: tokens are not read", scheme, got.status)
		}
	}
	t.Logf("%d sessions compared, %d of them with a user; stricter: %v", compared, users, stricter)
	if compared < 20 || users < 8 {
		t.Error("too few of one kind: nothing has been compared")
	}
	for _, kind := range p.stricter {
		if stricter[kind] == 0 {
			t.Errorf("%s is said to be stricter, and is not", kind)
		}
	}
}

// requirements are those that a gateway may have, and whether they hold for Django.
func (p *project) requirements(django probed, s probedSession) map[string]bool {
	all := map[string]bool{"staff": s.Staff, "superuser": s.Superuser}
	if django.Group != "" {
		all["group:"+django.Group] = slices.Contains(s.Groups, django.Group)
	}
	for _, name := range django.Permissions {
		all["perm:"+name] = s.Permissions[name]
	}
	return all
}

// compareUser compares what is known of a user.
func (p *project) compareUser(t *testing.T, got sidecarAnswer, s probedSession) {
	t.Helper()
	want := map[string]any{"id": *s.User, "is_staff": s.Staff, "is_superuser": s.Superuser}
	for name, value := range map[string]*string{"username": s.Username, "email": s.Email} {
		if value != nil {
			want[name] = *value
		}
	}
	for name, value := range want {
		if there, known := got.User[name]; known && there != value {
			t.Errorf("%s through %s: %s is %v, want %v", s.State, s.Backend, name, there, value)
		}
	}
	if len(got.User) < 2 {
		t.Errorf("%s through %s: little is known of the user: %v", s.State, s.Backend, slices.Sorted(maps.Keys(got.User)))
	}
}

// sidecarAnswer is what the sidecar answers.
type sidecarAnswer struct {
	status int
	Result bool
	User   map[string]any
}

// user is the id, as text writes it.
func (a sidecarAnswer) user() string {
	if id, found := a.User["id"].(string); found && a.status == http.StatusOK {
		return text(&id)
	}
	return text(nil)
}

// ask asks the sidecar with one header.
func (p *project) ask(t *testing.T, client *http.Client, path, header, value string) sidecarAnswer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sidecar"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(header, value)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	answer := sidecarAnswer{status: response.StatusCode}
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
