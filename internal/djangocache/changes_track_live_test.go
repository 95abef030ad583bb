//go:build live

package djangocache_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/djangotest"
	changes "django-sidecar/internal/invalidate/redis"
)

// told is what Track tells.
type told struct {
	said chan string
	done chan struct{}

	mu    sync.Mutex
	fresh bool
}

func (r *told) say(text string) {
	select {
	case r.said <- text:
	case <-r.done:
	}
}

func (r *told) setFresh(fresh bool, why error) {
	r.mu.Lock()
	r.fresh = fresh
	r.mu.Unlock()
	if fresh {
		r.say("fresh")
	} else {
		r.say("not fresh: " + why.Error())
	}
}

const trackTimeout = 90 * time.Second // a Sentinel that stood still for two seconds does nothing for the next 30

func (r *told) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-r.said:
		return text
	case <-time.After(trackTimeout):
		t.Fatal("nothing is told")
		return ""
	}
}

// until waits for something that begins with the text, and returns what was told before.
func (r *told) until(t *testing.T, prefix string) (before []string) {
	t.Helper()
	deadline := time.After(trackTimeout)
	for {
		select {
		case text := <-r.said:
			if strings.HasPrefix(text, prefix) {
				return before
			}
			before = append(before, text)
		case <-deadline:
			t.Fatalf("not %q, but %q", prefix, before)
		}
	}
}

// startTrack runs Track until the test ends.
func startTrack(t *testing.T, c *djangocache.Backend, tracking changes.Tracking) *told {
	t.Helper()
	r := &told{said: make(chan string, 1000), done: make(chan struct{})}
	tracking.Fresh = r.setFresh
	tracking.Everything = func() { r.say("everything") }
	if tracking.Confirm == nil {
		tracking.Confirm = func(time.Time) {}
	}
	if tracking.Heard == nil {
		tracking.Heard = func(key string) { r.say("heard " + key) }
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := changes.Track(ctx, c, tracking); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		close(r.done)
		running.Wait()
		if r.fresh {
			t.Error("the cache is fresh when nobody listens any more")
		}
	})
	return r
}

// follow is startTrack for sessions that a test writes, when it has become fresh.
func follow(t *testing.T, url string) *told {
	t.Helper()
	r := startTrack(t, openCache(t, url, djangocache.Options{Timeout: timeout, Conns: 2}), changes.Tracking{Prefix: sessionPrefix})
	r.until(t, "fresh")
	return r
}

const sessionPrefix = ":1:django.contrib.sessions.cache"

func set(key string) string { return "SET " + sessionPrefix + key + " '{}'" }

// TestTrackDjango: what Django does to a session is told.
func TestTrackDjango(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	location := "redis://" + redis.Addr + "/"
	for name, s := range map[string]site{
		"RedisCache": {caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": location + "1"}, url: location + "1"},
		"RedisCache with a prefix and a version": {
			url: location + "2?key_prefix=Ωsite&version=7", engine: "cached_db",
			caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": location + "2", "KEY_PREFIX": "Ωsite", "VERSION": 7},
		},
		"django-redis of 3.2 on a socket": {
			version: "3.2", engine: "cached_db", url: "unix://" + redis.Socket + "?db=3&backend=django_redis.cache.RedisCache",
			caches: map[string]any{"BACKEND": otherRedis, "LOCATION": "unix://" + redis.Socket + "?db=3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, s)
			r := startTrack(t, d.cache, changes.Tracking{Prefix: d.store.Prefix()})
			r.until(t, "fresh")
			const key = sessionKey
			put := func() {
				d.django.put(t, key, map[string]any{"_auth_user_id": "1"})
				r.until(t, "heard "+key)
				d.expect(t, "put", key, "1")
			}
			do := func(request map[string]any) {
				t.Helper()
				request["key"] = key
				d.django.do(t, request)
				r.until(t, "heard "+key)
			}
			for _, method := range []string{"save", "flush", "cycle_key", "delete"} {
				put()
				do(map[string]any{"op": "method", "method": method})
				want := "not found"
				if method == "save" {
					want = "1"
				}
				d.expect(t, method, key, want)
			}
			put()
			do(map[string]any{"op": "set_value", "python": "{'_auth_user_id': '2'}"})
			d.expect(t, "set", key, "2")
			do(map[string]any{"op": "forget"})
		})
	}
}

// TestTrackRedis: whatever happens to a key in Redis is told.
func TestTrackRedis(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"maxmemory-policy allkeys-random"}})
	r := follow(t, "redis://"+redis.Addr)
	heard := func(key string) []string { return []string{"heard " + key} }
	for _, tt := range []struct {
		command string
		want    []string
	}{
		{set("one"), heard("one")},
		{"EXPIRE " + sessionPrefix + "one 100", heard("one")},
		{"PERSIST " + sessionPrefix + "one", heard("one")},
		{"GET " + sessionPrefix + "one", nil},
		{"SET :1:other 1", nil},
		{"RENAME " + sessionPrefix + "one " + sessionPrefix + "two", []string{"heard one", "heard two"}},
		{"RENAME " + sessionPrefix + "two away", heard("two")},
		{"COPY away " + sessionPrefix + "one", heard("one")},
		{"UNLINK " + sessionPrefix + "one", heard("one")},
		{"DEL " + sessionPrefix + "one", nil},
		{`EVAL "redis.call('SET', KEYS[1], 1)" 1 ` + sessionPrefix + "one", heard("one")},
		{"MOVE " + sessionPrefix + "one 5", heard("one")},
		{"SELECT 7\r\n" + set("elsewhere"), heard("elsewhere")},
		{"PSETEX " + sessionPrefix + "short 5000 x", heard("short")}, // and its end, below
		{"FLUSHDB", []string{"everything"}},
		{"FLUSHALL ASYNC", []string{"everything"}},
		{set("big"), heard("big")},
		{"CONFIG SET maxmemory 1", heard("big")}, // which is evicted, below
	} {
		redis.Do(tt.command)
		if strings.HasPrefix(tt.command, "CONFIG SET maxmemory 1") {
			if redis.Answers("SET x 1", "+OK") {
				t.Error("there is room where there is none")
			}
			redis.Do("CONFIG SET maxmemory 0")
		}
		redis.Do(set("mark"))
		got := r.until(t, "heard mark")
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.command, got, tt.want)
		}
		if strings.HasPrefix(tt.command, "PSETEX") {
			r.until(t, "heard short") // by itself
		}
	}
}

// TestTrackConnections: a connection that ends ends freshness, and the next one makes it new.
func TestTrackConnections(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	r := follow(t, "redis://"+redis.Addr)
	again := func(what string) {
		t.Helper()
		r.until(t, "not fresh: listening to Redis at "+redis.Addr+": ")
		r.until(t, "everything")
		if got := r.next(t); got != "fresh" {
			t.Errorf("%s: %q", what, got)
		}
		redis.Do(set("one"))
		r.until(t, "heard one")
	}
	redis.Do("CLIENT KILL TYPE normal SKIPME yes")
	again("CLIENT KILL")
	redis.Do("SWAPDB 0 1")
	again("SWAPDB")
	redis.Do("CONFIG RESETSTAT")
	again("statistics that begin anew, which could hide a SWAPDB")
	redis.Stop()
	redis.Start()
	again("a restart")
	redis.Kill()
	redis.Start()
	again("a crash")
	redis.Pause()
	r.until(t, "not fresh: ")
	redis.Resume()
	r.until(t, "fresh")
}

// TestTrackPartition: what breaks without a sound is noticed.
func TestTrackPartition(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	proxy := djangotest.NewFaultProxy(t, redis.Addr)
	r := follow(t, "redis://"+proxy.Addr())
	for _, mode := range []djangotest.Mode{djangotest.BlackHole(), djangotest.Reset(), djangotest.Refuse(), djangotest.CutAfter(7)} {
		proxy.SetMode(mode)
		redis.Do(set("lost"))
		r.until(t, "not fresh: ")
		redis.Do(set("lost"))
		proxy.SetMode(djangotest.Pass())
		before := r.until(t, "fresh")
		if len(before) == 0 || before[len(before)-1] != "everything" {
			t.Errorf("%v: fresh after %q", mode, before)
		}
		redis.Do(set("one"))
		r.until(t, "heard one")
	}
}

func TestTrackUsersAndTLS(t *testing.T) {
	secret := djangotest.Redis(t, djangotest.RedisConfig{TLS: true, Settings: []string{
		"user default off nopass ~* +@all",
		"user reader on >p@ss:w/rd ~" + sessionPrefix + "* -@all +get +client|tracking +client|trackinginfo",
		"user getter on >p@ss:w/rd ~" + sessionPrefix + "* -@all +get",
		"user writer on nopass ~* +@all",
	}})
	const password = "p%40ss%3Aw%2Frd"
	secure := "?ssl_ca_certs=" + secret.CertFile
	for name, tt := range map[string]struct{ url, want string }{
		"all rights":           {"rediss://reader:" + password + "@" + secret.Addr + "/3" + secure, "fresh"},
		"over the socket":      {"unix://reader:" + password + "@" + secret.Socket, "fresh"},
		"GET alone":            {"rediss://getter:" + password + "@" + secret.Addr + secure, "not fresh: asking Redis at " + secret.Addr + " to tell of changes: CLIENT TRACKING is answered by NOPERM: the user needs"},
		"a wrong password":     {"rediss://reader:wr0ng@" + secret.Addr + secure, "not fresh: asking Redis at " + secret.Addr + " to tell of changes: AUTH is answered by WRONGPASS: "},
		"no password":          {"rediss://" + secret.Addr + secure, "not fresh: asking Redis at " + secret.Addr + " to tell of changes: HELLO is answered by NOAUTH: "},
		"an unknown authority": {"rediss://reader:" + password + "@" + secret.Addr, "not fresh: connecting to Redis at " + secret.Addr + ": tls: "},
		"no TLS":               {"redis://reader:" + password + "@" + secret.Addr, "not fresh: asking Redis at "},
	} {
		t.Run(name, func(t *testing.T) {
			r := startTrack(t, openCache(t, tt.url, djangocache.Options{Timeout: timeout, Conns: 2}), changes.Tracking{Prefix: sessionPrefix})
			got := r.next(t)
			if got == "everything" {
				got = r.next(t)
			}
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, word := range []string{"p@ss", password, "wr0ng"} {
				if strings.Contains(got, word) {
					t.Errorf("%q has a secret in it", got)
				}
			}
			if tt.want == "fresh" {
				secret.Do("AUTH writer x\r\n" + set("one"))
				r.until(t, "heard one")
			}
		})
	}
}

// TestTrackReplicas: it is the replica that tells, when it has a change.
func TestTrackReplicas(t *testing.T) {
	primary := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"repl-diskless-sync-delay 0"}})
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	replica := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"replicaof " + host + " " + port}})
	primary.Do(setSession)
	url := "redis://" + primary.Addr + ",redis://" + replica.Addr
	d := jsonStore(t, url)
	pollFound(t, d)
	r := follow(t, url)
	for range 100 {
		primary.Do("DEL " + sessionPrefix + sessionKey)
		r.until(t, "heard "+sessionKey)
		d.expect(t, "when its end is told", sessionKey, "not found")
		primary.Do(setSession)
		r.until(t, "heard "+sessionKey)
		d.expect(t, "when it is told", sessionKey, "1")
	}
	// A replica that has to begin anew tells of everything.
	primary.Kill()
	primary.Start()
	r.until(t, "everything")
	primary.Do(set("other"))
	r.until(t, "heard other")
	primary.Stop()
	replica.Stop()
	r.until(t, "not fresh: listening to Redis at "+replica.Addr)
}

// TestTrackFailover: behind Sentinels, Track goes to the server that they have made the primary.
func TestTrackFailover(t *testing.T) {
	one := djangotest.Redis(t, djangotest.RedisConfig{})
	host, port, err := net.SplitHostPort(one.Addr)
	if err != nil {
		t.Fatal(err)
	}
	two := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"replicaof " + host + " " + port}})
	sentinel := djangotest.Redis(t, djangotest.RedisConfig{Sentinel: true, Settings: []string{
		"sentinel monitor mymaster " + host + " " + port + " 1", "sentinel down-after-milliseconds mymaster 3000",
	}})
	one.Do(setSession)
	url := "redis://mymaster/0?sentinels=" + sentinel.Addr
	pollFound(t, jsonStore(t, url))
	r := follow(t, url)
	one.Do(set("one"))
	r.until(t, "heard one")
	one.Kill()
	r.until(t, "not fresh: listening to Redis at mymaster:6379: ")
	r.until(t, "fresh")
	deadline := time.After(trackTimeout)
	for !two.Answers(set("two"), "+OK") {
		select {
		case <-deadline:
			t.Fatal("the replica is no primary")
		case <-time.After(20 * time.Millisecond):
		}
	}
	r.until(t, "heard two")
}
