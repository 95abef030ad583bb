//go:build live

package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// setCache has the Djangos and the sidecar keep sessions in a cache. The backend and its options are Django's.
func setCache(t *testing.T, engine, url, backend, location string, options map[string]any) {
	t.Helper()
	t.Setenv("SITE_SESSION_ENGINE", engine)
	t.Setenv("DJANGO_SESSION_ENGINE", "django.contrib.sessions.backends."+engine)
	t.Setenv("DJANGO_CACHE_URL", url)
	text, err := json.Marshal(map[string]any{"BACKEND": backend, "LOCATION": location, "OPTIONS": options})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SITE_CACHE", string(text))
}

// TestWritingFailsOver: sessions are written where Sentinels say that the primary is. While there is none, nobody is told
// that anything was written; when there is another one, all is as before.
func TestWritingFailsOver(t *testing.T) {
	redis := redisWithSentinels(t)
	t.Setenv("SITE_SETTINGS", `{"DJANGO_REDIS_CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory"}`)
	t.Setenv("SIDECAR_STORE_TIMEOUT", "1s")
	var sentinels [][]any
	for _, addr := range redis.addresses()[1:] { // redis-py would wait for a silent one
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		sentinels = append(sentinels, []any{host, port})
	}
	setCache(t, "cache", "redis://mymaster/0?client_class=django_redis.client.SentinelClient&sentinels="+strings.Join(redis.addresses(), ","),
		"django_redis.cache.RedisCache", "redis://mymaster/0", map[string]any{
			"CLIENT_CLASS": "django_redis.client.SentinelClient", "SENTINELS": sentinels,
			"CONNECTION_POOL_CLASS": "redis.sentinel.SentinelConnectionPool",
		})
	w := newWriters(t, "5.2", serverDatabase{})
	w.testWriting(t)
	kept, ended := w.begin(t), w.begin(t)
	if status, _ := w.post(t, "/logout", ended); status != http.StatusNoContent {
		t.Errorf("logging out: %d", status)
	}
	redisSays(t, redis.primary, "WAIT 1 10000", ":1")
	var statuses [3]map[int]int
	var asking sync.WaitGroup
	var over atomic.Bool
	for i, ask := range []func() int{
		func() int { status, _ := w.post(t, "/touch", kept); return status },
		func() int { status, _ := w.post(t, "/logout", ended); return status },
		func() int { status, _ := w.login(t, ""); return status },
	} {
		statuses[i] = map[int]int{}
		asking.Go(func() {
			for !over.Load() {
				statuses[i][ask()]++
			}
		})
	}
	redis.crash()
	redis.failOver(t)
	waitFor(t, 30*time.Second, "a Django that has found the new primary", func() bool { return w.django(t, 0, "look", kept, "").Whole })
	for _, post := range []func() bool{
		func() bool { status, _ := w.post(t, "/touch", kept); return status == http.StatusOK },
		func() bool { status, _ := w.login(t, ""); return status == http.StatusOK },
	} {
		waitFor(t, 30*time.Second, "writing again", post)
	}
	over.Store(true)
	asking.Wait()
	t.Logf("touches, logouts and logins meanwhile: %v", statuses)
	for i, done := range []int{http.StatusOK, http.StatusNoContent, http.StatusOK} {
		delete(statuses[i], done)
		if n := statuses[i][http.StatusServiceUnavailable]; n == 0 || len(statuses[i]) != 1 {
			t.Errorf("%d: besides what was done, the answers were %v; want 503 alone", i, statuses[i])
		}
	}
	if w.django(t, 0, "look", ended, "").Whole {
		t.Error("the session that was ended is back")
	}
	w.testWriting(t)
}

// TestWritingInCluster: sessions are written to the node of a cluster that has their slot, and where that is given to
// another node meanwhile, there. Each node has a Django, which sees the sessions of that node alone.
func TestWritingInCluster(t *testing.T) {
	nodes := redisCluster(t)
	t.Setenv("DJANGO_SESSION_ENGINE", "django.contrib.sessions.backends.cache")
	t.Setenv("DJANGO_CACHE_URL", strings.TrimRight(clusterURL(nodes), "&"))
	w := newWriters(t, "6.1", serverDatabase{})
	w.djangos = nil
	for _, n := range nodes {
		setCache(t, "cache", os.Getenv("DJANGO_CACHE_URL"), "django.core.cache.backends.redis.RedisCache", "redis://"+n.Addr, map[string]any{})
		w.addDjango()
	}
	of := make([][]string, len(nodes)) // the keys of each node
	for len(of[0]) < 2 || len(of[1]) < 2 || len(of[2]) < 2 {
		key := w.loggedIn(t)
		at := w.nodeOf(t, key)
		if at < 0 {
			t.Fatal("no node has the session")
		}
		of[at] = append(of[at], key)
		w.django(t, at, "change", key, "Django")
		if status, _ := w.post(t, "/touch", key); status != http.StatusOK {
			t.Errorf("touching: %d", status)
		}
		if s, err := w.update(t, key, "library"); err != nil || s.Change != "Django" {
			t.Errorf("updating: %+v, %v", s, err)
		}
		if s := w.django(t, at, "look", key, ""); s.Change != "library" {
			t.Errorf("after an update: %+v", s)
		}
	}
	for at, keys := range of {
		to := (at + 1) % len(nodes)
		moved, ended := keys[0], keys[1]
		var asking sync.WaitGroup
		var over atomic.Bool
		statuses := map[int]int{}
		asking.Go(func() {
			for !over.Load() {
				status, _ := w.post(t, "/touch", moved)
				statuses[status]++
			}
		})
		moveSlot(t, nodes, at, to, moved)
		over.Store(true)
		asking.Wait()
		t.Logf("touches while a slot moved: %v", statuses)
		delete(statuses, http.StatusOK)
		delete(statuses, http.StatusServiceUnavailable) // between the two nodes
		if len(statuses) > 0 {
			t.Errorf("touches while a slot moved: %v", statuses)
		}
		moveSlot(t, nodes, at, to, ended)
		if status, _ := w.post(t, "/logout", ended); status != http.StatusNoContent || w.nodeOf(t, ended) >= 0 {
			t.Errorf("logging out after the slot was moved: %d", status)
		}
		if s, err := w.update(t, moved, "moved"); err != nil || s.Change != "library" {
			t.Errorf("updating after the slot was moved: %+v, %v", s, err)
		}
		if s := w.django(t, to, "look", moved, ""); s.Change != "moved" {
			t.Errorf("the node that has the slot now: %+v", s)
		}
		if status, _ := w.post(t, "/logout", moved); status != http.StatusNoContent || w.nodeOf(t, moved) >= 0 {
			t.Errorf("logging out: %d", status)
		}
	}
}

// nodeOf is the node whose Django sees a session; -1 where none does.
func (w *writers) nodeOf(t *testing.T, key string) int {
	t.Helper()
	for i := range w.djangos {
		if w.django(t, i, "look", key, "").User {
			return i
		}
	}
	return -1
}

// moveSlot gives the slot of a session to another node, as redis-cli does: first the keys, and then the slot.
func moveSlot(t *testing.T, nodes []*djangotest.RedisServer, from, to int, session string) {
	t.Helper()
	key := ":1:django.contrib.sessions.cache" + session
	slot := strings.TrimPrefix(nodes[from].Line("CLUSTER KEYSLOT "+key, 1), ":")
	var ids []string
	for _, n := range []*djangotest.RedisServer{nodes[from], nodes[to]} {
		ids = append(ids, n.Line("CLUSTER MYID", 2))
	}
	host, port, err := net.SplitHostPort(nodes[to].Addr)
	if err != nil {
		t.Fatal(err)
	}
	nodes[to].Do("CLUSTER SETSLOT " + slot + " IMPORTING " + ids[0])
	nodes[from].Do("CLUSTER SETSLOT "+slot+" MIGRATING "+ids[1], "MIGRATE "+host+" "+port+" "+key+" 0 5000")
	for _, n := range []int{to, from} {
		nodes[n].Do("CLUSTER SETSLOT " + slot + " NODE " + ids[1])
	}
}
