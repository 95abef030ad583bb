//go:build live

package e2e

import (
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestFailover: the primary of two PostgreSQLs is lost under load, and its standby is promoted. Nobody is logged out
// meanwhile, and all is well as soon as somebody takes writes.
func TestFailover(t *testing.T) {
	r := newCluster(t, time.Second)
	standby := r.server.Standby(t)
	r.run(t, map[string]string{
		"DATABASE_URL": r.db.URLAt(r.server.Addr()+","+standby.Addr()) + "&target_session_attrs=read-write",
	})
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	l.endure(t, fault{"failed over", func(t *testing.T, r *rig) func() {
		r.server.Stop(t, djangotest.Crash)
		return func() {
			standby.Promote(t)
			r.server, r.db = standby, standby.Holds(r.db)
		}
	}, true, false}, 2*time.Second)
}

// replayed waits until a standby has all that the rig's database has.
func (r *rig) replayed(t *testing.T, standby *djangotest.TestDatabase) {
	t.Helper()
	waitFor(t, 30*time.Second, "everything on the standby", func() bool {
		return standby.ExecAsSuperuser(t, "SELECT pg_last_wal_replay_lsn() >= '"+r.db.ExecAsSuperuser(t, "SELECT pg_current_wal_lsn()")+"'") == "t"
	})
}

// TestStandby: a sidecar that reads from a standby goes on while the primary is away, and one that prefers a standby
// goes to the primary while the standby is away.
func TestStandby(t *testing.T) {
	r := newCluster(t, 5*time.Second) // a standby that is late would be one that is away
	standby := r.server.Standby(t)
	r.run(t, map[string]string{
		"DATABASE_URL": r.db.URLAt(r.server.Addr()+","+standby.Addr()) + "&target_session_attrs=prefer-standby",
	})
	held := standby.Holds(r.db)
	r.replayed(t, held)
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	const ours = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'django-sidecar'"
	waitFor(t, 30*time.Second, "at the standby alone", func() bool {
		return held.ExecAsSuperuser(t, ours) == "t" && r.db.ExecAsSuperuser(t, ours) == "f"
	})
	l.endure(t, fault{"standby stopped", func(t *testing.T, _ *rig) func() {
		standby.Stop(t, djangotest.Fast)
		return nil
	}, false, false}, time.Second)
	if r.db.ExecAsSuperuser(t, ours) != "t" {
		t.Error("the sidecar is not at the primary")
	}
}

// TestBouncerRestarts: pgbouncer ends at once and comes back, under load.
func TestBouncerRestarts(t *testing.T) {
	r := newCluster(t, time.Second)
	bouncer := djangotest.PgBouncer(t, r.server.PostgresServer, "transaction")
	r.run(t, map[string]string{"DATABASE_URL": bouncer.URL(r.db)})
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	for range 3 {
		l.endure(t, fault{"restarted", func(t *testing.T, _ *rig) func() {
			bouncer.Restart(t)
			return nil
		}, false, false}, time.Second)
	}
}
