//go:build live

package djangocache_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// held is a connection that stays open, where a new one is refused.
type held struct {
	t *testing.T
	net.Conn
	*bufio.Reader
}

func holdConnection(t *testing.T, r *djangotest.RedisServer) held {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", r.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may be gone
	return held{t, conn, bufio.NewReader(conn)}
}

// do sends a command, and wants an answer that begins so; "": none.
func (h held) do(command, want string) {
	h.t.Helper()
	if _, err := fmt.Fprintf(h.Conn, "%s\r\n", command); err != nil {
		h.t.Fatal(err)
	}
	if want == "" {
		return
	}
	if answer, err := h.ReadString('\n'); err != nil || !strings.HasPrefix(answer, want) {
		h.t.Fatalf("%s: %q %v", command, answer, err)
	}
}

// TestRedisRefuses: whatever a Redis says instead of an answer, it is no session's end.
func TestRedisRefuses(t *testing.T) {
	const killOthers = "CLIENT KILL TYPE normal SKIPME yes"
	r := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"enable-debug-command yes", "loading-process-events-interval-bytes 1024", "rdbcompression no"}})
	r.Do(setSession)
	for i := range 200 {
		r.Do(fmt.Sprintf("SET other%d %s", i, strings.Repeat("x", 100)))
	}
	h := holdConnection(t, r)
	nowhere := "127.0.0.1 1"
	for _, tt := range []struct {
		name  string
		begin func()
		want  string // the error, "" where there is none
		end   func()
	}{
		{"as many clients as it takes", func() {
			h.do("CONFIG SET maxclients 1", "+OK")
			h.do(killOthers, ":")
		}, "reading the cache: ", func() { h.do("CONFIG SET maxclients 1000", "+OK") }},
		{"a replica without its primary", func() {
			h.do("CONFIG SET replica-serve-stale-data no", "+OK")
			h.do("REPLICAOF "+nowhere, "+OK")
		}, "MASTERDOWN", func() {
			h.do("REPLICAOF NO ONE", "+OK")
			h.do("CONFIG SET replica-serve-stale-data yes", "+OK")
		}},
		{"a replica that answers from what it has", func() { h.do("REPLICAOF "+nowhere, "+OK") }, "", func() { h.do("REPLICAOF NO ONE", "+OK") }},
		{"no memory left", func() { h.do("CONFIG SET maxmemory 1", "+OK") }, "", func() { h.do("CONFIG SET maxmemory 0", "+OK") }},
		{"a script that does not end", func() {
			h.do("CONFIG SET busy-reply-threshold 50", "+OK")
			h.do("EVAL 'while true do end' 0", "")
		}, "BUSY", func() {
			r.Do("SCRIPT KILL")
			h.do("PING", "-ERR")
			h.do("", "+PONG")
		}},
		{"a password that is new", func() {
			h.do("CONFIG SET requirepass sesame", "+OK")
			h.do(killOthers, ":")
		}, "NOAUTH", func() { h.do(`CONFIG SET requirepass ""`, "+OK") }},
		{"still reading its file", func() {
			h.do("SAVE", "+OK")
			h.do("CONFIG SET key-load-delay 25000", "+OK") // five seconds in all
			h.do("DEBUG RELOAD", "")
		}, "LOADING", func() { h.do("", "+OK") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := jsonStore(t, "redis://"+r.Addr)
			d.expect(t, "before", sessionKey, "1")
			tt.begin()
			if tt.want == "" {
				d.expect(t, "meanwhile", sessionKey, "1")
			} else {
				waitForFailure(t, d, tt.want)
			}
			tt.end()
			d.eventually(t, "afterwards", "1")
		})
	}
}

// waitForFailure waits for a failure with this text in it; until then there may be answers, and no session's end.
func waitForFailure(t *testing.T, d *deployment, want string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := d.within(t, 2*timeout, sessionKey)
		if strings.HasPrefix(got, "failure: ") && strings.Contains(got, want) {
			return
		}
		if got != "1" && !strings.HasPrefix(got, "failure: ") {
			t.Fatalf("got %q, want a failure: %s", got, want)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still %q, want %s", got, want)
		}
	}
}
