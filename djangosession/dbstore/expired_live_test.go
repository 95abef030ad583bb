//go:build live

package dbstore_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

func TestExpiredOnServers(t *testing.T) {
	for name, f := range map[string]*fixture{
		"PostgreSQL": &newPostgres(t, database.Options{Prepare: database.PrepareOff}).fixture,
		"MariaDB":    &newMariaDB(t, database.Options{Prepare: database.PrepareOff}, "uuid").fixture,
	} {
		t.Run(name, func(t *testing.T) {
			testExpired(t, f, f.Database)
			t.Run("users", func(t *testing.T) { testUserWriter(t, f, f.Database) })
			t.Run("lock", func(t *testing.T) { testClearingLock(t, f) })
		})
	}
}

// testClearingLock: there is one lock of a table, which ends with its holder.
func testClearingLock(t *testing.T, f *fixture) {
	lock := func(table string) (*dbstore.ClearingLock, error) {
		return dbstore.LockClearing(t.Context(), f.DB, f.Dialect, table)
	}
	first, err := lock("django_session")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock("django_session"); !errors.Is(err, dbstore.ErrClearing) {
		t.Errorf("a second one: %v", err)
	}
	other, err := lock("other_session")
	if err != nil {
		t.Fatalf("that of another table: %v", err)
	}
	if err := errors.Join(first.Held(t.Context()), other.Release(t.Context()), first.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	third, err := lock("django_session")
	if err != nil {
		t.Fatalf("after its release: %v", err)
	}
	if err := third.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestLockedRowsArePassedOver: a row that somebody has locked holds nothing up on PostgreSQL; and the lock of the table
// keeps no snapshot, which would keep VACUUM from its work.
func TestLockedRowsArePassedOver(t *testing.T) {
	f := newPostgres(t, database.Options{Prepare: database.PrepareOff, Conns: 4})
	f.table(t, "own", sessionColumns)
	for _, key := range []string{"locked", "free"} {
		f.insertSession(t, "own", key, "2020-01-01 00:00:00+00")
	}
	lock, err := dbstore.LockClearing(t.Context(), f.DB, f.Dialect, "own")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release(t.Context()) //nolint:errcheck // the test is over
	other, err := f.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // the test is over
	for _, statement := range []string{"BEGIN", "UPDATE own SET session_data = 'x' WHERE session_key = 'locked'"} {
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, deleted := clear(t, f.expired(f.Database, dbstore.ExpiredConfig{Table: "own"}), 10); deleted != 1 {
		t.Errorf("deleted %d", deleted)
	}
	var state string
	err = f.QueryRowContext(t.Context(), "SELECT string_agg(coalesce(backend_xmin::text, 'none'), ',') FROM pg_stat_activity "+
		"WHERE state = 'idle in transaction' AND datname = current_database() AND query LIKE '%pg_try_advisory_xact_lock%'").Scan(&state)
	if err != nil || state != "none" {
		t.Errorf("the lock's snapshot: %q, %v", state, err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(left(t, &f.fixture), " "); got != "locked" {
		t.Errorf("left %q", got)
	}
}
