//go:build live

package e2e

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
)

const (
	databaseName = "database.sidecar.test"
	cacheName    = "cache.sidecar.test"
)

// underName is a name with the port of an address.
func underName(t *testing.T, name, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(name, port)
}

// namesFail has a name be unknown, and then the name server silent, while connections are cut.
func (r *rig) namesFail(t *testing.T, names *djangotest.NameServer, name string, cut func(*testing.T)) {
	t.Helper()
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	// What had been looked up before may be being connected.
	again := func(cut func(*testing.T)) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			for range 10 {
				cut(t)
				during(100 * time.Millisecond)
			}
		}
	}
	for _, f := range []fault{
		{name: "the name is gone", begin: func(t *testing.T, _ *rig) func() {
			names.Set(name, "")
			again(cut)(t)
			return func() { names.Set(name, "127.0.0.1") }
		}},
		{name: "the name server is silent", begin: func(t *testing.T, _ *rig) func() {
			names.SetSilent(true)
			again(cut)(t)
			return func() { names.SetSilent(false) }
		}},
	} {
		f.total, f.silent = true, true // who asks is told at once
		t.Run(f.name, func(t *testing.T) { l.endure(t, f, 2*r.timeout+500*time.Millisecond) })
	}
}

// TestNamesFail: names of the database and of caches cannot be looked up for a while, under load.
func TestNamesFail(t *testing.T) {
	names := djangotest.NewNameServer(t)
	names.Set(databaseName, "127.0.0.1")
	names.Set(cacheName, "127.0.0.1")
	t.Run("database", func(t *testing.T) {
		r := newCluster(t, time.Second)
		r.run(t, map[string]string{"DATABASE_URL": r.db.URLAt(underName(t, databaseName, r.proxy.Addr()))})
		r.namesFail(t, names, databaseName, func(t *testing.T) { killBackends(t, r) })
	})
	t.Run("MariaDB", func(t *testing.T) {
		r := newMariaDBRig(t, time.Second, djangotest.MariaDB(t))
		r.run(t, map[string]string{"DATABASE_URL": r.maria.URLAt(underName(t, databaseName, r.proxy.Addr()))})
		r.namesFail(t, names, databaseName, func(t *testing.T) { r.maria.kill(t) })
	})
	t.Run("Redis", func(t *testing.T) {
		redis := djangotest.Redis(t, djangotest.RedisConfig{})
		r := newCluster(t, time.Second)
		r.cacheSessions(t, "cache", "redis://"+underName(t, cacheName, redis.Addr)+"?")
		redis.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
		r.namesFail(t, names, cacheName, func(*testing.T) { redis.Do("CLIENT KILL TYPE normal") })
	})
	t.Run("memcached", func(t *testing.T) {
		memcached := djangotest.Memcached(t)
		proxy := djangotest.NewFaultProxy(t, memcached.Addr)
		r := newCluster(t, time.Second)
		r.memcachedSessions(t, []string{underName(t, cacheName, proxy.Addr())}, memcached)
		r.namesFail(t, names, cacheName, func(*testing.T) {
			proxy.SetMode(djangotest.Reset())
			proxy.SetMode(djangotest.Pass())
		})
	})
}

// another starts a sidecar more on the rig's database, with these settings besides.
func (r *rig) another(t *testing.T, env map[string]string) *rig {
	t.Helper()
	o := &rig{
		server: r.server, db: r.db, proxy: r.proxy, timeout: r.timeout, live: r.live, dead: r.dead,
		log: new(logBuffer), stopped: make(chan struct{}),
	}
	o.admin = "unix:" + filepath.Join(t.TempDir(), "a")
	t.Setenv("SIDECAR_ADMIN_LISTEN", o.admin)
	for name, value := range env {
		t.Setenv(name, value)
	}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	o.serve(t, c)
	return o
}

// TestNamesLeadElsewhere: the names of the database and of caches lead to other servers, while those before go on
// answering as if nothing had happened. Whom the new ones do not know is logged out soon.
func TestNamesLeadElsewhere(t *testing.T) {
	names := djangotest.NewNameServer(t)
	const before, after = "127.0.0.2", "127.0.0.3"
	// moving has a name lead to a port that is the old server's at one address, and the new one's at the other.
	moving := func(name, oldAddr, newAddr string) string {
		spare := djangotest.NewFaultProxy(t, oldAddr)
		spare.Close()
		addr := underName(t, name, spare.Addr())
		djangotest.NewFaultProxyAt(t, underName(t, before, addr), oldAddr)
		djangotest.NewFaultProxyAt(t, underName(t, after, addr), newAddr)
		names.Set(name, before)
		return addr
	}
	maria := newMariaDBRig(t, 3*time.Second, djangotest.MariaDB(t)) // a busy machine is no fault
	promoted := djangotest.PrivateMariaDB(t)
	// It has all tables, as a replica would: a session may be read by an old connection, and its user by a new one.
	promoted.ExecAsSuperuser(t, "CREATE DATABASE "+maria.maria.Name()+"; GRANT ALL ON *.* TO django@'%'; USE "+maria.maria.Name()+"; "+maria.createTables())
	maria.run(t, map[string]string{"DATABASE_URL": maria.maria.URLAt(moving("m"+databaseName, maria.maria.server.Addr(), promoted.Addr()))})
	r := newCluster(t, 3*time.Second)
	standby := r.server.Standby(t)
	r.run(t, map[string]string{"DATABASE_URL": r.db.URLAt(moving(databaseName, r.server.Addr(), standby.Addr()))})
	moved := standby.Holds(r.db)
	r.replayed(t, moved)
	standby.Promote(t) // and nobody has told the primary
	moved.Exec(t, "DELETE FROM django_session WHERE session_key = '"+r.live[0]+"'")

	t.Setenv("DATABASE_URL", r.db.URL())
	redis, memcached := djangotest.Redis(t, djangotest.RedisConfig{}), djangotest.Memcached(t)
	redis.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
	r.setMemcached(t, memcached)
	const engine = "django.contrib.sessions.backends.cache"
	sidecars := map[string]*rig{"database": r, "MariaDB": maria}
	sidecars["Redis"] = r.another(t, map[string]string{
		"DJANGO_SESSION_ENGINE": engine,
		"DJANGO_CACHE_URL":      "redis://" + moving("r"+cacheName, redis.Addr, djangotest.Redis(t, djangotest.RedisConfig{}).Addr) + "?serializer=json",
	})
	sidecars["memcached"] = r.another(t, map[string]string{
		"DJANGO_CACHE_URL": "memcached://" + moving("m"+cacheName, memcached.Addr, djangotest.Memcached(t).Addr),
	})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	for name, s := range sidecars {
		if status := s.status(t, client, s.live[0]); status != http.StatusOK {
			t.Errorf("%s: status %d before the move", name, status)
		}
	}
	for _, name := range []string{databaseName, "m" + databaseName, "r" + cacheName, "m" + cacheName} {
		names.Set(name, after)
	}
	waitFor(t, 2*time.Minute, "asking the new servers, all of them", func() bool {
		there := 0
		for name, s := range sidecars { // each connection is in use meanwhile
			switch status := s.status(t, client, s.live[0]); status {
			case http.StatusUnauthorized:
				there++
			case http.StatusOK:
			default:
				t.Errorf("%s: status %d\n%s", name, status, s.log)
			}
		}
		return there == len(sidecars)
	})
	if status := r.status(t, client, r.live[1]); status != http.StatusOK {
		t.Errorf("status %d for who is logged in at the new server too", status)
	}
}
