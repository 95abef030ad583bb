//go:build live

package djangotest_test

import (
	"context"
	"net"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// answers reports whether a server takes a line and gives any answer in time.
func answers(t *testing.T, addr, line string, limit time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer closeQuietly(conn)
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(line)); err != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 100))
	return n > 0 && err == nil
}

func TestSmallServers(t *testing.T) {
	redis, memcached := djangotest.Redis(t, djangotest.RedisConfig{}), djangotest.Memcached(t)
	for name, s := range map[string]struct {
		*djangotest.SmallServer
		addr, line string
	}{
		"Redis":     {redis.SmallServer, redis.Addr, "PING\r\n"},
		"Memcached": {memcached.SmallServer, memcached.Addr, "version\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			want := func(when string, want bool) {
				t.Helper()
				limit := 300 * time.Millisecond
				if want {
					limit = time.Minute
				}
				if got := answers(t, s.addr, s.line, limit); got != want {
					t.Errorf("%s: answers is %v", when, got)
				}
			}
			want("started", true)
			s.Pause()
			want("paused", false)
			s.Resume()
			want("resumed", true)
			s.Stop()
			want("stopped", false)
			s.Start()
			want("started again", true)
			s.Kill()
			want("killed", false)
			s.Start()
			want("started after that", true)
		})
	}
	redis.Do("SET key value")
	if !redis.Answers("GET key", "$5") || redis.Answers("GET another", "$5") {
		t.Error("Redis does not keep what Do stores")
	}
}
