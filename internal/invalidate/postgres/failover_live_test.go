//go:build live

package postgres

import (
	"net/url"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestListenThroughAFailover: nothing is listened to on a standby, and after its promotion everything is, with all forgotten that was kept.
func TestListenThroughAFailover(t *testing.T) {
	primary := djangotest.PrivatePostgres(t)
	db := primary.Database(t)
	makeTables(t, db)
	install(t, db)
	standby := primary.Standby(t)

	at := url.URL{Scheme: "postgres", Host: primary.Addr() + "," + standby.Addr()}
	one, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	at.User, at.Path = one.User, one.Path
	at.RawQuery = "sslmode=disable&target_session_attrs=read-write"
	both := startListen(t, listening(t, at.String()))
	both.until(t, "fresh")
	alone := startListen(t, listening(t, standby.Holds(db).URL()))
	if why := alone.until(t, "because "); !strings.Contains(why, "the server is a standby") {
		t.Errorf("on a standby: %q", why)
	}

	primary.Stop(t, djangotest.Crash)
	both.until(t, "not fresh")
	standby.Promote(t)
	for _, r := range []*recorder{both, alone} {
		r.until(t, "all")
		if next := r.next(t); next != "fresh" {
			t.Errorf("%q after the promotion, and not fresh", next)
		}
	}
	standby.Holds(db).Exec(t, "DELETE FROM auth_user WHERE id = 7")
	both.until(t, "user 7")
	alone.until(t, "user 7")
}

// TestListenThroughARestore: a database that is dropped and made again from a dump, under its name, is another one, whatever it holds.
func TestListenThroughARestore(t *testing.T) {
	db := djangotest.PrivatePostgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	r := startListen(t, listening(t, db.URL()))
	r.until(t, "fresh")
	db.Renew(t)
	r.until(t, "not fresh")
	r.until(t, "all")
	r.until(t, "fresh")
	db.Exec(t, "DELETE FROM auth_user WHERE id = 7")
	r.until(t, "user 7")
}

// TestListenWantsTriggersToBeCalled: where sessions begin as those of a replica, no trigger is called, although all are there.
func TestListenWantsTriggersToBeCalled(t *testing.T) {
	db := djangotest.PrivatePostgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	r := startListen(t, listening(t, db.URL()))
	r.until(t, "fresh")
	db.ExecAsSuperuser(t, "CREATE ROLE copier")
	for _, of := range []string{"ROLE copier", "ROLE copier IN DATABASE " + db.Name(), "DATABASE " + db.Name(), "SYSTEM"} {
		db.ExecAsSuperuser(t, "ALTER "+of+" SET session_replication_role = replica")
		db.ExecAsSuperuser(t, "SELECT pg_reload_conf()")
		r.until(t, "because looking at the triggers: session_replication_role is replica")
		db.ExecAsSuperuser(t, "ALTER "+of+" RESET session_replication_role")
		db.ExecAsSuperuser(t, "SELECT pg_reload_conf()")
		r.until(t, "fresh")
	}
}

// TestTwoListen: each change is told to both, and the looks of one do not concern the other.
func TestTwoListen(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	one, other := startListen(t, listening(t, db.URL())), startListen(t, listening(t, db.URL()))
	one.until(t, "fresh")
	other.until(t, "fresh")
	for range 2 {
		db.Exec(t, "UPDATE auth_user SET password = password || 'x' WHERE id = 7")
		for _, each := range []*recorder{one, other} {
			if told := each.next(t); told != "user 7" {
				t.Errorf("told %q", told)
			}
		}
		db.Exec(t, "ALTER TABLE auth_user DISABLE TRIGGER USER; ALTER TABLE auth_user ENABLE TRIGGER USER")
		for _, each := range []*recorder{one, other} {
			each.until(t, "not fresh")
			each.until(t, "fresh")
		}
	}
}

// TestQueueOfNotifications: somebody who listens and sits in a transaction has the server keep all notifications. Those who read theirs are told all the same.
func TestQueueOfNotifications(t *testing.T) {
	db := djangotest.PrivatePostgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	idle := hear(t, db)
	if _, err := idle.conn.Ask(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	r := startListen(t, listening(t, db.URL()))
	r.until(t, "fresh")
	db.Exec(t, "SELECT pg_notify('unheard', i || repeat('x', 7000)) FROM generate_series(1, 4000) AS i")
	if used := db.Exec(t, "SELECT pg_notification_queue_usage() > 0"); used != "t" {
		t.Error("the queue is empty")
	}
	db.Exec(t, "DELETE FROM auth_user WHERE id = 7")
	r.until(t, "user 7")
	if _, err := idle.conn.Ask(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
}
