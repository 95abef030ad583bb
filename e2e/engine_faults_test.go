//go:build live

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// A brokenStore is a deployment whose sessions are behind something that can be broken.
type brokenStore struct {
	name   string
	table  bool // the sessions are in the database too, which stays whole
	deploy func(t *testing.T) (django *djangotest.Django, faults map[string]func(), heal func())
}

// TestStoresThatFail: whatever holds the sessions, its failure is a 503 that comes in time, and it is over with it.
func TestStoresThatFail(t *testing.T) {
	stores := []brokenStore{
		{name: "Redis", deploy: brokenCache("cache", "redis")},
		{name: "memcached", deploy: brokenCache("cache", "memcached")},
		{name: "Redis before a table", table: true, deploy: brokenCache("cached_db", "redis")},
		{name: "memcached before a table", table: true, deploy: brokenCache("cached_db", "memcached")},
		{name: "MariaDB", deploy: brokenMariaDB},
		{name: "files", deploy: brokenFolder},
	}
	for _, s := range stores {
		t.Run(s.name, func(t *testing.T) {
			t.Setenv("SIDECAR_STORE_TIMEOUT", "1s")
			django, faults, heal := s.deploy(t)
			users := django.Users(20, 3)
			cookie := []byte("sessionid=" + django.Login(users[0].ID))
			sidecar := startSidecar(t)
			if user, status := sidecar.ask(t, cookie); user == nil {
				t.Fatalf("status %d before any fault", status)
			}
			for name, fault := range faults {
				t.Run(name, func(t *testing.T) {
					fault()
					s.whileBroken(t, sidecar, cookie)
					heal()
					waitFor(t, 5*time.Second, "a user again", func() bool {
						user, _ := sidecar.ask(t, cookie)
						return user != nil
					})
				})
			}
		})
	}
}

// whileBroken asks a few times: never a 401, and never late.
func (s brokenStore) whileBroken(t *testing.T, sidecar *runningSidecar, cookie []byte) {
	t.Helper()
	want := http.StatusServiceUnavailable
	if s.table {
		want = http.StatusOK
	}
	for range 3 {
		start := time.Now()
		if _, status := sidecar.ask(t, cookie); status != want {
			t.Errorf("status %d, want %d", status, want)
		}
		if took := time.Since(start); took > 6*time.Second { // a second's timeout, on a busy machine
			t.Errorf("it took %v", took)
		}
	}
}

// networkFaults are what a network does to connections through the proxy, and its end.
func networkFaults(proxy *djangotest.FaultProxy) (faults map[string]func(), heal func()) {
	set := func(mode djangotest.Mode) func() { return func() { proxy.SetMode(mode) } }
	return map[string]func(){
		"refused": set(djangotest.Refuse()), "reset": set(djangotest.Reset()), "black hole": set(djangotest.BlackHole()),
		"too slow": set(djangotest.Slow(3 * time.Second)),
	}, set(djangotest.Pass())
}

func brokenCache(engine, kind string) func(t *testing.T) (*djangotest.Django, map[string]func(), func()) {
	return func(t *testing.T) (*djangotest.Django, map[string]func(), func()) {
		var addr, backend, location, scheme string
		if kind == "redis" {
			addr = djangotest.Redis(t, djangotest.RedisConfig{}).Addr
			backend, location, scheme = "redis.RedisCache", "redis://"+addr, "redis://"
		} else {
			addr = djangotest.Memcached(t).Addr
			backend, location, scheme = "memcached.PyMemcacheCache", addr, "memcached://"
		}
		proxy := djangotest.NewFaultProxy(t, addr)
		t.Setenv("DJANGO_CACHE_URL", scheme+proxy.Addr())
		p := profile{django: "6.1", sqlite: true, engine: engine, settings: map[string]any{}}
		settings := map[string]any{"SECRET_KEY": oracleSecret, "CACHES": map[string]any{
			"default": map[string]any{"BACKEND": "django.core.cache.backends." + backend, "LOCATION": location},
		}}
		faults, heal := networkFaults(proxy)
		return p.start(t, settings, p.setDatabase(t)), faults, heal
	}
}

func brokenMariaDB(t *testing.T) (*djangotest.Django, map[string]func(), func()) {
	server := djangotest.PrivateMariaDB(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	t.Setenv("DATABASE_URL", db.URLAt(proxy.Addr()))
	p := profile{django: "6.1"}
	faults, healNetwork := networkFaults(proxy)
	down := false
	faults["paused"] = func() { server.Pause(t) }
	faults["stopped"] = func() { server.Stop(t); down = true }
	heal := func() {
		healNetwork()
		if down {
			server.Start(t)
		} else {
			server.Resume()
		}
		down = false
	}
	return p.start(t, map[string]any{"SECRET_KEY": oracleSecret}, db.Django()), faults, heal
}

func brokenFolder(t *testing.T) (*djangotest.Django, map[string]func(), func()) {
	p := profile{django: "6.1", sqlite: true, engine: "file"}
	settings := map[string]any{"SECRET_KEY": oracleSecret}
	database := p.setDatabase(t)
	django := p.start(t, settings, database)
	dir := os.Getenv("DJANGO_SESSION_FILE_PATH")
	away := filepath.Join(t.TempDir(), "away")
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(from, to); err != nil {
				t.Error(err)
			}
		}
	}
	return django, map[string]func(){"unmounted": move(dir, away)}, move(away, dir)
}

// start starts the profile's Django with these settings and this database.
func (p profile) start(t *testing.T, settings, database map[string]any) *djangotest.Django {
	t.Helper()
	t.Setenv("DJANGO_SECRET_KEY", oracleSecret)
	t.Setenv("DJANGO_VERSION", p.django)
	p.setEngine(t, settings)
	return djangotest.StartDjango(t, djangotest.Project{Version: p.django, Settings: settings, Database: database})
}
