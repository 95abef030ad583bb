//go:build live

package djangocache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// server is what goes wrong.
type server interface {
	Start()
	Stop()
	Kill()
	Pause()
	Resume()
}

// within asks with the deadline of a request, and fails the test if the answer is late by some seconds.
func (d *deployment) within(t *testing.T, limit time.Duration, key string) string {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	got := d.outcome(ctx, key)
	if took := time.Since(start); took > limit+5*time.Second {
		t.Errorf("a load took %v, with a deadline of %v", took, limit)
	}
	return got
}

// putAgain is put for a Django whose connections have broken: pymemcache fails on them, and then waits for a second.
func (d *deployment) putAgain(t *testing.T, key, user string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		put := d.django.try(t, map[string]any{"op": "put", "key": key, "entries": map[string]any{"_auth_user_id": user}})
		if put.Error == "" && d.django.do(t, map[string]any{"op": "load", "key": key}).User != nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("Django does not get on: %s", put.Error)
		}
	}
}

// eventually polls for an outcome, and fails the test if there is ever another than a failure before.
func (d *deployment) eventually(t *testing.T, what, want string) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := d.within(t, 2*timeout, sessionKey)
		if got == want {
			return
		}
		if !strings.HasPrefix(got, "failure: ") {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: still %q", what, got)
		}
	}
}

func faultSites(t *testing.T) map[string]struct {
	server
	site
} {
	t.Helper()
	redis, memcached := djangotest.Redis(t, djangotest.RedisConfig{}), djangotest.Memcached(t)
	return map[string]struct {
		server
		site
	}{
		"Redis": {redis, site{
			caches: map[string]any{"BACKEND": djangoRedis, "LOCATION": "redis://" + redis.Addr}, url: "redis://" + redis.Addr,
		}},
		"Memcached": {memcached, site{
			caches: map[string]any{"BACKEND": pyMemcache, "LOCATION": memcached.Addr}, url: "memcached://" + memcached.Addr,
		}},
	}
}

// TestCacheThatIsDownIsAFailure: the engine cache knows nothing while its server is away, and works again by itself.
func TestCacheThatIsDownIsAFailure(t *testing.T) {
	for name, s := range faultSites(t) {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, s.site)
			const key = sessionKey
			wantFailure := func(when string) {
				t.Helper()
				for range 5 {
					if got := d.within(t, 2*time.Second, key); !strings.HasPrefix(got, "failure: ") {
						t.Errorf("%s: got %q", when, got)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if err := d.cache.Probe(ctx); err == nil {
					t.Errorf("%s: Probe is content", when)
				}
			}
			d.django.put(t, key, map[string]any{"_auth_user_id": "1"})
			d.expect(t, "before", key, "1")

			s.Pause()
			wantFailure("paused")
			s.Resume()
			d.eventually(t, "resumed", "1")

			s.Stop()
			wantFailure("stopped")
			s.Start()
			d.eventually(t, "started again, and empty", "not found")
			d.putAgain(t, key, "2")
			d.expect(t, "filled again", key, "2")

			s.Kill()
			wantFailure("killed")
			s.Start()
			d.putAgain(t, key, "3")
			d.eventually(t, "started again", "3")
			if err := d.cache.Probe(t.Context()); err != nil {
				t.Errorf("Probe, at the end: %v", err)
			}
		})
	}
}

// TestCachedDBNeedsNoCache: cached_db goes on without its cache, in time.
func TestCachedDBNeedsNoCache(t *testing.T) {
	for name, s := range faultSites(t) {
		t.Run(name, func(t *testing.T) {
			s.engine = "cached_db"
			d := deploy(t, s.site)
			const key = sessionKey
			d.django.put(t, key, map[string]any{"_auth_user_id": "row"})
			d.django.setValue(t, key, "{'_auth_user_id': 'cache'}")
			d.expect(t, "both", key, "cache")
			for _, fault := range []struct {
				name      string
				begin     func()
				end       func()
				wantAfter string
			}{
				{"paused", s.Pause, s.Resume, "cache"},
				{"stopped", s.Stop, s.Start, "row"},
			} {
				fault.begin()
				for range 3 {
					if got := d.within(t, 2*timeout, key); got != "row" {
						t.Errorf("%s: got %q", fault.name, got)
					}
				}
				if got := d.within(t, 2*timeout, "another0123456789"); got != "not found" {
					t.Errorf("%s, another key: got %q", fault.name, got)
				}
				fault.end()
				d.expect(t, "after "+fault.name, key, fault.wantAfter)
			}
		})
	}
}

// TestSeveralMemcachedServers: keys that Django's clients spread over three servers are found, and no server is asked
// for what another has.
func TestSeveralMemcachedServers(t *testing.T) {
	servers := make([]*djangotest.MemcachedServer, 3)
	addrs := make([]string, 3)
	for i := range servers {
		servers[i] = djangotest.Memcached(t)
		addrs[i] = servers[i].Addr
	}
	for _, client := range []struct{ version, backend, prefix string }{
		{"6.1", pyMemcache, "a"}, {"5.2", pyLibMC, "b"}, {"3.2", pyLibMC, "c"}, {"3.2", oldMemcached, "d"}, {"3.2", pyMemcache, "é"},
	} {
		t.Run(client.version+" "+client.backend, func(t *testing.T) {
			d := deploy(t, site{
				version: client.version,
				caches:  map[string]any{"BACKEND": client.backend, "LOCATION": addrs, "KEY_PREFIX": client.prefix},
				url:     "memcached://" + strings.Join(addrs, ";") + "?backend=" + client.backend + "&key_prefix=" + client.prefix,
			})
			var keys []string
			for i := range 60 {
				keys = append(keys, fmt.Sprintf("%032x", i*7919))
			}
			d.django.do(t, map[string]any{"op": "set_many", "keys": keys})
			for _, key := range keys {
				d.expect(t, "a key among many", key, key)
			}
			d.expect(t, "an unknown key", "ffffffffffffffffffffffffffffffff", "not found")
			// A server that is down takes its own keys with it, and no others.
			servers[1].Pause()
			defer servers[1].Resume()
			failures := 0
			for _, key := range keys[:12] {
				got := d.within(t, 200*time.Millisecond, key)
				if strings.HasPrefix(got, "failure: ") {
					failures++
				} else if got != key {
					t.Errorf("with a server down: got %q", got)
				}
			}
			if failures == 0 || failures == 12 {
				t.Errorf("one of three servers is down, and %d of 12 keys with it", failures)
			}
		})
	}
}
