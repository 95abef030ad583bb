//go:build live

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/sidecar"
)

// maxLag is how far behind replicas of these tests may be.
const maxLag = time.Second

// replicaRig is a rig whose sidecar asks a replica first.
type replicaRig struct {
	*rig
	d *sidecar.Deployment // which makes sessions
}

// withReplica starts a sidecar that asks the database of held at addr before the one of the settings.
func (r *rig) withReplica(t *testing.T, held *djangotest.TestDatabase, url string, env map[string]string) *replicaRig {
	t.Helper()
	settings := map[string]string{"DATABASE_REPLICA_URL": url, "SIDECAR_REPLICA_MAX_LAG": maxLag.String()}
	for name, value := range env {
		settings[name] = value
	}
	r.run(t, settings)
	r.replayed(t, held)
	return &replicaRig{r, deploymentForTest(t)}
}

// verdicts are how often the replica was asked, by what came of it.
func (r *replicaRig) verdicts(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, found := range regexp.MustCompile(`django_sidecar_replica_verdicts_total{outcome="(\w+)"} (\d+)`).FindAllStringSubmatch(metricsOf(t, r.admin), -1) {
		counts[found[1]], _ = strconv.Atoi(found[2]) // digits
	}
	return counts
}

// askedAlone waits until the replica alone is asked for those who are logged in, perhaps beside a load.
func (r *replicaRig) askedAlone(t *testing.T) {
	t.Helper()
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	waitFor(t, time.Minute, "the replica alone is asked", func() bool {
		before := r.verdicts(t)
		for _, key := range r.live {
			if status := r.status(t, client, key); status != http.StatusOK {
				t.Fatalf("somebody who is logged in got %d", status)
			}
		}
		now := r.verdicts(t)
		return now["yes"] >= before["yes"]+len(r.live) && now["failed"] == before["failed"]
	})
}

// changes makes a logout and a login at the primary, of a session that the replica has. The login counts at once, and the
// logout after the bound at the latest.
func (r *replicaRig) changes(t *testing.T, key string) {
	t.Helper()
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	if status := r.status(t, client, key); status != http.StatusOK {
		t.Fatalf("before the logout: got %d", status)
	}
	r.db.Exec(t, "DELETE FROM django_session WHERE session_key = '"+key+"'")
	loggedOut := time.Now()
	entered := r.insert(t, r.d, 2, rigPassword, time.Hour)
	for time.Since(loggedOut) <= maxLag {
		if status := r.status(t, client, entered); status != http.StatusOK {
			t.Fatalf("a login counts for nothing: got %d", status)
		}
	}
	for range 30 {
		if status := r.status(t, client, key); status != http.StatusUnauthorized {
			t.Fatalf("%v after a logout: got %d", time.Since(loggedOut), status)
		}
		during(20 * time.Millisecond)
	}
}

// TestReplica: reads leave the primary while the replica keeps up, and nobody is let in by one that does not.
func TestReplica(t *testing.T) {
	cluster := newCluster(t, 2*time.Second)
	standby := cluster.server.Standby(t)
	held := standby.Holds(cluster.db)
	r := cluster.withReplica(t, held, cluster.db.URLAt(standby.Addr()), nil)
	r.askedAlone(t)
	scans := func() string {
		return r.db.ExecAsSuperuser(t, "SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables")
	}
	during(2 * time.Second) // a server tells of its scans after a second
	before := scans()
	r.askedAlone(t)
	during(2 * time.Second)
	if after := scans(); after != before {
		t.Errorf("the primary's tables were read %s times, and then %s", before, after)
	}

	conninfo := held.ExecAsSuperuser(t, "SHOW primary_conninfo")
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	for _, tt := range []struct {
		name       string
		begin, end func()
	}{
		{"keeps up", func() {}, func() {}},
		{"paused", func() { held.ExecAsSuperuser(t, "SELECT pg_wal_replay_pause()") }, func() {
			held.ExecAsSuperuser(t, "SELECT pg_wal_replay_resume()")
		}},
		{"cut off", func() {
			standby.Follow(t, "")
		}, func() { standby.Follow(t, conninfo) }},
		{"stopped", func() { standby.Stop(t, djangotest.Crash) }, func() { standby.Start(t) }},
		{"frozen", func() { standby.Pause(t) }, func() { standby.Resume() }},
		{"promoted", func() { standby.Promote(t) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := r.insert(t, r.d, 1, rigPassword, time.Hour)
			r.replayed(t, held)
			tt.begin()
			r.changes(t, key)
			if tt.end != nil {
				tt.end()
				r.askedAlone(t)
			}
		})
	}
}

// TestReplicaOfOldPrimary: after a failover, a replica that follows the old primary may be further than the new one.
func TestReplicaOfOldPrimary(t *testing.T) {
	cluster := newCluster(t, 2*time.Second)
	next, replica := cluster.server.Standby(t), cluster.server.Standby(t)
	held := replica.Holds(cluster.db)
	r := cluster.withReplica(t, held, cluster.db.URLAt(replica.Addr()), map[string]string{
		"DATABASE_URL": cluster.db.URLAt(cluster.server.Addr()+","+next.Addr()) + "&target_session_attrs=read-write",
	})
	r.askedAlone(t)
	key := r.insert(t, r.d, 1, rigPassword, time.Hour)
	nextHeld := next.Holds(r.db)
	r.replayed(t, nextHeld)
	next.Follow(t, "")
	r.db.Exec(t, "CREATE TABLE much AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
	r.replayed(t, held)
	r.server.Stop(t, djangotest.Crash)
	next.Promote(t)
	r.server, r.db = next, nextHeld
	if ahead := held.ExecAsSuperuser(t, "SELECT pg_last_wal_replay_lsn() > '"+r.db.ExecAsSuperuser(t, "SELECT pg_current_wal_insert_lsn()")+"'"); ahead != "t" {
		t.Fatal("the replica is not further than the new primary")
	}
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	waitFor(t, 30*time.Second, "at the new primary", func() bool { return r.status(t, client, key) == http.StatusOK })
	r.changes(t, key)
}

// TestReplicaBehindPooler: behind a pooler nobody knows which server answers, so that nobody asks there.
func TestReplicaBehindPooler(t *testing.T) {
	cluster := newCluster(t, 2*time.Second)
	standby := cluster.server.Standby(t)
	held := standby.Holds(cluster.db)
	r := cluster.withReplica(t, held, djangotest.PgBouncer(t, standby.PostgresServer, "transaction").URL(held), nil)
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	for _, key := range r.live {
		if status := r.status(t, client, key); status != http.StatusOK {
			t.Errorf("got %d", status)
		}
	}
	if got, want := fmt.Sprint(r.verdicts(t)), fmt.Sprintf("map[failed:%d]", len(r.live)); got != want {
		t.Errorf("the replica was asked: %s, want %s", got, want)
	}
}
