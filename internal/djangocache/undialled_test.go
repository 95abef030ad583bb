package djangocache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"django-sidecar/djangosession"
)

// TestServerIsBackForTheNextQuestion: a server that could not be connected to, however often, is asked again by whoever
// asks next.
func TestServerIsBackForTheNextQuestion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "redis.sock")
	c := open(t, "unix://"+path, Options{Conns: 2})
	for range 10 {
		_, _, err := c.Get(t.Context(), "key")
		if dialled := new(net.OpError); djangosession.IsAnswer(err) || !errors.As(err, &dialled) || dialled.Op != "dial" {
			t.Fatalf("nobody listens: %v", err)
		}
	}
	l := serveRedis(t, "unix", path, func(words []string) string {
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

// TestLateFailureIsNobodys: where a connection could not be made, and who asked for it has given up before, the next
// question has one of its own.
func TestLateFailureIsNobodys(t *testing.T) {
	t.Parallel()
	asking, giveUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	var tries atomic.Int32
	dial := dialFunc(func(context.Context, string, string) (net.Conn, error) {
		n := tries.Add(1)
		if n == 1 {
			giveUp()
			<-gone
		}
		return nil, fmt.Errorf("try %d", n)
	})
	o := redisOptionsFor(Options{Timeout: time.Minute, Conns: 2})
	o.Dialer = dial.laterFailing()
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Get(asking, "key").Err(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(gone)
	for client.PoolStats().IdleConns == 0 { // until the library has kept it
		<-time.After(time.Millisecond)
	}
	if err := client.Get(t.Context(), "key").Err(); err == nil || err.Error() != "try 2" {
		t.Errorf("who asks next hears of %v", err)
	}
}

// TestSentinelsNothingIsNoAnswer: where a Sentinel answers nothing, nobody has said that there is no such key.
func TestSentinelsNothingIsNoAnswer(t *testing.T) {
	t.Parallel()
	l := serveRedis(t, "tcp", "127.0.0.1:0", func(words []string) string {
		if words[0] == "sentinel" {
			return "*-1\r\n"
		}
		return repeatArguments(words)
	})
	c := open(t, "redis://mymaster?sentinels="+l.Addr().String(), Options{Conns: 1})
	changer, err := c.Changer()
	if err != nil {
		t.Fatal(err)
	}
	later, all := time.Now().Add(time.Hour), func([]byte) bool { return true }
	_, _, getErr := c.Get(t.Context(), "key")
	for what, err := range map[string]error{
		"get": getErr, "delete": changer.Delete(t.Context(), "key"),
		"add": changer.Add(t.Context(), "key", nil, later), "replace": changer.Replace(t.Context(), "key", nil, later),
		"touch": changer.Touch(t.Context(), "key", all, later),
	} {
		if err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrExists) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestHiddenTime: a Breaker learns that the time of a connection was over, and the library does not learn that it was one.
func TestHiddenTime(t *testing.T) {
	t.Parallel()
	for _, want := range []bool{true, false} {
		err := fmt.Errorf("asking: %w", hidden{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no answer", IsTimeout: want}}})
		var network net.Error
		if found := errors.As(err, &network); found != want || found && !network.Timeout() {
			t.Errorf("%v: got %v, want %v", err, found, want)
		}
		if errors.As(err, new(*net.OpError)) {
			t.Errorf("%v is seen to be of a connection", err)
		}
	}
}

// TestSentinelsRest: Sentinels that know no primary are not asked by each question.
func TestSentinelsRest(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	l := serveRedis(t, "tcp", "127.0.0.1:0", func(words []string) string {
		if words[0] == "sentinel" {
			asked.Add(1)
			return "-ERR No such master with that name\r\n"
		}
		return repeatArguments(words)
	})
	var passed atomic.Int64
	start := time.Now()
	c := open(t, "redis://mymaster?sentinels="+l.Addr().String(), Options{
		Conns: 1, Now: func() time.Time { return start.Add(time.Duration(passed.Load())) },
	})
	for want := range int32(3) {
		for range 50 {
			if _, _, err := c.Get(t.Context(), "key"); !errors.Is(err, ErrNoService) {
				t.Fatal(err)
			}
		}
		if n := asked.Load(); n != want+1 {
			t.Errorf("Sentinels were asked %d times, want %d", n, want+1)
		}
		passed.Add(int64(sentinelRest))
	}
	past, giveUp := context.WithCancel(t.Context())
	giveUp()
	passed.Add(int64(sentinelRest))
	_, _, _ = c.Get(past, "key")
	if _, _, err := c.Get(t.Context(), "key"); !errors.Is(err, ErrNoService) {
		t.Errorf("after a question that had no time: %v", err)
	}
}
