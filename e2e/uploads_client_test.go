//go:build live

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// uploadForm is a form of one file, in two parts: up to the middle of the file, and the rest.
func uploadForm(name string, size int) (first, rest string) {
	head := "--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\nContent-Type: text/plain\r\n\r\n"
	whole := head + strings.Repeat("x", size) + "\r\n--+++++--\r\n"
	middle := len(head) + size/2
	return whole[:middle], whole[middle:]
}

// slowUpload is an upload that goes on as its test wants.
type slowUpload struct {
	conn   net.Conn
	reader *bufio.Reader
}

// beginUpload sends a request's header and the first bytes of its body.
func beginUpload(ctx context.Context, addr, cookie, body string, length int) (*slowUpload, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\nCookie: %s\r\n"+
		"Content-Type: multipart/form-data; boundary=+++++\r\nContent-Length: %d\r\n\r\n%s", cookie, length, body)
	return &slowUpload{conn, bufio.NewReader(conn)}, errors.Join(err, conn.SetReadDeadline(time.Now().Add(3*time.Minute)))
}

// mustEnter begins an upload, and waits until the sidecar reads its body: it is one of those that go on then.
func mustEnter(t *testing.T, addr, cookie string, length int) *slowUpload {
	t.Helper()
	u, err := beginUpload(t.Context(), addr, cookie+"\r\nExpect: 100-continue", "", length)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if got, err := u.reader.ReadString('\n'); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	return u
}

// end sends the rest, and returns the answer. The rest may meet a closed connection, where the answer came early.
func (u *slowUpload) end(rest string) (status int, text string, err error) {
	defer u.conn.Close() //nolint:errcheck // the answer is there, or the error that says why not
	_, _ = io.WriteString(u.conn, rest)
	response, err := http.ReadResponse(u.reader, nil)
	if err != nil {
		return 0, "", err
	}
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), errors.Join(err, response.Body.Close())
}

// cut ends the connection with a reset, as a client does that has gone.
func (u *slowUpload) cut() {
	if tcp, ok := u.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = u.conn.Close()
}

// startProcess runs a program as the sidecar of the site on a free port, and returns its address.
func (s *uploadSite) startProcess(t *testing.T, program string) (p *djangotest.Process, addr string) {
	t.Helper()
	addr = djangotest.FreeAddr(t)
	return startServing(t, program, addr, filepath.Join(filepath.Dir(s.root), "admin.sock")), addr
}

// startServing runs a program as a sidecar, with the settings of the environment and its admin listener at a socket, and waits
// until it is ready.
func startServing(t *testing.T, program, addr, admin string) *djangotest.Process {
	t.Helper()
	cmd := exec.Command(program, "serve")
	cmd.Env = append(os.Environ(), "SIDECAR_LISTEN="+addr, "SIDECAR_ADMIN_LISTEN=unix:"+admin, "SIDECAR_LOG_LEVEL=error")
	return djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		status, err := serving.AskAdmin(ctx, "unix:"+admin, nil, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// kill ends a process at once, and waits until it is gone.
func kill(t *testing.T, p *djangotest.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
}

// endWriting says that no more will come, and returns the answer.
func endWriting(u *slowUpload) (status int, text string, err error) {
	if tcp, ok := u.conn.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			return 0, "", err
		}
	}
	return u.end("")
}

// metricsOf asks an admin listener on a socket for its metrics.
func metricsOf(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(address, "unix:"))
		},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://sidecar/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}
