package djangotest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// MemcachedServer is a running memcached.
type MemcachedServer struct {
	*SmallServer

	// Addr is its host:port, or the path of its socket.
	Addr string
}

// Memcached starts a memcached on a loopback port, with these arguments more.
func Memcached(tb testing.TB, args ...string) *MemcachedServer {
	tb.Helper()
	port := mustFreePort(tb)
	return startMemcached(tb, "tcp", func(*SmallServer) string { return loopback(port) },
		append([]string{"-l", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "0"}, args...)...)
}

// MemcachedOnSocket starts a memcached on a unix socket alone.
func MemcachedOnSocket(tb testing.TB) *MemcachedServer {
	tb.Helper()
	return startMemcached(tb, "unix", func(s *SmallServer) string { return s.path("memcached.sock") },
		"-s", "memcached.sock", "-a", "0666")
}

func startMemcached(tb testing.TB, network string, addr func(*SmallServer) string, args ...string) *MemcachedServer {
	tb.Helper()
	program := serverProgram(tb, "memcached", "memcached")
	m := &MemcachedServer{SmallServer: newSmallServer(tb)}
	m.Addr = addr(m.SmallServer)
	m.command = func() *exec.Cmd { return exec.Command(program, args...) }
	m.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, network, m.Addr, "version\r\n")
		if err == nil && !strings.HasPrefix(answer, "VERSION") {
			err = fmt.Errorf("memcached answers %q", answer)
		}
		return err
	}
	m.Start()
	return m
}

// Set stores a value with these flags, for an hour.
func (m *MemcachedServer) Set(tb testing.TB, key string, flags int, value string) {
	tb.Helper()
	answer, err := askLine(tb.Context(), "tcp", m.Addr,
		fmt.Sprintf("set %s %d 3600 %d\r\n%s\r\n", key, flags, len(value), value))
	if err != nil || answer != "STORED\r\n" {
		tb.Fatalf("memcached answers %q, %v", answer, err)
	}
}

// askLine sends a line to a server and returns the first line of its answer.
func askLine(ctx context.Context, network, addr, line string) (string, error) {
	return askLines(ctx, network, addr, line, 1)
}

// askLines sends text to a server and returns the last of so many lines that it answers.
func askLines(ctx context.Context, network, addr, text string, lines int) (answer string, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // the answer is all that is wanted of it
	if err := conn.SetDeadline(time.Now().Add(stopTimeout)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	reader := bufio.NewReader(conn)
	for range lines {
		if answer, err = reader.ReadString('\n'); err != nil {
			return "", err
		}
	}
	return answer, nil
}
