//go:build live && gateways

package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"django-sidecar/internal/djangotest"
)

// javaRequestBytes is what testdata/clients/java/Resuming.java puts into a request.
const javaRequestBytes = 512 << 10

// javaClient is tus-java-client, in a process.
type javaClient struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	log   bytes.Buffer
}

// startJavaClient begins an upload, or goes on with the one that store knows of.
func startJavaClient(t *testing.T, addr, file, cookie, store string) *javaClient {
	t.Helper()
	program := filepath.Join(djangotest.RepositoryPath(), "testdata/clients/java/Resuming.java")
	c := &javaClient{cmd: exec.CommandContext(t.Context(), "java", "-Xmx64m", "-cp", filepath.Join(djangotest.JavaClients(t), "*"),
		program, "http://"+addr+"/tus/", file, cookie, store)}
	in, errIn := c.cmd.StdinPipe()
	out, errOut := c.cmd.StdoutPipe()
	c.cmd.Stderr = &c.log
	if err := errors.Join(errIn, errOut, c.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	c.in, c.lines = in, bufio.NewScanner(out)
	return c
}

// next is what the client says: a word, and a number or a text.
func (c *javaClient) next(t *testing.T) (word, more string) {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("tus-java-client ended: %v\n%.2000s", errors.Join(c.lines.Err(), c.cmd.Wait()), c.log.String())
	}
	word, more, _ = strings.Cut(c.lines.Text(), "\t")
	return word, more
}

// run lets the client send until it has sent so many bytes, or says that it has come to its end.
func (c *javaClient) run(t *testing.T, until int) (word, more string) {
	t.Helper()
	for {
		word, more = c.next(t)
		if word == "from" {
			continue
		}
		if word != "sent" {
			return word, more
		}
		if n, err := strconv.Atoi(more); err != nil || n >= until {
			return word, more
		}
		c.goOn(t)
	}
}

func (c *javaClient) goOn(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		t.Fatal(err)
	}
}

// end waits for the process, which ends by itself after its last word.
func (c *javaClient) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(c.in.Close(), c.cmd.Wait()); err != nil {
		t.Errorf("%v\n%.2000s", err, c.log.String())
	}
}

// kill ends the process in the middle of what it does.
func (c *javaClient) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait() // it was killed
}

// methodsSeen counts requests by their method and what they say that it is.
type methodsSeen struct {
	mu    sync.Mutex
	count map[string]int
}

func (m *methodsSeen) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.count[strings.TrimSpace(r.Method+" "+r.Header.Get("X-Http-Method-Override"))]++
		m.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (m *methodsSeen) of(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count[method]
}

// TestGatewaysJavaClientResumes has tus-java-client upload without PATCH. It is killed in the middle of a request, and another process
// goes on.
func TestGatewaysJavaClientResumes(t *testing.T) {
	site := newUploadSite(t, t.TempDir(), nil)
	seen := &methodsSeen{count: map[string]int{}}
	sidecar := site.serveWrapped(t, seen.wrap)
	nginx := djangotest.NginxPlain(t, sidecar, false).Addr
	for _, tt := range []struct {
		name, addr string
		size       int
	}{
		{"direct", sidecar, 5*javaRequestBytes + 12345},
		// The second process begins in the middle of a request, and ends with a full one: the last one after it has no body, since the
		// client finds out only then that nothing is left.
		{"direct, full requests", sidecar, 5*javaRequestBytes + javaRequestBytes/2},
		{"through nginx", nginx, 5*javaRequestBytes + 12345},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, content := javaFile(t, tt.size)
			store := filepath.Join(t.TempDir(), "url")
			before := seen.of("POST PATCH")
			first := startJavaClient(t, tt.addr, file, site.cookie, store)
			const middle = 3*javaRequestBytes + javaRequestBytes/2
			if word, more := first.run(t, middle); word != "sent" {
				t.Fatalf("the first process: %s %s", word, more)
			}
			first.kill(t)

			second := startJavaClient(t, tt.addr, file, site.cookie, store)
			word, more := second.next(t)
			if from, err := strconv.Atoi(more); word != "from" || err != nil || from < 3*javaRequestBytes || from > middle {
				t.Errorf("the second process: %s %s; want it to begin where the first has ended", word, more)
			}
			if word, more := second.run(t, tt.size+1); word != "done" {
				t.Fatalf("the second process: %s %s", word, more)
			}
			second.end(t)
			site.wantPublished(t, content)
			if n := seen.of("POST PATCH") - before; n < tt.size/javaRequestBytes {
				t.Errorf("%d requests had X-HTTP-Method-Override: PATCH", n)
			}
		})
	}
	if n := seen.of("PATCH"); n > 0 {
		t.Errorf("%d requests were PATCH: HttpURLConnection knows it", n)
	}
}

// TestGatewaysJavaClientHearsOfALogout ends the session between two requests, as Django's logout does.
func TestGatewaysJavaClientHearsOfALogout(t *testing.T) {
	base := t.TempDir()
	site := newUploadSite(t, base, nil)
	sidecar := site.serve(t)
	db := openSQLite(t, filepath.Join(base, "db.sqlite3"))
	// An nginx that does not buffer says 100 by itself, and the refusal may come with it: HttpURLConnection (JDK 17, HttpClient.parseHTTP)
	// has then read it into a buffer that it forgets.
	addrs := map[string]string{site.cookie: sidecar, site.other: djangotest.NginxPlain(t, sidecar, true).Addr}
	for cookie, addr := range addrs {
		file, _ := javaFile(t, 4*javaRequestBytes)
		client := startJavaClient(t, addr, file, cookie, filepath.Join(t.TempDir(), "url"))
		if word, more := client.run(t, javaRequestBytes); word != "sent" {
			t.Fatalf("%s %s", word, more)
		}
		// django/contrib/sessions/backends/db.py, 5.2: delete
		if _, err := db.ExecContext(t.Context(), "DELETE FROM django_session WHERE session_key = ?", strings.TrimPrefix(cookie, "sessionid=")); err != nil {
			t.Fatal(err)
		}
		client.goOn(t)
		if word, more := client.run(t, 4*javaRequestBytes); word != "refused" || !strings.Contains(more, "unexpected status code (401)") {
			t.Errorf("%s: after the logout: %s %s", addr, word, more)
		}
		client.end(t)
	}
	if left := filesBelow(t, site.root); len(left) > 0 {
		t.Errorf("published: %v", left)
	}
}

// javaFile is a file of random content.
func javaFile(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(size)}).Read(content); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// wantPublished wants one file below MEDIA_ROOT, and takes it away.
func (s *uploadSite) wantPublished(t *testing.T, content []byte) {
	t.Helper()
	found := filesBelow(t, s.root)
	if len(found) != 1 {
		t.Errorf("published: %v", found)
	}
	for name := range found {
		path := filepath.Join(s.root, name)
		got, err := os.ReadFile(path)
		if err != nil || sha256.Sum256(got) != sha256.Sum256(content) {
			t.Errorf("%s has %d bytes, or others than those %d: %v", name, len(got), len(content), err)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}
