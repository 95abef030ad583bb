//go:build bench

package sidebyside

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"django-sidecar/internal/djangotest"
)

// bench is what all measurements share.
type bench struct {
	cluster        *cluster
	sidecar, peers string // programs
	site, gunicorn string // where Python finds them
	logs           string // where servers write theirs
	shape          string // of the answers that are to be alike
}

// server is a peer that is asked over HTTP.
type server struct {
	path  string                        // what is asked for
	asked int                           // how many different sessions; 0 for all
	blind bool                          // it checks nothing
	alike bool                          // its answers have the sidecar's length and header
	start func(listen string) *exec.Cmd // without its core
}

// measure starts a server, sees that its answers are right, and puts it under load.
func (b *bench) measure(t *testing.T, s server) sample {
	t.Helper()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	cmd, transactionsBefore := s.start(addr), b.cluster.transactions(t)
	log, err := os.Create(b.logs)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the server's
	cmd.Stderr = log
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append([]string{"taskset", "-c", *serverCore, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = taskset
	process := djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	url := "http://" + addr + s.path
	b.check(t, s, url)

	asked := cmp.Or(s.asked, *sessions)
	warm := 0
	for warm == 0 || s.asked > 0 && warm < s.asked {
		warm += b.wrk(t, url, warm, asked, warmUp).requests
	}
	serverBefore, databaseBefore := serverTime(t, process.Pid()), databaseTime(t, b.cluster.process.Pid())
	result := b.wrk(t, url, warm, asked, *seconds)
	result.server = serverTime(t, process.Pid()) - serverBefore
	result.database = databaseTime(t, b.cluster.process.Pid()) - databaseBefore
	result.rss, result.peak = residentMiB(t, process.Pid(), "VmRSS"), residentMiB(t, process.Pid(), "VmHWM")
	b.check(t, s, url) // under load it has learnt nothing wrong
	if err := process.Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	result.transactions = float64(b.cluster.transactions(t)-transactionsBefore) / float64(warm+result.requests)
	return result
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	text   string
}

// ask asks for one session.
func ask(t *testing.T, url, key string) reply {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return reply{status: response.StatusCode, header: response.Header, text: string(text)}
}

// check asks for some sessions, whose users are known, and for one that is forged.
func (b *bench) check(t *testing.T, s server, url string) {
	t.Helper()
	for _, n := range []int{1, 2, *sessions / 2, *sessions} {
		r, want := ask(t, url, sessionKey(n)), strconv.Itoa(sessionUser(n, *users))
		if r.status != http.StatusOK {
			t.Fatalf("session %d: got %d %s", n, r.status, r.text)
		}
		if got := r.user(t); !s.blind && got != want {
			t.Fatalf("session %d: got user %s, want %s: %s", n, got, want, r.text)
		}
		if s.alike {
			b.compareShape(t, r)
		}
	}
	if r := ask(t, url, forgedKey); !s.blind && r.status != http.StatusUnauthorized {
		t.Fatalf("a forged session: got %d %s", r.status, r.text)
	}
}

// user is the primary key in an answer, of a gateway or of the API; "" for nobody.
func (r reply) user(t *testing.T) string {
	t.Helper()
	if id := r.header.Get("Remote-User-Id"); id != "" {
		return id
	}
	var answer struct {
		Result bool
		User   struct{ ID string }
	}
	if err := json.Unmarshal([]byte(r.text), &answer); err != nil {
		t.Fatalf("%v: %s", err, r.text)
	}
	if !answer.Result {
		return ""
	}
	return answer.User.ID
}

// compareShape: the no-op must send as much as the sidecar does, whichever comes first.
func (b *bench) compareShape(t *testing.T, r reply) {
	t.Helper()
	shape := fmt.Sprint(slices.Sorted(maps.Keys(r.header)), r.header.Get("Content-Type"), len(r.text))
	if b.shape = cmp.Or(b.shape, shape); b.shape != shape {
		t.Errorf("the answers are not alike: %s and %s", shape, b.shape)
	}
}

const sidecarPath = "/authenticate"

// sidecarServer is a sidecar as an operator runs it, its events in a file.
func (b *bench) sidecarServer(program string, more ...string) func(string) *exec.Cmd {
	return func(listen string) *exec.Cmd {
		cmd := exec.Command(program, "serve")
		cmd.Env = b.settings(append(more, "SIDECAR_LISTEN="+listen, "SIDECAR_ADMIN_LISTEN=127.0.0.1:0")...)
		return cmd
	}
}

// libraryServer is a service of net/http and djangosite, which has the sidecar's settings.
func (b *bench) libraryServer(more ...string) func(string) *exec.Cmd {
	return func(listen string) *exec.Cmd {
		cmd := exec.Command(b.peers, "-mode=library", "-listen="+listen)
		cmd.Env = b.settings(more...)
		return cmd
	}
}

// settings are an environment with no other settings than these.
func (b *bench) settings(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return strings.HasPrefix(pair, "SIDECAR_") || strings.HasPrefix(pair, "DJANGO_") || strings.HasPrefix(pair, "PG")
	})
	return append(append(env, "GOMAXPROCS=1", "DATABASE_URL="+b.cluster.url(), "DJANGO_SECRET_KEY="+secretKey,
		"DJANGO_VERSION="+djangoVersion), more...)
}

// peerServer is one of the program peers.
func (b *bench) peerServer(args ...string) func(string) *exec.Cmd {
	return func(listen string) *exec.Cmd {
		cmd := exec.Command(b.peers, append(args, "-listen="+listen, "-database="+b.cluster.url(), "-secret="+secretKey)...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		return cmd
	}
}

// djangoServer is gunicorn with three workers for its core, as its documentation advises.
func (b *bench) djangoServer(python string, more ...string) func(string) *exec.Cmd {
	return func(listen string) *exec.Cmd {
		cmd := exec.Command(python, "-m", "gunicorn", "--bind="+listen, "--workers=3", "--log-level=warning", "sidebyside_site:application")
		cmd.Dir = b.site
		cmd.Env = b.cluster.djangoEnvironment(append(more, "PYTHONPATH="+b.gunicorn)...)
		return cmd
	}
}

// gunicornDirectory is where tools/setup-bench.sh has put it.
func gunicornDirectory(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "django-sidecar", "bench", "gunicorn")
	if _, err := os.Stat(filepath.Join(dir, "gunicorn")); err != nil {
		t.Fatalf("no gunicorn: run tools/setup-bench.sh: %v", err)
	}
	return dir
}
