//go:build live

package e2e

import (
	"fmt"
	"net/http"
	"strings"
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
