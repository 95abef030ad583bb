//go:build live

package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// position asks a server how much it has replayed, over a connection of its own.
func position(t *testing.T, url string) (at logPosition, err error) {
	t.Helper()
	d, err := Open(url, Options{Timeout: 30 * time.Second, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing was written
	conn, err := d.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	err = conn.Raw(func(raw any) error {
		queryer, ok := raw.(driver.QueryerContext)
		if !ok {
			t.Fatalf("a connection is %T", raw)
		}
		at, err = replayed(t.Context(), queryer)
		return err
	})
	return at, err
}

// TestMarks: what a replica has replayed is compared with how far its primary had come.
func TestMarks(t *testing.T) {
	server := djangotest.PrivatePostgres(t)
	db := server.Database(t)
	standby := server.Standby(t)
	held := standby.Holds(db)
	primary, err := Open(db.URL(), Options{Timeout: 30 * time.Second, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer primary.Close() //nolint:errcheck // nothing was written
	now := time.Now()
	p := NewPrimary(primary, time.Minute, func() time.Time { return now })
	mark := func(t *testing.T) {
		t.Helper()
		now = now.Add(time.Minute)
		if err := p.mark(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(t *testing.T) (time.Time, error) {
		t.Helper()
		at, err := position(t, held.URL())
		if err != nil {
			t.Fatal(err)
		}
		return p.shows(at)
	}
	// At the end of a file of the log, the place of the next record is behind the header of the next file.
	for range 3 {
		db.Exec(t, "CREATE TABLE t (v text); DROP TABLE t")
		follow(t, db, held, "SELECT pg_switch_wal()")
		mark(t)
		at, err := position(t, held.URL())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.marks[len(p.marks)-1].byte; got > at.byte && got%(16<<20) <= pageHeader {
			t.Errorf("the log is %d long and %d are replayed; nothing was written", got, at.byte)
		}
	}

	db.Exec(t, "CREATE TABLE t (v text)")
	follow(t, db, held, written)
	mark(t)
	first := now
	if got, err := shows(t); err != nil || !got.Equal(first) {
		t.Errorf("got %v %v, want %v", got, err, first)
	}
	held.ExecAsSuperuser(t, "SELECT pg_wal_replay_pause()")
	db.Exec(t, "INSERT INTO t VALUES ('x')")
	mark(t)
	if got, err := shows(t); err != nil || !got.Equal(first) {
		t.Errorf("paused: got %v %v, want %v", got, err, first)
	}
	for range marksInBound + 1 {
		mark(t)
	}
	if got, err := shows(t); !errors.Is(err, ErrBehind) {
		t.Errorf("long paused: got %v %v", got, err)
	}
	held.ExecAsSuperuser(t, "SELECT pg_wal_replay_resume()")
	follow(t, db, held, written)
	if got, err := shows(t); err != nil || !got.Equal(now) {
		t.Errorf("resumed: got %v %v, want %v", got, err, now)
	}

	other, err := position(t, held.URL())
	if err != nil {
		t.Fatal(err)
	}
	other.system++
	if _, err := p.shows(other); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("another cluster: %v", err)
	}
	if _, err := position(t, db.URL()); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "follows no primary") {
		t.Errorf("the primary itself: %v", err)
	}
	standbyAsPrimary, err := Open(held.URL(), Options{Timeout: 30 * time.Second, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer standbyAsPrimary.Close() //nolint:errcheck // nothing was written
	if err := NewPrimary(standbyAsPrimary, time.Minute, time.Now).mark(context.Background()); !errors.Is(err, ErrBehind) {
		t.Errorf("a standby in the primary's place: %v", err)
	}
}

// readsFrom wants a replica of a primary to be read, or not to be, for somewhat longer than the bound.
func readsFrom(t *testing.T, primary, replica *djangotest.TestDatabase, want error) {
	t.Helper()
	open := func(d *djangotest.TestDatabase, p *Primary) *Database {
		db, err := Open(d.URL(), Options{Timeout: 30 * time.Second, Conns: 1, Primary: p})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	const bound = 500 * time.Millisecond
	p := open(primary, nil)
	defer p.Close() //nolint:errcheck // nothing was written
	r := open(replica, NewPrimary(p, bound, time.Now))
	defer r.Close() //nolint:errcheck // nothing was written
	for began := time.Now(); time.Since(began) < 3*bound; <-time.After(bound / 10) {
		var n int
		err := r.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_class").Scan(&n)
		switch {
		case want == nil && err == nil:
			return
		case want != nil && !errors.Is(err, want):
			t.Fatalf("got %d, %v", n, err)
		}
	}
	if want == nil {
		t.Fatal("it is never read")
	}
}

// follow waits until a standby has all that the primary's log has up to a place, which a query gives.
func follow(t *testing.T, primary, standby *djangotest.TestDatabase, place string) {
	t.Helper()
	at := primary.ExecAsSuperuser(t, place)
	for end := time.Now().Add(30 * time.Second); standby.ExecAsSuperuser(t, "SELECT pg_last_wal_replay_lsn() >= '"+at+"'") != "t"; {
		if time.Now().After(end) {
			t.Fatal("the standby does not catch up")
		}
	}
}

// written is how far a primary's log has come.
const written = "SELECT pg_current_wal_lsn()"

const manyBytes = "CREATE TABLE much AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)"

// TestOtherHistories: servers that have the primary's names for their log, and not its log.
func TestOtherHistories(t *testing.T) {
	a := djangotest.PrivatePostgres(t)
	db, other := a.Database(t), a.Database(t)
	next, replica := a.Standby(t), a.Standby(t)
	held := replica.Holds(db)
	follow(t, db, held, written)
	t.Run("another database", func(t *testing.T) { readsFrom(t, db, replica.Holds(other), ErrBehind) })
	t.Run("its own", func(t *testing.T) { readsFrom(t, db, held, nil) })

	// The replica follows a server that is promoted, while the primary goes on.
	place := func(d *djangotest.TestDatabase) string { return d.ExecAsSuperuser(t, "SHOW unix_socket_directories") }
	port := func(d *djangotest.TestDatabase) string { return d.ExecAsSuperuser(t, "SHOW port") }
	heldNext := next.Holds(db)
	conninfo := strings.NewReplacer(place(db), place(heldNext), port(db), port(heldNext)).Replace(held.ExecAsSuperuser(t, "SHOW primary_conninfo"))
	replica.Follow(t, conninfo)
	next.Promote(t)
	heldNext.Exec(t, manyBytes)
	follow(t, heldNext, held, written)
	if got := held.ExecAsSuperuser(t, "SELECT timeline_id FROM pg_control_checkpoint()"); got != "1" {
		t.Errorf("the replica says that it is on timeline %s: nothing is tried here", got)
	}
	t.Run("of a promoted server", func(t *testing.T) { readsFrom(t, db, held, ErrBehind) })
	t.Run("a promoted server", func(t *testing.T) { readsFrom(t, db, heldNext, ErrBehind) })
}

// TestPrimarySetBack: a primary that is set back from a copy of its folder has the log's old names.
func TestPrimarySetBack(t *testing.T) {
	a := djangotest.PrivatePostgres(t)
	db := a.Database(t)
	held := a.Standby(t).Holds(db)
	dir := db.ExecAsSuperuser(t, "SHOW data_directory")
	a.Stop(t, djangotest.Fast)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", dir, dir+".copy").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	a.Start(t)
	db.Exec(t, manyBytes)
	follow(t, db, held, written)
	readsFrom(t, db, held, nil)
	a.Stop(t, djangotest.Fast)
	if err := errors.Join(os.RemoveAll(dir), os.Rename(dir+".copy", dir)); err != nil {
		t.Fatal(err)
	}
	a.Start(t)
	readsFrom(t, db, held, ErrBehind)
}
