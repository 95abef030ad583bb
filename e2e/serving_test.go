//go:build live

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

// mountedSecret is a secret as Kubernetes mounts it: key -> ..data/key, and ..data -> a directory that is replaced.
type mountedSecret struct {
	dir   string
	swaps int
}

// put swaps the directory that ..data leads to for one with another key.
func (m *mountedSecret) put(t *testing.T, key string) {
	t.Helper()
	m.swaps++
	version := "..version-" + strings.Repeat("i", m.swaps)
	link := filepath.Join(m.dir, "..data")
	for _, err := range []error{
		os.Mkdir(filepath.Join(m.dir, version), 0o700),
		os.WriteFile(filepath.Join(m.dir, version, "key"), []byte(key), 0o600),
		os.Symlink(version, link+"_tmp"),
		os.Rename(link+"_tmp", link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if m.swaps == 1 {
		if err := os.Symlink(filepath.Join("..data", "key"), m.path()); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *mountedSecret) path() string { return filepath.Join(m.dir, "key") }

func TestRotatedSecretKey(t *testing.T) {
	const next, last = "the secret key that comes next", "the secret key that comes last"
	secret := &mountedSecret{dir: t.TempDir()}
	secret.put(t, rigSecret+"\n")
	r := newRig(t, 5*time.Second, map[string]string{"DJANGO_SECRET_KEY": "", "DJANGO_SECRET_KEY_FILE": secret.path()})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	status := func(key string) int { return r.status(t, client, key) }
	afterNext, afterLast := r.signedWith(t, next), r.signedWith(t, last)
	want := func(when string, first, second, third int) {
		t.Helper()
		for i, tt := range []struct {
			key  string
			want int
		}{{r.live[0], first}, {afterNext, second}, {afterLast, third}} {
			if got := status(tt.key); got != tt.want {
				t.Errorf("%s: session %d gets %d, want %d", when, i+1, got, tt.want)
			}
		}
	}
	want("at first", http.StatusOK, http.StatusUnauthorized, http.StatusUnauthorized)

	l := &load{r: r, counts: map[int]int{}} // a verdict never fails while keys change
	l.healthy.Store(true)
	secret.put(t, next+"\n")
	waitFor(t, 30*time.Second, "using the new key", func() bool {
		l.ask(t.Context(), t, client, newRigKey(), http.StatusUnauthorized, `"result":false`)
		return status(afterNext) == http.StatusOK
	})
	want("rotated", http.StatusUnauthorized, http.StatusOK, http.StatusUnauthorized)

	const complaint = "the settings could not be read again; the old ones stay in force"
	secret.put(t, "")
	waitFor(t, 30*time.Second, "complaining about the empty file", func() bool { return strings.Contains(r.log.String(), complaint) })
	during(2*sidecar.WatchInterval + sidecar.WatchInterval/2) // it looks again, and has said it all
	want("broken", http.StatusUnauthorized, http.StatusOK, http.StatusUnauthorized)
	if n := strings.Count(r.log.String(), complaint); n != 1 {
		t.Errorf("an empty file is logged %d times, want once", n)
	}

	secret.put(t, last)
	waitFor(t, 30*time.Second, "using the last key", func() bool { return status(afterLast) == http.StatusOK })
	want("rotated again", http.StatusUnauthorized, http.StatusUnauthorized, http.StatusOK)
	for _, key := range []string{next, last} {
		if strings.Contains(r.log.String(), key) {
			t.Error("the log holds a secret key")
		}
	}
	waitFor(t, 30*time.Second, "closing the old connections", func() bool { return len(r.backends(t)) == 1 && r.backends(t) <= "4" })
}

// TestGracefulStop: what is running is finished, what comes later is refused, and the end is in order.
func TestGracefulStop(t *testing.T) {
	r := newRig(t, 20*time.Second, nil)
	client, closeIdle := newClient(30 * time.Second)
	defer closeIdle()
	if status, answer, err := r.ask(t.Context(), client, r.live[0]); status != http.StatusOK || err != nil {
		t.Fatalf("before: %d %s, %v", status, answer, err)
	}
	unlock := lockTables(t, r)
	type answered struct {
		status int
		err    error
	}
	answers := make(chan answered, 3)
	for _, key := range r.live[:cap(answers)] {
		go func() {
			status, _, err := r.ask(t.Context(), client, key)
			answers <- answered{status, err}
		}()
	}
	// The first one waits alone, and the others together.
	waitFor(t, 30*time.Second, "queries waiting for the lock", func() bool {
		return r.db.ExecAsSuperuser(t, "SELECT count(*) >= 2 FROM pg_locks WHERE NOT granted") == "t"
	})
	r.stop()
	waitFor(t, 30*time.Second, "refusing new connections", func() bool {
		late, closeLate := newClient(time.Second) // one that is let in still waits for the lock
		defer closeLate()
		_, _, err := r.ask(t.Context(), late, r.live[0])
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	select {
	case <-r.stopped:
		t.Error("it has ended before its requests")
	default:
	}
	if got, err := serving.AskAdmin(t.Context(), r.admin, nil, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("while it drains, /readyz answers %d, %v; want 503", got, err)
	}
	unlock()
	for range cap(answers) {
		if got := <-answers; got.err != nil || got.status != http.StatusOK {
			t.Errorf("a request that was running: got %d, %v; want 200", got.status, got.err)
		}
	}
	select {
	case <-r.stopped:
	case <-time.After(time.Minute):
		t.Fatal("it has not ended a minute after its last request")
	}
	if r.err != nil {
		t.Errorf("it ended with %v", r.err)
	}
	waitFor(t, 30*time.Second, "without connections to the database", func() bool { return r.backends(t) == "0" })
	if _, err := os.Stat(strings.TrimPrefix(r.admin, "unix:")); err == nil {
		t.Error("the admin socket is still there")
	}
}

func TestReadyFollowsTheDatabase(t *testing.T) {
	r := newRig(t, 2*time.Second, nil)
	ready := func() int {
		status, err := serving.AskAdmin(t.Context(), r.admin, nil, "/readyz")
		if err != nil {
			t.Error(err)
		}
		return status
	}
	if got := ready(); got != http.StatusOK {
		t.Errorf("at first: /readyz answers %d", got)
	}
	for name, fault := range map[string]djangotest.Mode{
		"refused": djangotest.Refuse(), "black hole": djangotest.BlackHole(), "reset": djangotest.Reset(),
	} {
		r.proxy.SetMode(fault)
		start := time.Now()
		if got, took := ready(), time.Since(start); got != http.StatusServiceUnavailable || took > 10*time.Second {
			t.Errorf("%s: /readyz answers %d after %v, want 503 in time", name, got, took)
		}
		r.proxy.SetMode(djangotest.Pass())
		waitFor(t, 5*time.Second, "ready again after "+name, func() bool { return ready() == http.StatusOK })
	}
	for _, statement := range []string{"ALTER TABLE auth_user RENAME TO somebody", "ALTER TABLE django_session RENAME TO something"} {
		r.db.Exec(t, statement)
		if got := ready(); got != http.StatusServiceUnavailable {
			t.Errorf("after %s: /readyz answers %d", statement, got)
		}
		r.db.Exec(t, reversed(statement))
		waitFor(t, 30*time.Second, "ready again after "+reversed(statement), func() bool { return ready() == http.StatusOK })
	}
}

// reversed is the statement that renames a table back.
func reversed(rename string) string {
	words := strings.Fields(rename)
	words[2], words[5] = words[5], words[2]
	return strings.Join(words, " ")
}

// Each reason reaches the client as what it is, through the whole sidecar, while the database is well.
func TestReasons(t *testing.T) {
	r := newRig(t, 20*time.Second, map[string]string{"SIDECAR_EXPLAIN": "true"})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	for key, want := range r.dead {
		status, answer, err := r.ask(t.Context(), client, key)
		if err != nil || status != http.StatusUnauthorized || !strings.Contains(answer, `"reason":"`+string(want)+`"`) {
			t.Errorf("got %d %s, %v; want 401 and %s", status, answer, err, want)
		}
	}
	if len(r.dead) != 5 {
		t.Errorf("%d dead sessions, want 5", len(r.dead))
	}
}

// TestSecondSignal: the first one waits for what is running, and another one does not.
func TestSecondSignal(t *testing.T) {
	program := sidecarProgram(t)
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		site := newUploadSite(t, t.TempDir(), uploadSettings())
		process, addr := site.startProcess(t, program)
		first, rest := uploadForm("slow.txt", 1<<20)
		u := mustBegin(t, addr, site.cookie, first, len(first)+len(rest))
		admin := filepath.Join(filepath.Dir(site.root), "admin.sock")
		waitFor(t, 30*time.Second, "taking the upload", func() bool {
			return strings.Contains(metricsOf(t, admin), "\ndjango_sidecar_uploads_in_flight 1\n")
		})
		if err := process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 30*time.Second, "refusing new connections", func() bool {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		})
		select {
		case <-process.Exited():
			t.Error("it has ended before what was running")
		default:
		}
		start := time.Now()
		if err := process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if got := process.ExitCode(); got != code {
			t.Errorf("%v: exit code %d, want %d", signal, got, code)
		}
		if took := time.Since(start); took > serving.StopTimeout/2 {
			t.Errorf("%v: it took %v, in which what was running may have been given up anyway", signal, took)
		}
		if _, _, err := u.end(rest); err == nil {
			t.Error("the upload has an answer")
		}
	}
}

// TestDrain: after SIGTERM everything is served for SIDECAR_DRAIN_DELAY, to new connections too, while /readyz says 503.
func TestDrain(t *testing.T) {
	r := newRig(t, 20*time.Second, map[string]string{"SIDECAR_DRAIN_DELAY": "15s"})
	kept := r.keepConnection(t)
	r.stop()
	waitFor(t, 30*time.Second, "draining", func() bool {
		status, err := serving.AskAdmin(t.Context(), r.admin, nil, "/readyz")
		return err == nil && status == http.StatusServiceUnavailable
	})
	if status, closes := kept.ask(t, r.live[0]); status != http.StatusOK || !closes {
		t.Errorf("over a connection that was idle: %d, closing %v; want an answer that ends the connection", status, closes)
	}
	for range 5 {
		client, closeIdle := newClient(time.Minute) // a connection of its own
		status, _, err := r.ask(t.Context(), client, r.live[0])
		closeIdle()
		if err != nil || status != http.StatusOK {
			t.Errorf("while draining: %d, %v", status, err)
		}
	}
	<-r.stopped
	client, closeIdle := newClient(time.Second)
	defer closeIdle()
	if status, _, err := r.ask(t.Context(), client, r.live[0]); err == nil {
		t.Errorf("after the stop: %d", status)
	}
}

// keptConnection is a connection that stays open between two requests.
type keptConnection struct {
	conn    net.Conn
	answers *bufio.Reader
}

// keepConnection returns one that has been used.
func (r *rig) keepConnection(t *testing.T) *keptConnection {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the sidecar may have
	k := &keptConnection{conn, bufio.NewReader(conn)}
	if status, closes := k.ask(t, r.live[0]); status != http.StatusOK || closes {
		t.Fatalf("before: %d, closing %v", status, closes)
	}
	return k
}

// ask sends a POST, which a gateway sends once only. It returns the status, and whether the answer ends the connection.
func (k *keptConnection) ask(t *testing.T, key string) (status int, closes bool) {
	t.Helper()
	if _, err := fmt.Fprintf(k.conn, "POST /authenticate HTTP/1.1\r\nHost: sidecar\r\nCookie: sessionid=%s\r\nContent-Length: 0\r\n\r\n", key); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Close
}

// TestNotReadyIsSaid: a start with stores that do not answer says so in the log, and where to read on.
func TestNotReadyIsSaid(t *testing.T) {
	const said = `"msg":"not ready","what":"sessions","error":`
	for name, database := range map[string]string{"a file that is not there": "missing.sqlite3", "a site": "db.sqlite3"} {
		log, missing := new(logBuffer), database == "missing.sqlite3"
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			newUploadSite(t, dir, nil)
			t.Setenv("DATABASE_URL", "sqlite:///"+filepath.Join(dir, database))
			listenersLogging(t, slog.NewJSONHandler(log, nil))
			waitFor(t, 30*time.Second, "saying it", func() bool { return !missing || strings.Contains(log.String(), said) })
		})
		if got := strings.Contains(log.String(), said); got != missing { // it has ended
			t.Errorf("%s: the log says that it is not ready: %v\n%s", name, got, log)
		}
	}
}
