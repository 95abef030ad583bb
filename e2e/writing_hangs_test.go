//go:build live

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestManyWritesOfAHangingStore: while what is written to hangs, many touches, logouts and logins at a time are told so, and do not
// each wait for the whole time. Verdicts that are kept are given meanwhile, and others where the tables can be read; afterwards all
// is written again.
func TestManyWritesOfAHangingStore(t *testing.T) {
	keeping := map[string]string{"SIDECAR_CACHE_TTL": "10m", "DJANGO_SESSION_SAVE_EVERY_REQUEST": "false"}
	inDatabase := func(t *testing.T, r *rig) { newWritingRig(t, r, keeping) }
	reading := func(t *testing.T, r *rig) {
		newWritingRig(t, r, map[string]string{"DJANGO_SESSION_SAVE_EVERY_REQUEST": "false"})
	}
	silent := djangotest.Redis(t, djangotest.RedisConfig{})
	proxy := djangotest.NewFaultProxy(t, silent.Addr)
	inRedis := func(t *testing.T, r *rig) {
		env := map[string]string{
			"DJANGO_SESSION_ENGINE": "django.contrib.sessions.backends.cache", "DJANGO_CACHE_URL": "redis://" + proxy.Addr() + "?serializer=json",
		}
		for name, value := range keeping {
			env[name] = value
		}
		newWritingRig(t, r, env)
		silent.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
	}
	for _, tt := range []struct {
		name  string
		begin func(*testing.T, *rig)
		fault func(*testing.T, *rig) func()
	}{
		{"tables that are locked against writing", reading, hold("LOCK TABLE django_session, auth_user IN SHARE MODE")},
		{"locked tables", inDatabase, hold("LOCK TABLE django_session, auth_user")},
		{"a silent database", inDatabase, proxied(djangotest.BlackHole())},
		{"a silent Redis", inRedis, func(*testing.T, *rig) func() {
			proxy.SetMode(djangotest.BlackHole())
			return func() { proxy.SetMode(djangotest.Pass()) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newCluster(t, 2*time.Second)
			tt.begin(t, r)
			r.wantManyWrites(t, tt.fault)
		})
	}
}

// wantManyWrites: eight clients of each kind ask without pause. If all waited for the timeout, each would get three or four
// answers while the store hangs.
func (r *rig) wantManyWrites(t *testing.T, begin func(*testing.T, *rig) func()) {
	t.Helper()
	touched, ended, asked := r.live[:4], r.live[4:8], r.live[8:]
	client, closeIdle := newClient(r.timeout + time.Minute)
	defer closeIdle()
	for _, key := range r.live { // so that it is kept
		if status := r.status(t, client, key); status != http.StatusOK {
			t.Fatalf("/authenticate: %d", status)
		}
	}
	end := begin(t, r)
	ctx, stop := context.WithTimeout(t.Context(), r.timeout*7/2)
	defer stop()
	var asking sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]map[int]int{}
	for path, post := range map[string]func(i int) (int, string){
		"/touch":  func(i int) (int, string) { return r.post(t, "/touch", touched[i%len(touched)], "") },
		"/logout": func(i int) (int, string) { return r.post(t, "/logout", ended[i%len(ended)], "") },
		"/login":  func(int) (int, string) { return r.post(t, "/login", "", sesame) },
	} {
		counts[path] = map[int]int{}
		for i := range 8 {
			asking.Go(func() {
				for tick := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; <-tick.C {
					status, answer := post(i)
					mu.Lock()
					counts[path][status]++
					mu.Unlock()
					if !strings.Contains(answer, `"result":false`) {
						t.Errorf("%s: %d %s", path, status, answer)
					}
				}
			})
		}
	}
	for i := 0; ctx.Err() == nil; i++ {
		n := i % len(asked)
		if status, answer, err := r.ask(t.Context(), client, asked[n]); status != http.StatusOK || !strings.Contains(answer, fmt.Sprintf(`"id":"%d"`, 9+n)) {
			t.Errorf("a verdict meanwhile: %d %s %v", status, answer, err)
		}
	}
	asking.Wait()
	t.Logf("meanwhile: %v", counts)
	for path, statuses := range counts {
		if n := statuses[http.StatusServiceUnavailable]; n < 48 || len(statuses) != 1 {
			t.Errorf("%s: the answers are %v, want 503 alone, and many", path, statuses)
		}
	}
	end()
	for _, post := range []func() bool{
		func() bool { status, _ := r.post(t, "/touch", asked[0], ""); return status == http.StatusOK },
		func() bool { status, _ := r.post(t, "/login", "", sesame); return status == http.StatusOK },
		func() bool { status, _ := r.post(t, "/logout", ended[0], ""); return status == http.StatusNoContent },
	} {
		waitFor(t, 30*time.Second, "writing again", post)
	}
	if status := r.status(t, client, ended[0]); status != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", status)
	}
}

// TestLogoutOfADeadCache: where the cache cannot be told, nobody is told that the session has ended, and it is there when the
// cache is; then it can be ended.
func TestLogoutOfADeadCache(t *testing.T) {
	for _, engine := range []string{"cache", "cached_db"} {
		t.Run(engine, func(t *testing.T) {
			t.Setenv("SIDECAR_STORE_TIMEOUT", "1s")
			redis := djangotest.Redis(t, djangotest.RedisConfig{})
			proxy := djangotest.NewFaultProxy(t, redis.Addr)
			setCache(t, engine, "redis://"+proxy.Addr(), "django.core.cache.backends.redis.RedisCache", "redis://"+redis.Addr, map[string]any{})
			w := newWriters(t, "6.1", serverDatabase{})
			faults, heal := networkFaults(proxy)
			delete(faults, "too slow") // what comes late may be done all the same
			for name, fault := range faults {
				key := w.begin(t)
				fault()
				if status, lines := w.post(t, "/logout", key); status != http.StatusServiceUnavailable || len(lines) != 0 {
					t.Errorf("%s: the logout is answered %d %q", name, status, lines)
				}
				heal()
				if !w.django(t, 0, "look", key, "").Whole {
					t.Errorf("%s: Django finds no session after a logout that has failed", name)
				}
				waitFor(t, 30*time.Second, "logging out", func() bool {
					status, _ := w.post(t, "/logout", key)
					return status == http.StatusNoContent
				})
				if w.django(t, 0, "look", key, "").User {
					t.Errorf("%s: Django finds the session after a logout", name)
				}
			}
		})
	}
}
