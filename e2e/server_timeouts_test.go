//go:build live

package e2e

import (
	"net/http"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestTimeoutsOfServers: a server that ends questions and connections for its own timeouts, set very low, costs answers
// at most, under load, and as long as the setting lasts.
func TestTimeoutsOfServers(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		newRig(t, time.Second, nil).endureAll(t, []fault{
			{"statement_timeout", setting("statement_timeout", "1ms"), false, false},
			{"statement_timeout, and tables locked", both(lockTables, setting("statement_timeout", "50ms")), true, false},
			{"lock_timeout, and tables locked", both(lockTables, setting("lock_timeout", "1ms")), true, false},
			{"idle_session_timeout", setting("idle_session_timeout", "1ms"), false, false},
		})
	})
	t.Run("Redis", func(t *testing.T) {
		redis := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"timeout 1"}})
		r := newCluster(t, time.Second)
		r.cacheSessions(t, "cache", "redis://"+redis.Addr+"?")
		redis.Do(r.setSessions(t, "django.contrib.sessions.cache")...)
		client, closeIdle := newClient(time.Minute)
		defer closeIdle()
		for range 2 {
			if status := r.status(t, client, r.live[0]); status != http.StatusOK {
				t.Errorf("a question after a pause: %d", status)
			}
			waitFor(t, 30*time.Second, "without connections", func() bool {
				return redis.Line("INFO clients", 3) == "connected_clients:1" // this one
			})
		}
	})
}

// both begins two things, and ends them in the other order.
func both(first, second func(*testing.T, *rig) func()) func(*testing.T, *rig) func() {
	return func(t *testing.T, r *rig) func() {
		endFirst := first(t, r)
		endSecond := second(t, r)
		return func() {
			endSecond()
			endFirst()
		}
	}
}
