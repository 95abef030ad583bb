package kubernetes_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // for demo.Make

	"django-sidecar/djangosession"
	"django-sidecar/internal/demo"
	"django-sidecar/signing"
)

const (
	secretKey = "a-secret-key-that-only-this-test-has"
	patience  = 30 * time.Second // on a busy machine; what is right takes a second
)

// build compiles the program as the Dockerfile does.
func build(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(tb.TempDir(), "django-sidecar")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-buildvcs=false", "-o", program, "django-sidecar/cmd/django-sidecar")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, output)
	}
	return program
}

// django is a deployment whose secrets are files, and whose database does not exist yet.
type django struct{ secrets, database string }

func newDjango(tb testing.TB) django {
	tb.Helper()
	dir := tb.TempDir()
	d := django{secrets: filepath.Join(dir, "secrets"), database: filepath.Join(dir, "db.sqlite3")}
	if err := os.Mkdir(d.secrets, 0o700); err != nil {
		tb.Fatal(err)
	}
	for name, content := range map[string]string{"secret-key": secretKey, "database-url": "sqlite:///" + d.database} {
		if err := os.WriteFile(filepath.Join(d.secrets, name), []byte(content), 0o400); err != nil {
			tb.Fatal(err)
		}
	}
	return d
}

// makeDatabase makes the demo's database, and returns the visits that it has answers for.
func (d django) makeDatabase(tb testing.TB) []demo.Example {
	tb.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		tb.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		tb.Fatal(err)
	}
	var unused struct{ djangosession.Store } // the verifier is here for its hashes alone
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(secretKey), InsecureSkipUserCheck: true,
	}, unused, nil)
	if err != nil {
		tb.Fatal(err)
	}
	// Made elsewhere and moved, so that the sidecar never sees half of it.
	made := d.database + ".new"
	visits, err := demo.Make(tb.Context(), made, codec, verifier, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(made, d.database); err != nil {
		tb.Fatal(err)
	}
	return visits
}

// sidecar is a running `serve`.
type sidecar struct {
	public, admin string // addresses
	cmd           *exec.Cmd
	logged        chan struct{} // closed once its log has ended
}

// start runs the program until the end of the test, and learns from its log where it listens.
func start(tb testing.TB, cmd *exec.Cmd) *sidecar {
	tb.Helper()
	log, err := cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	s := &sidecar{cmd: cmd, logged: make(chan struct{})}
	serving := make(chan struct{})
	var lines []string // until it serves
	go func() {
		defer close(s.logged)
		scanner := bufio.NewScanner(log)
		for s.public == "" && scanner.Scan() {
			var event struct {
				Msg         string `json:"msg"`
				Listen      string `json:"listen"`
				AdminListen string `json:"admin_listen"`
			}
			lines = append(lines, scanner.Text())
			if json.Unmarshal(scanner.Bytes(), &event) == nil && event.Msg == "serving" {
				s.public, s.admin = onLoopback(event.Listen), onLoopback(event.AdminListen)
			}
		}
		close(serving)
		_, _ = io.Copy(io.Discard, log) // so that it never waits for us
	}()
	select {
	case <-serving:
	case <-time.After(patience):
		tb.Fatal("it neither serves nor ends")
	}
	if s.public == "" {
		tb.Fatalf("it ended: %v\n%q", cmd.Wait(), lines)
	}
	return s
}

// stop is what the kubelet does, and wants a clean end.
func (s *sidecar) stop(tb testing.TB) {
	tb.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
	<-s.logged
	if err := s.cmd.Wait(); err != nil {
		tb.Errorf("it stopped with %v, want exit code 0", err)
	}
}

// onLoopback is where to reach a listener on all addresses.
func onLoopback(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// status is the status of an answer.
func status(tb testing.TB, url, cookie string) int {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode
}

// eventually polls until something is so.
func eventually(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not %s within %s", what, patience)
		}
	}
}
