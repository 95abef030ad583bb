//go:build live

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// memcachedSessions has the rig's sidecar read sessions from these addresses of servers.
func (r *rig) memcachedSessions(t *testing.T, addresses []string, servers ...*djangotest.MemcachedServer) {
	t.Helper()
	r.run(t, map[string]string{
		"DJANGO_SESSION_ENGINE": "django.contrib.sessions.backends.cache",
		"DJANGO_CACHE_URL":      "memcached://" + strings.Join(addresses, ",") + "?backend=PyLibMCCache",
	})
	r.setMemcached(t, servers...)
}

// setMemcached puts the live sessions into each of the servers.
func (r *rig) setMemcached(t *testing.T, servers ...*djangotest.MemcachedServer) {
	t.Helper()
	hash := deploymentForTest(t).Verifier().AuthHash(rigPassword)
	for i, key := range r.live {
		// A dictionary of texts, in the oldest of Python's protocols.
		session := fmt.Sprintf("(dV_auth_user_id\nV%d\nsV_auth_user_backend\nVdjango.contrib.auth.backends.ModelBackend\nsV_auth_user_hash\nV%s\ns.", i+1, hash)
		for _, m := range servers {
			m.Set(t, ":1:django.contrib.sessions.cache"+key, 1, session)
		}
	}
}

// mostAsked puts the live sessions into each server, and returns the one of which most of them are asked. A silent server
// that has a few alone could have each of their questions be one that is put to see whether it is back.
func (r *rig) mostAsked(t *testing.T, servers []*djangotest.MemcachedServer) int {
	t.Helper()
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	most, before, found := 0, 0, make([]int, len(servers))
	for i, m := range servers {
		r.setMemcached(t, m)
		all := 0
		for _, key := range r.live {
			if r.status(t, client, key) == http.StatusOK {
				all++
			}
		}
		found[i], before = all-before, all
		if found[i] > found[most] {
			most = i
		}
	}
	if before != len(r.live) {
		t.Fatalf("the servers have %v of %d sessions", found, len(r.live))
	}
	return most
}

// TestMemcachedServer: of three memcached servers, one does not answer. The sessions of the others are told as ever, and
// who asks for its own is told at once that they cannot be looked at.
func TestMemcachedServer(t *testing.T) {
	r := newCluster(t, time.Second)
	var proxies []*djangotest.FaultProxy
	var addresses []string
	var servers []*djangotest.MemcachedServer
	for range 3 {
		m := djangotest.Memcached(t)
		proxy := djangotest.NewFaultProxy(t, m.Addr)
		servers, proxies, addresses = append(servers, m), append(proxies, proxy), append(addresses, proxy.Addr())
	}
	r.memcachedSessions(t, addresses)
	silent := proxies[r.mostAsked(t, servers)]
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	l.endure(t, fault{"a server is silent", func(*testing.T, *rig) func() {
		silent.SetMode(djangotest.BlackHole())
		return func() { silent.SetMode(djangotest.Pass()) }
	}, true, true}, 3500*time.Millisecond)
}

// TestQuietSite: where few people ask, each question to a silent store is one that looks whether it is back. Nobody waits for
// the whole of its time, and everybody is answered as soon as it is back.
func TestQuietSite(t *testing.T) {
	const timeout = 5 * time.Second
	const engine = "django.contrib.sessions.backends.cache"
	maria := newMariaDBRig(t, timeout, djangotest.MariaDB(t))
	maria.run(t, nil)
	r := newCluster(t, timeout)
	r.run(t, nil)
	redis, memcached, nodes := djangotest.Redis(t, djangotest.RedisConfig{}), djangotest.Memcached(t), redisCluster(t)
	redis.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
	r.setMemcached(t, memcached)
	node := nodes[r.clusterSessions(t, nodes)]
	redisProxy, memcachedProxy := djangotest.NewFaultProxy(t, redis.Addr), djangotest.NewFaultProxy(t, memcached.Addr)

	black := func(proxy *djangotest.FaultProxy) (silence, back func()) {
		return func() { proxy.SetMode(djangotest.BlackHole()) }, func() { proxy.SetMode(djangotest.Pass()) }
	}
	t.Setenv("DATABASE_URL", r.db.URL()) // users are told as ever
	t.Setenv("DJANGO_SESSION_ENGINE", engine)
	type site struct {
		*rig
		keys          []string
		silence, back func()
	}
	sites := map[string]*site{"PostgreSQL": {rig: r, keys: r.live}, "MariaDB": {rig: maria, keys: maria.live}}
	sites["PostgreSQL"].silence, sites["PostgreSQL"].back = black(r.proxy)
	sites["MariaDB"].silence, sites["MariaDB"].back = black(maria.proxy)
	for name, env := range map[string]map[string]string{
		"Redis":         {"DJANGO_CACHE_URL": "redis://" + redisProxy.Addr() + "?serializer=json"},
		"Redis, kept":   {"DJANGO_CACHE_URL": "redis://" + redisProxy.Addr() + "?serializer=json", "SIDECAR_CACHE_TTL": "1s"},
		"memcached":     {"DJANGO_CACHE_URL": "memcached://" + memcachedProxy.Addr()},
		"cluster":       {"DJANGO_CACHE_URL": clusterURL(nodes) + "serializer=json"},
		"cluster, kept": {"DJANGO_CACHE_URL": clusterURL(nodes) + "serializer=json", "SIDECAR_CACHE_TTL": "1s"},
	} {
		s := &site{rig: r.another(t, env), keys: r.live}
		s.silence, s.back = black(redisProxy)
		switch name {
		case "memcached":
			s.silence, s.back = black(memcachedProxy)
		case "cluster", "cluster, kept":
			s.silence, s.back = node.Pause, node.Resume
			s.keys = slices.DeleteFunc(slices.Clone(r.live), func(key string) bool { return !node.Answers("GET :1:django.contrib.sessions.cache"+key, "$") })
		}
		sites[name] = s
	}

	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	for name, s := range sites {
		if status := s.status(t, client, s.keys[0]); status != http.StatusOK {
			t.Fatalf("%s: status %d before it was silent", name, status)
		}
	}
	var asking sync.WaitGroup
	for name, s := range sites {
		s.silence()
		asking.Go(func() {
			var first sync.WaitGroup
			for i := range 5 {
				first.Go(func() { s.status(t, client, s.keys[1+i]) }) // the answer to the first may be kept
			}
			first.Wait()
			for range 4 {
				during(300 * time.Millisecond)
				began := time.Now()
				if status := s.status(t, client, s.keys[0]); status != http.StatusServiceUnavailable {
					t.Errorf("%s: status %d while it is silent", name, status)
				}
				if took := time.Since(began); took > timeout/2 {
					t.Errorf("%s: it took %v to say so", name, took)
				}
			}
		})
	}
	asking.Wait()
	for name, s := range sites {
		s.back()
		waitFor(t, time.Minute, name+" again", func() bool { return s.status(t, client, s.keys[0]) == http.StatusOK })
	}
}
