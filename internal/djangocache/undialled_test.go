package djangocache

import (
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// TestServerIsBackForTheNextQuestion: a server that could not be connected to, however often, is asked again by whoever
// asks next.
func TestServerIsBackForTheNextQuestion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "redis.sock")
	c, err := Open("unix://"+path, Options{
		Timeout: 10 * time.Second, Conns: 2, MaxBytes: 1 << 20, Now: time.Now, Guard: func(string) Guard { return unguarded{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for range 10 {
		_, _, err := c.Get(t.Context(), "key")
		if dialled := new(net.OpError); djangosession.IsAnswer(err) || !errors.As(err, &dialled) || dialled.Op != "dial" {
			t.Fatalf("nobody listens: %v", err)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go serveRedis(l, func(words []string) string {
		if words[0] == "get" {
			return "$-1\r\n"
		}
		return repeatArguments(words) // of what a new connection begins with
	})
	if _, _, err := c.Get(t.Context(), "key"); !errors.Is(err, djangosession.ErrNotFound) {
		t.Errorf("somebody listens: %v", err)
	}
	servers, err := c.Servers()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if conn, err := servers[0].Dial(t.Context()); err == nil {
		t.Errorf("who listens to a server that is gone has %T", conn)
	}
}
