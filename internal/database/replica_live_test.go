//go:build live

package database

import (
	"context"
	"database/sql/driver"
	"errors"
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
	caughtUp := func(t *testing.T, how string) {
		t.Helper()
		written := db.ExecAsSuperuser(t, how)
		for end := time.Now().Add(30 * time.Second); held.ExecAsSuperuser(t, "SELECT pg_last_wal_replay_lsn() >= '"+written+"'") != "t"; {
			if time.Now().After(end) {
				t.Fatal("the standby does not catch up")
			}
		}
	}

	// At the end of a file of the log, the place of the next record is behind the header of the next file.
	for range 3 {
		db.Exec(t, "CREATE TABLE t (v text); DROP TABLE t")
		caughtUp(t, "SELECT pg_switch_wal()")
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
	caughtUp(t, "SELECT pg_current_wal_lsn()")
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
	caughtUp(t, "SELECT pg_current_wal_lsn()")
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
