package dbstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

func TestExpiredOnSQLite(t *testing.T) {
	f := newSQLite(t)
	var main string
	if err := f.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list").Scan(&main); err != nil {
		t.Fatal(err)
	}
	testExpired(t, f, openReader(t, sqliteURL(main), database.Options{Write: true}))
}

// testExpired is what holds for expired rows on every database; writer may write.
func testExpired(t *testing.T, f *fixture, writer *database.Database) {
	t.Run("boundary", func(t *testing.T) { testExpiredBoundary(t, f, writer) })
	t.Run("local time", func(t *testing.T) { testExpiredLocalTime(t, f, writer) })
	t.Run("renewed", func(t *testing.T) { testExpiredRenewed(t, f, writer) })
	t.Run("walk", func(t *testing.T) { testExpiredWalk(t, f, writer) })
}

func (f *fixture) expired(writer *database.Database, c dbstore.ExpiredConfig) *dbstore.Expired {
	c.Dialect = f.Dialect
	if c.Zone == (dbstore.Zone{}) {
		c.Zone.UseTZ = true
	}
	if c.Before.IsZero() {
		c.Before = now
	}
	return dbstore.NewExpired(writer.DB, c)
}

// clear deletes all that is over, n rows at a time, and returns the keys that it came to.
func clear(t *testing.T, e *dbstore.Expired, n int) (found []string, deleted int64) {
	t.Helper()
	for {
		keys, err := e.Next(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			return found, deleted
		}
		found = append(found, keys...)
		gone, err := e.Delete(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		deleted += gone
	}
}

// left are the keys that are still in the table own.
func left(t *testing.T, f *fixture) (keys []string) {
	t.Helper()
	rows, err := f.QueryContext(t.Context(), "SELECT session_key FROM own ORDER BY session_key")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // all have been read
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// stored is an instant as the database writes it.
func (f *fixture) stored(at time.Time) string {
	text := at.UTC().Format("2006-01-02 15:04:05.999999")
	if f.Dialect == dbstore.Postgres {
		text += "+00"
	}
	return text
}

// testExpiredBoundary: contrib/sessions/backends/db.py, 5.2, clear_expired: expire_date__lt=timezone.now().
func testExpiredBoundary(t *testing.T, f *fixture, writer *database.Database) {
	f.table(t, "own", sessionColumns)
	micro := now.Truncate(time.Microsecond)
	for key, at := range map[string]time.Time{
		"long-ago": micro.AddDate(-50, 0, 0), "just-over": micro.Add(-time.Microsecond), "over-by-seconds": micro.Truncate(time.Second),
		"at-this-moment": micro, "in-a-moment": micro.Add(time.Microsecond), "later": micro.AddDate(1, 0, 0),
	} {
		f.insertSession(t, "own", key, f.stored(at))
	}
	found, deleted := clear(t, f.expired(writer, dbstore.ExpiredConfig{Table: "own"}), 2)
	if want := []string{"long-ago", "over-by-seconds", "just-over"}; !slices.Equal(found, want) || deleted != 3 {
		t.Errorf("found %q and deleted %d, want %q", found, deleted, want)
	}
	if got, want := left(t, f), []string{"at-this-moment", "in-a-moment", "later"}; !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}

// testExpiredLocalTime: with USE_TZ off, SQLite and MySQL hold local times.
func testExpiredLocalTime(t *testing.T, f *fixture, writer *database.Database) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	f.table(t, "own", sessionColumns)
	write := func(key string, at time.Time) {
		text := at.In(zone).Format("2006-01-02 15:04:05.000000")
		if f.Dialect == dbstore.Postgres {
			text = f.stored(at)
		}
		f.insertSession(t, "own", key, text)
	}
	write("alive", now.Add(time.Hour)) // which reads as four hours ago in UTC
	write("over", now.Add(-time.Second))
	clear(t, f.expired(writer, dbstore.ExpiredConfig{Table: "own", Zone: dbstore.Zone{Local: zone}}), 10)
	if got := left(t, f); !slices.Equal(got, []string{"alive"}) {
		t.Errorf("left %q", got)
	}
}

// testExpiredRenewed: a row that is renewed between the look and the deletion stays.
func testExpiredRenewed(t *testing.T, f *fixture, writer *database.Database) {
	f.table(t, "own", sessionColumns)
	for _, key := range []string{"renewed", "gone", "over"} {
		f.insertSession(t, "own", key, "2020-01-01 00:00:00")
	}
	e := f.expired(writer, dbstore.ExpiredConfig{Table: "own"})
	keys, err := e.Next(t.Context(), 10)
	if err != nil || len(keys) != 3 {
		t.Fatalf("found %q, %v", keys, err)
	}
	f.exec(t, "UPDATE own SET expire_date = '2099-01-01 00:00:00' WHERE session_key = 'renewed'")
	f.exec(t, "DELETE FROM own WHERE session_key = 'gone'")
	if deleted, err := e.Delete(t.Context(), keys); err != nil || deleted != 1 {
		t.Errorf("deleted %d, %v", deleted, err)
	}
	if got := left(t, f); !slices.Equal(got, []string{"renewed"}) {
		t.Errorf("left %q", got)
	}
}

// testExpiredWalk: keys of any text, of which many end at the same moment, are each come to once.
func testExpiredWalk(t *testing.T, f *fixture, writer *database.Database) {
	f.table(t, `"own ""sessions"""`, sessionColumns)
	keys := []string{`back\slash`, `double"quote`, "comma,comma", "{brace}", "blank space", "NULL", "%s", "?", "$1", "é", "😀", ""}
	for _, key := range keys {
		f.insertSession(t, `"own ""sessions"""`, key, "2020-01-01 00:00:00")
	}
	f.insertSession(t, `"own ""sessions"""`, "quote''quote", "2020-01-02 00:00:00")
	keys = append(keys, "quote'quote")
	found, deleted := clear(t, f.expired(writer, dbstore.ExpiredConfig{Table: `own "sessions"`}), 4)
	slices.Sort(found)
	slices.Sort(keys)
	if !slices.Equal(found, keys) || int(deleted) != len(keys) {
		t.Errorf("found %q and deleted %d, want %q", found, deleted, keys)
	}
	_, err := f.expired(writer, dbstore.ExpiredConfig{Table: "no_such_table"}).Next(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "no_such_table") {
		t.Errorf("a missing table: %v", err)
	}
}
