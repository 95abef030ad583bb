//go:build live

package djangocache_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/djangotest"
	changes "django-sidecar/internal/invalidate/redis"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

// redisClient is a connection that stays.
type redisClient struct {
	net.Conn

	answers *bufio.Reader
}

func connectRedis(t *testing.T, addr string) redisClient {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return redisClient{conn, bufio.NewReader(conn)}
}

// do sends a command whose answer is one line.
func (c redisClient) do(t *testing.T, command string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	if answer, err := c.answers.ReadString('\n'); err != nil || answer[0] == '-' {
		t.Fatalf("%q %v", answer, err)
	}
}

// storedUsers is a Verifier to which the user is who the session says.
type storedUsers struct{ *cachestore.Store }

func (s storedUsers) Begin(ctx context.Context, key string) (djangosession.Claim, error) {
	session, err := s.Load(ctx, key)
	if err != nil {
		return djangosession.Claim{}, err
	}
	return djangosession.Claim{Session: session, Expires: session.ExpireDate}, nil
}

func (storedUsers) Resolve(_ context.Context, c djangosession.Claim) (djangosession.Verdict, error) {
	id, _ := c.Session.AuthUserID.Text()
	return djangosession.Verdict{User: &djangosession.User{ID: id}, Expires: c.Expires}, nil
}

// TestTrackKeepsVerdictsNew: verdicts that would be kept for an hour are followed by the next ones. Until Redis has told of a
// change, of two questions at once the later one may find the older value and have it kept: that is seen for no longer than it
// takes to be told.
func TestTrackKeepsVerdictsNew(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	c := openCache(t, "redis://"+redis.Addr+"?serializer=json", djangocache.Options{Timeout: timeout, Conns: 4, Expiry: true})
	store, err := cachestore.New(cachestore.Config{Cache: c, Serializer: c.Serializer, Version: parseVersion(t, "6.1")})
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := verdictcache.New(verdictcache.Config{
		Origin: storedUsers{store}, Timeout: timeout, TTL: time.Millisecond, MaxAge: time.Hour, Entries: 100, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := startTrack(t, c, changes.Tracking{
		Prefix: store.Prefix(), Heard: func(key string) { verdicts.ForgetSession(keyhash.Of(key)) },
		Confirm: verdicts.Confirm,
	})
	r.until(t, "fresh")
	verdicts.SetFresh(true)

	seen := func() int {
		v, _, err := verdicts.Verify(t.Context(), keyhash.New(sessionKey), time.Now())
		if err != nil {
			t.Error(err)
			return 0
		}
		n, err := strconv.Atoi(v.User.ID)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	writer := connectRedis(t, redis.Addr)
	write := func(n int) {
		writer.do(t, fmt.Sprintf(`SET %s%s '{"_auth_user_id":"%d"}' EX 3600`, sessionPrefix, sessionKey, n))
	}
	write(1)
	const last = 200
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var back time.Time // when an older one was seen again
			for newest := 0; newest < last && !t.Failed(); {
				switch n := seen(); {
				case n >= newest:
					newest, back = n, time.Time{}
				case back.IsZero():
					back = time.Now()
				case time.Since(back) > trackTimeout:
					t.Errorf("still %d after %d", n, newest)
				}
			}
		})
	}
	for n := 2; n <= last; n++ {
		write(n)
		deadline := time.Now().Add(trackTimeout)
		for seen() != n {
			if t.Failed() || time.Now().After(deadline) {
				t.Fatalf("%d is not seen", n)
			}
		}
	}
	readers.Wait()
	hits := verdicts.Stats().Verdicts.Hits
	if hits == 0 {
		t.Error("nothing was kept")
	}
	verdicts.Wait()
	t.Logf("%d answers were kept ones", hits)
}

// TestTrackLatency measures, and asserts no time: how long after a change it is known here.
func TestTrackLatency(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	heard := make(chan time.Time, 1)
	c := openCache(t, "redis://"+redis.Addr, djangocache.Options{Timeout: timeout, Conns: 1})
	r := startTrack(t, c, changes.Tracking{Prefix: sessionPrefix, Heard: func(string) { heard <- time.Now() }})
	r.until(t, "fresh")
	writer := connectRedis(t, redis.Addr)
	const n = 5000
	var sent, answered []time.Duration
	for i := range n {
		begin := time.Now()
		writer.do(t, set(fmt.Sprintf("%032d", i)))
		answer := time.Now()
		at := <-heard
		sent, answered = append(sent, at.Sub(begin)), append(answered, at.Sub(answer))
	}
	slices.Sort(sent)
	slices.Sort(answered)
	t.Logf("known after the command was sent: p50 %v, p99 %v, most %v", sent[n/2], sent[n*99/100], sent[n-1])
	t.Logf("known after its answer: p50 %v, p99 %v, most %v", answered[n/2], answered[n*99/100], answered[n-1])
}
