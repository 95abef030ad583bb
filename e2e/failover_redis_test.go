//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// cacheSessions has the rig's sidecar read sessions from the Redis of a URL, and its users from PostgreSQL.
func (r *rig) cacheSessions(t *testing.T, engine, url string) {
	t.Helper()
	r.run(t, map[string]string{
		"DJANGO_SESSION_ENGINE": "django.contrib.sessions.backends." + engine, "DJANGO_CACHE_URL": url + "serializer=json",
	})
}

// setSessions returns the commands that put the live sessions into a Redis, as django-redis does with its JSONSerializer.
func (r *rig) setSessions(t *testing.T, prefix string) []string {
	t.Helper()
	hash := deploymentForTest(t).Verifier().AuthHash(rigPassword)
	var commands []string
	for i, key := range r.live {
		session, err := json.Marshal(map[string]any{
			"_auth_user_id": fmt.Sprint(i + 1), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
			"_auth_user_hash": hash,
		})
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, fmt.Sprintf("SET :1:%s%s '%s' EX 3600", prefix, key, session))
	}
	return commands
}

// redisSays waits until a Redis answers a command so.
func redisSays(t *testing.T, r *djangotest.RedisServer, command, want string) {
	t.Helper()
	waitFor(t, 30*time.Second, command+": "+want, func() bool { return r.Answers(command, want) })
}

// watched is a primary and its replica, and three Sentinels that watch them.
type watched struct {
	primary, replica *djangotest.RedisServer
	sentinels        []*djangotest.RedisServer
	promoted         string // the replica's port
}

func redisWithSentinels(t *testing.T) *watched {
	t.Helper()
	w := &watched{primary: djangotest.Redis(t, djangotest.RedisConfig{})}
	host, port, err := net.SplitHostPort(w.primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	w.replica = djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"replicaof " + host + " " + port, "repl-diskless-sync-delay 0"}})
	if _, w.promoted, err = net.SplitHostPort(w.replica.Addr); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s := djangotest.Redis(t, djangotest.RedisConfig{Sentinel: true, Settings: []string{
			// A server that a busy machine lets wait is not down; and a vote that nobody has won is held again soon.
			"sentinel monitor mymaster " + host + " " + port + " 2", "sentinel down-after-milliseconds mymaster 2000", "sentinel failover-timeout mymaster 5000",
		}})
		redisSays(t, s, "SENTINEL REPLICAS mymaster", "*1")
		w.sentinels = append(w.sentinels, s)
	}
	for _, s := range w.sentinels {
		redisSays(t, s, "SENTINEL SENTINELS mymaster", "*2")
	}
	return w
}

// addresses are those of the Sentinels.
func (w *watched) addresses() (all []string) {
	for _, s := range w.sentinels {
		all = append(all, s.Addr)
	}
	return all
}

// crash kills the primary, and has the first Sentinel say nothing any more.
func (w *watched) crash() {
	w.sentinels[0].Pause()
	w.primary.Kill()
}

// failOver waits until the other Sentinels have given its place to the replica.
func (w *watched) failOver(t *testing.T) {
	t.Helper()
	for _, s := range w.sentinels[1:] {
		// A Sentinel that stood still for two seconds does nothing for the next 30.
		waitFor(t, 90*time.Second, "the replica in the primary's place", func() bool {
			return s.Line("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", 5) == w.promoted
		})
	}
}

// TestRedisFailsOver: Sentinels give a replica the place of a primary that has crashed, under load. Of the three, the one
// that the sidecar has asked so far is silent.
func TestRedisFailsOver(t *testing.T) {
	w := redisWithSentinels(t)
	r := newCluster(t, time.Second)
	r.cacheSessions(t, "cache", "redis://mymaster/0?client_class=django_redis.client.SentinelClient&sentinels="+strings.Join(w.addresses(), ",")+"&")
	w.primary.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
	redisSays(t, w.replica, "DBSIZE", ":16")
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	l.endure(t, fault{"failed over", func(t *testing.T, _ *rig) func() {
		w.crash()
		return func() { w.failOver(t) }
	}, true, false}, time.Second)
}

// redisCluster is three nodes, each with a third of the slots.
func redisCluster(t *testing.T, settings ...string) (nodes []*djangotest.RedisServer) {
	t.Helper()
	for range 3 {
		nodes = append(nodes, clusterNode(t, settings))
	}
	for i, slots := range []string{"0 5460", "5461 10922", "10923 16383"} {
		nodes[i].Do("CLUSTER ADDSLOTSRANGE "+slots, fmt.Sprint("CLUSTER SET-CONFIG-EPOCH ", i+1))
	}
	for _, n := range nodes[1:] {
		meet(t, nodes[0], n)
	}
	for _, n := range nodes {
		waitFor(t, 30*time.Second, "a cluster of three", func() bool {
			return n.Answers("CLUSTER SLOTS", "*3") && n.Line("CLUSTER INFO", 2) == "cluster_state:ok"
		})
	}
	return nodes
}

func clusterNode(t *testing.T, settings []string) *djangotest.RedisServer {
	t.Helper()
	return djangotest.Redis(t, djangotest.RedisConfig{Cluster: true, Settings: append([]string{"cluster-require-full-coverage no"}, settings...)})
}

// meet has a node of a cluster take in another one.
func meet(t *testing.T, member, other *djangotest.RedisServer) {
	t.Helper()
	host, port, err := net.SplitHostPort(other.Addr)
	if err != nil {
		t.Fatal(err)
	}
	member.Do("CLUSTER MEET " + host + " " + port + " " + other.BusPort)
}

// clusterSessions puts the live sessions into a cluster, and returns which node holds the most of them.
func (r *rig) clusterSessions(t *testing.T, nodes []*djangotest.RedisServer) (most int) {
	t.Helper()
	held, all := make([]int, len(nodes)), 0
	for _, command := range r.setSessions(t, "django.contrib.sessions.cache") {
		for i, n := range nodes {
			if n.Answers(command, "+OK") { // the others say MOVED
				held[i]++
				all++
			}
		}
	}
	if all != len(r.live) {
		t.Fatalf("the nodes hold %v sessions", held)
	}
	return slices.Index(held, slices.Max(held))
}

// clusterURL is the cluster's, for DJANGO_CACHE_URL.
func clusterURL(nodes []*djangotest.RedisServer) string {
	var addresses []string
	for _, n := range nodes {
		addresses = append(addresses, n.Addr)
	}
	return "redis://" + strings.Join(addresses, ",") + "?cluster=true&"
}

// TestRedisClusterNode: of a cluster of three, one node does not answer. Its sessions cannot be looked at meanwhile, and
// who asks for them is told so at once.
func TestRedisClusterNode(t *testing.T) {
	nodes := redisCluster(t)
	r := newCluster(t, time.Second)
	r.cacheSessions(t, "cache", clusterURL(nodes))
	silent := r.clusterSessions(t, nodes)
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	l.endure(t, fault{"a node is paused", func(*testing.T, *rig) func() {
		nodes[silent].Pause()
		return nodes[silent].Resume
	}, true, true}, 2500*time.Millisecond)
}

// copies waits until a node of a cluster is a replica that has what its primary has.
func copies(t *testing.T, n *djangotest.RedisServer) {
	t.Helper()
	waitFor(t, 60*time.Second, "a replica", func() bool { return n.Line("ROLE", 3) == "slave" && n.Line("ROLE", 8) == "connected" })
}

// TestRedisClusterFailsOver: of a cluster of three, one node has a replica, which takes its place when it is silent. Then
// it is the replica itself, and takes its place back when the other one has crashed.
func TestRedisClusterFailsOver(t *testing.T) {
	// A node that a busy machine lets wait is not down; and a replica copies what there is at once.
	settings := []string{"cluster-node-timeout 2000", "repl-diskless-sync-delay 0"}
	nodes := redisCluster(t, settings...)
	r := newCluster(t, time.Second)
	r.cacheSessions(t, "cache", clusterURL(nodes))
	place := r.clusterSessions(t, nodes)
	primary, replica := nodes[place], clusterNode(t, settings)
	get := "GET :1:django.contrib.sessions.cache"
	get += r.live[slices.IndexFunc(r.live, func(key string) bool { return primary.Answers(get+key, "$") })]
	for _, n := range nodes {
		meet(t, n, replica)
	}
	redisSays(t, replica, "CLUSTER SLOTS", "*3")
	name := primary.Line("CLUSTER MYID", 2)
	redisSays(t, replica, "CLUSTER REPLICATE "+name, "+OK")
	copies(t, replica)
	others := slices.Delete(nodes, place, place+1)
	for _, n := range others { // who vote for it
		redisSays(t, n, "CLUSTER REPLICAS "+name, "*1")
	}
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	takesOver := func(promoted *djangotest.RedisServer) func() {
		return func() {
			for _, n := range others { // who say MOVED
				waitFor(t, 90*time.Second, "the replica in the node's place", func() bool { return strings.HasSuffix(n.Line(get, 1), " "+promoted.Addr) })
			}
		}
	}
	l.endure(t, fault{"a node is silent", func(*testing.T, *rig) func() {
		primary.Pause()
		return takesOver(replica)
	}, true, false}, time.Second)
	primary.Resume()
	copies(t, primary)
	l.endure(t, fault{"a node has crashed", func(*testing.T, *rig) func() {
		replica.Kill()
		return takesOver(primary)
	}, true, false}, time.Second)
}

// TestRedisReplicas: of a primary and two replicas, which Django's RedisCache reads from, the primary has crashed and a replica is
// silent. Who asks is answered by the other one, as Django is half of the time; and told at once when that is silent too.
func TestRedisReplicas(t *testing.T) {
	primary := djangotest.Redis(t, djangotest.RedisConfig{})
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	following := djangotest.RedisConfig{Settings: []string{"replicaof " + host + " " + port, "repl-diskless-sync-delay 0"}}
	first, second := djangotest.Redis(t, following), djangotest.Redis(t, following)
	r := newCluster(t, 2*time.Second)
	r.cacheSessions(t, "cache", "redis://"+primary.Addr+","+first.Addr+","+second.Addr+"?")
	primary.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
	redisSays(t, first, "DBSIZE", ":16")
	redisSays(t, second, "DBSIZE", ":16")
	l := r.load(t) // all is well, to whoever asks
	defer l.running.Wait()
	defer l.stop()
	first.Pause()
	primary.Kill()
	silent := func(server *djangotest.RedisServer, want string) {
		t.Helper()
		waitFor(t, 30*time.Second, server.Addr+": silent "+want, func() bool {
			return strings.Contains(metricsOf(t, r.admin), `django_sidecar_store_silent{store="cache server `+server.Addr+`"} `+want+"\n")
		})
	}
	silent(first, "1")
	l.endure(t, fault{"the other one is paused", func(*testing.T, *rig) func() {
		second.Pause()
		return second.Resume
	}, true, true}, 3*time.Second)
	first.Resume()
	silent(first, "0")
}

// TestRedisFlushed: with cached_db a cache that is emptied, over and over, costs nobody the session.
func TestRedisFlushed(t *testing.T) {
	redis := djangotest.Redis(t, djangotest.RedisConfig{})
	r := newCluster(t, time.Second)
	r.cacheSessions(t, "cached_db", "redis://"+redis.Addr+"?")
	sessions := r.setSessions(t, "django.contrib.sessions.cached_db")
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	for flushed, answers := 0, 0; flushed < 10 || answers < 200; flushed++ {
		redis.Do(sessions...)
		redis.Do("FLUSHALL")
		counts, _, _ := l.take()
		if counts[http.StatusServiceUnavailable] > 0 {
			t.Fatalf("answers by status: %v", counts)
		}
		answers += counts[http.StatusOK]
	}
}
