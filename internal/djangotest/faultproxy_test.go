//go:build live

package djangotest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// echoServer sends back what it receives, until the client's end.
func echoServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return listener.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeQuietly(conn) })
	return conn
}

// closeQuietly is for what the test is done with, when it may have ended already.
func closeQuietly(c io.Closer) { _ = c.Close() }

// exchange sends a text and reads as many bytes back, for at most the given time.
func exchange(t *testing.T, conn net.Conn, text string, limit time.Duration) (string, error) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	answer := make([]byte, len(text))
	n, err := io.ReadFull(conn, answer)
	return string(answer[:n]), err
}

func readByte(t *testing.T, conn net.Conn) ([]byte, error) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1)
	n, err := conn.Read(buffer)
	return buffer[:n], err
}

// dialAndRead opens a connection that is reset: the client learns of it while it connects, or when it reads.
func dialAndRead(t *testing.T, addr string) ([]byte, error) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(conn)
	return readByte(t, conn)
}

func wantEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, err := exchange(t, conn, "hello", time.Minute); err != nil || got != "hello" {
		t.Errorf("got %q, %v; want the echo", got, err)
	}
}

func wantSilence(t *testing.T, conn net.Conn) {
	t.Helper()
	got, err := exchange(t, conn, "hello", 200*time.Millisecond)
	if timeout := net.Error(nil); got != "" || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %q, %v; want no answer", got, err)
	}
}

// standing starts a proxy in front of an echo server, and a connection through it that has worked.
func standing(t *testing.T) (*djangotest.FaultProxy, net.Conn) {
	t.Helper()
	proxy := djangotest.NewFaultProxy(t, echoServer(t))
	conn := dial(t, proxy.Addr())
	wantEcho(t, conn)
	return proxy, conn
}

func TestFaultProxyPass(t *testing.T) {
	proxy, _ := standing(t)
	conn := dial(t, proxy.Addr())
	want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // 1 MiB: more than the buffers on the way
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(want)
		sent <- err
	}()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil || !bytes.Equal(got, want) {
		t.Errorf("sent with %v; the bytes are the same: %v", err, bytes.Equal(got, want))
	}
}

func TestFaultProxyRefuse(t *testing.T) {
	proxy, conn := standing(t)
	proxy.SetMode(djangotest.Refuse())
	if got, err := exchange(t, conn, "hello", time.Minute); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("standing connection: got %q, %v; want its end", got, err)
	}
	if fresh, err := net.DialTimeout("tcp", proxy.Addr(), time.Minute); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("new connection: got %v, %v; want a refusal", fresh, err)
	}
	proxy.SetMode(djangotest.Pass())
	wantEcho(t, dial(t, proxy.Addr()))
}

func TestFaultProxyReset(t *testing.T) {
	proxy, conn := standing(t)
	proxy.SetMode(djangotest.Reset())
	if got, err := readByte(t, conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("standing connection: got %q, %v; want a reset", got, err)
	}
	if got, err := dialAndRead(t, proxy.Addr()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("new connection: got %q, %v; want a reset", got, err)
	}
	proxy.SetMode(djangotest.Pass())
	wantEcho(t, dial(t, proxy.Addr()))
}

func TestFaultProxyBlackHole(t *testing.T) {
	proxy, busy := standing(t)
	idle := dial(t, proxy.Addr())
	wantEcho(t, idle)
	proxy.SetMode(djangotest.BlackHole())
	fresh := dial(t, proxy.Addr())
	wantSilence(t, busy)
	wantSilence(t, fresh)

	proxy.SetMode(djangotest.Pass())
	wantSilence(t, busy) // it lost bytes
	wantSilence(t, fresh)
	wantEcho(t, idle)
	wantEcho(t, dial(t, proxy.Addr()))
}

func TestFaultProxySlow(t *testing.T) {
	proxy, conn := standing(t)
	const delay = 100 * time.Millisecond
	proxy.SetMode(djangotest.Slow(delay))
	for name, conn := range map[string]net.Conn{"standing": conn, "new": dial(t, proxy.Addr())} {
		start := time.Now()
		wantEcho(t, conn)
		if took := time.Since(start); took < 2*delay { // once there, once back
			t.Errorf("%s connection: an exchange took %v, want at least %v", name, took, 2*delay)
		}
	}

	proxy.SetMode(djangotest.Slow(time.Hour))
	wantSilence(t, conn)
	proxy.SetMode(djangotest.Pass()) // and what was held up goes on
	if got, err := exchange(t, conn, "again", time.Minute); err != nil || got != "hello" {
		t.Errorf("got %q, %v; want the answer that was held up", got, err)
	}
}

func TestFaultProxyCutAfter(t *testing.T) {
	proxy, conn := standing(t)
	proxy.SetMode(djangotest.CutAfter(8))
	for name, conn := range map[string]net.Conn{"standing": conn, "new": dial(t, proxy.Addr())} {
		wantEcho(t, conn) // the first 5 bytes
		if got, err := exchange(t, conn, "world", time.Minute); got != "wor" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s connection: got %q, %v; want 3 bytes and the end", name, got, err)
		}
	}
	proxy.SetMode(djangotest.Pass())
	wantEcho(t, dial(t, proxy.Addr()))
}

func TestFaultProxyWithoutATarget(t *testing.T) {
	proxy := djangotest.NewFaultProxy(t, djangotest.FreeAddr(t))
	if got, err := dialAndRead(t, proxy.Addr()); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %q, %v from a server that does not run; want a reset", got, err)
	}
}

func TestFaultProxyClose(t *testing.T) {
	proxy, conn := standing(t)
	proxy.SetMode(djangotest.Slow(time.Hour))
	wantSilence(t, conn) // now a goroutine waits in the delay
	proxy.Close()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, function := range []string{"serve", "connect", "carry"} {
		if bytes.Contains(stacks, []byte("djangotest.(*FaultProxy)."+function+"(")) {
			t.Errorf("a goroutine is still in %s", function)
		}
	}
	proxy.Close()
	proxy.SetMode(djangotest.Pass())
	if fresh, err := net.DialTimeout("tcp", proxy.Addr(), time.Minute); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, %v; want a closed port", fresh, err)
	}
}

func TestFaultProxyBeforePostgres(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	db.Exec(t, "CREATE TABLE t AS SELECT repeat('x', 100000) AS v")
	const query = "SELECT length(v) FROM t"
	const long = "SELECT v FROM t" // an answer longer than the cut
	for name, c := range map[string]struct {
		mode     djangotest.Mode
		query    string
		answered bool
	}{
		"slow":       {djangotest.Slow(50 * time.Millisecond), query, true},
		"refuse":     {djangotest.Refuse(), query, false},
		"reset":      {djangotest.Reset(), query, false},
		"black hole": {djangotest.BlackHole(), query, false},
		"cut":        {djangotest.CutAfter(1000), long, false},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := djangotest.NewFaultProxy(t, server.Addr())
			used, fresh := open(t, db.URLAt(proxy.Addr())), open(t, db.URLAt(proxy.Addr()))
			wantValue(t, used, query, "100000")
			proxy.SetMode(c.mode)
			limit := time.Minute
			if name == "black hole" {
				limit = time.Second
			}
			for kind, pool := range map[string]*sql.DB{"used": used, "fresh": fresh} {
				got, err := queryWithin(t, pool, limit, c.query)
				if answered := err == nil; answered != c.answered {
					t.Errorf("%s pool: got %.20q, %v", kind, got, err)
				}
				if silent := errors.Is(err, context.DeadlineExceeded); silent != (name == "black hole") {
					t.Errorf("%s pool: got %v", kind, err)
				}
			}
			proxy.SetMode(djangotest.Pass())
			wantValue(t, open(t, db.URLAt(proxy.Addr())), query, "100000")
		})
	}
}
