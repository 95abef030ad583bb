package redis

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/internal/djangocache"

	"github.com/google/go-cmp/cmp"
)

const (
	infoOn  = "%4\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*1\r\n$2\r\np:\r\n$1\r\nx\r\n_\r\n"
	infoOff = "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"
)

// statistics are those of commands.
func statistics(line string) string {
	text := "txt:# Commandstats\r\ncmdstat_get:calls=7,usec=1\r\n" + line
	return fmt.Sprintf("=%d\r\n%s\r\n", len(text), text)
}

// fakeRedis is a server that answers as it is told.
type fakeRedis struct {
	mu       sync.Mutex
	answers  map[string]string // by the first words of commands; "" is silence
	commands []string
	dials    int
	addr     string
	dialErr  error
	conn     net.Conn // the server's side of the last connection
}

func newFakeRedis() *fakeRedis {
	return &fakeRedis{addr: "here", answers: map[string]string{
		"AUTH": "+OK\r\n", "HELLO": "%1\r\n$5\r\nproto\r\n:3\r\n", "CLIENT TRACKING": "+OK\r\n", "CLIENT TRACKINGINFO": infoOn,
		"INFO": statistics(""),
	}}
}

// movedConn is a connection to an address.
type movedConn struct {
	net.Conn

	addr string
}

func (c movedConn) RemoteAddr() net.Addr { return &net.UnixAddr{Net: "unix", Name: c.addr} }

func (f *fakeRedis) dial(context.Context) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials++
	if f.dialErr != nil {
		return nil, f.dialErr
	}
	client, server := net.Pipe()
	if f.conn == nil || f.addr == "here" {
		f.conn = server
	}
	go f.serve(server)
	return movedConn{client, f.addr}, nil
}

func (f *fakeRedis) serve(conn net.Conn) {
	r := respFrom(conn)
	for {
		h, err := r.header()
		if err != nil {
			return
		}
		v, err := r.value(h)
		if err != nil {
			return
		}
		words := []string{}
		for _, p := range v.parts {
			words = append(words, p.text)
		}
		name := words[0]
		if name == "CLIENT" {
			name += " " + words[1]
		}
		f.mu.Lock()
		f.commands = append(f.commands, strings.Join(words, " "))
		answer := f.answers[name]
		f.mu.Unlock()
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

func (f *fakeRedis) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// send sends what nobody has asked for.
func (f *fakeRedis) send(t *testing.T, text string) {
	t.Helper()
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Errorf("%q is not read to its end: %v", text, err)
	}
}

func (f *fakeRedis) server() djangocache.RedisEndpoint {
	return djangocache.RedisEndpoint{Name: "redis:6379", Dial: f.dial, User: "reader", Password: "sesame"}
}

// notes are what is told.
type notes struct {
	mu        sync.Mutex
	said      []string
	confirmed time.Time
}

func (n *notes) say(format string, a ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, fmt.Sprintf(format, a...))
}

// take waits until nothing goes on, and returns what has been said.
func (n *notes) take() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	return said
}

// confirmedUntil waits until nothing goes on, and returns the last time that was confirmed.
func (n *notes) confirmedUntil() time.Time {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.confirmed
}

func (n *notes) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, n.take()); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func (n *notes) tracking() Tracking {
	return Tracking{
		Prefix: "p:", Now: time.Now, Random: func() uint64 { return 0 },
		Heard:      func(key string) { n.say("heard %s", key) },
		Everything: func() { n.say("everything") },
		Fresh: func(fresh bool, why error) {
			if fresh {
				n.say("fresh")
			} else {
				n.say("not fresh: %v", why)
			}
		},
		Confirm: func(until time.Time) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.confirmed = until
		},
	}
}

// following runs a test with a Track of servers that has just begun.
func following(t *testing.T, servers []djangocache.RedisEndpoint, test func(t *testing.T, n *notes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		tracking, err := n.tracking().withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			track(ctx, tracking, servers)
		}()
		test(t, n)
		cancel()
		<-done
	})
}

// pass lets time go by.
func pass(d time.Duration) { <-time.After(d) }

func push(keys ...string) string {
	b := fmt.Sprintf(">2\r\n$10\r\ninvalidate\r\n*%d\r\n", len(keys))
	for _, key := range keys {
		b += fmt.Sprintf("$%d\r\n%s\r\n", len(key), key)
	}
	return b
}
