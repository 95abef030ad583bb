package dbstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

// A writer beside the reader, in both of SQLite's journals: neither disturbs the other.
func TestSQLiteWhileDjangoWrites(t *testing.T) {
	for _, journal := range []string{"delete", "truncate", "wal"} {
		t.Run(journal, func(t *testing.T) {
			f := newSQLite(t)
			f.exec(t, "PRAGMA journal_mode = "+journal)
			f.table(t, "django_session", sessionColumns)
			f.insertSession(t, "django_session", "stays here", "2099-01-01 00:00:00")
			s := f.sessions(t, dbstore.SessionsConfig{})
			stop := make(chan struct{})
			var reading sync.WaitGroup
			reads := make([]int, 4)
			for i := range reads {
				reading.Go(func() {
					for {
						if got := outcome(t.Context(), s, "stays here"); got != "stays here" {
							t.Errorf("while writing: got %q", got)
							return
						}
						reads[i]++
						select {
						case <-stop:
							return
						default:
						}
					}
				})
			}
			for i := range 100 {
				key := fmt.Sprintf("number %d", i)
				f.insertSession(t, "django_session", key, "2099-01-01 00:00:00")
				if got := outcome(t.Context(), s, key); got != key {
					t.Errorf("just written: got %q, want %q", got, key)
				}
				f.exec(t, "DELETE FROM django_session WHERE session_key = '"+key+"'")
				if got := outcome(t.Context(), s, key); got != "not found" {
					t.Errorf("just deleted: got %q", got)
				}
			}
			close(stop)
			reading.Wait()
			t.Logf("reads meanwhile: %v", reads)
		})
	}
}

// An open transaction of Django's is not seen, and holds nobody up.
func TestSQLiteDuringATransaction(t *testing.T) {
	for _, journal := range []string{"delete", "wal"} {
		f := newSQLite(t)
		f.exec(t, "PRAGMA journal_mode = "+journal)
		f.table(t, "django_session", sessionColumns)
		s := f.sessions(t, dbstore.SessionsConfig{})
		f.exec(t, "BEGIN IMMEDIATE")
		f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
		if got := outcome(t.Context(), s, "12345678"); got != "not found" {
			t.Errorf("%s: before the commit: got %q", journal, got)
		}
		f.exec(t, "COMMIT")
		if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
			t.Errorf("%s: after the commit: got %q", journal, got)
		}
	}
}

// A database locked as a whole is a failure in time, and never "not found".
func TestSQLiteLocked(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
	s := f.sessions(t, dbstore.SessionsConfig{})
	f.exec(t, "BEGIN EXCLUSIVE")
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got := outcome(ctx, s, "12345678"); !strings.HasPrefix(got, "error: ") {
		t.Errorf("while locked: got %q, want an error", got)
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v, with a deadline of 1s", took)
	}
	f.exec(t, "COMMIT")
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("after the lock: got %q", got)
	}
}

// The last connection that closes a WAL database removes the files beside it; the first reader makes them again.
func TestSQLiteWALWithoutItsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	f := &fixture{types: sqliteTypes}
	t.Run("made by somebody who has left", func(t *testing.T) {
		f.exec = sqliteWriter(t, path)
		f.exec(t, "PRAGMA journal_mode = wal")
		f.table(t, "django_session", sessionColumns)
		f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
	})
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is still there: %v", suffix, err)
		}
	}
	f.Database = openReader(t, sqliteURL(path), database.Options{})
	s := f.sessions(t, dbstore.SessionsConfig{})
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("got %q", got)
	}
	f.exec = sqliteWriter(t, path) // Django comes back
	f.insertSession(t, "django_session", "abcdefgh", "2099-01-01 00:00:00")
	if got := outcome(t.Context(), s, "abcdefgh"); got != "abcdefgh" {
		t.Errorf("written later: got %q", got)
	}
}

func TestSQLiteFileThatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	f := &fixture{types: sqliteTypes, Database: openReader(t, sqliteURL(path), database.Options{})}
	s := f.sessions(t, dbstore.SessionsConfig{})
	if got := outcome(t.Context(), s, "12345678"); !strings.HasPrefix(got, "error: ") {
		t.Errorf("got %q, want an error", got)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file has been made: %v", err)
	}
	f.exec = sqliteWriter(t, path)
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("when it is there: got %q", got)
	}
}

// Whoever restores a backup puts another file into the place of the first. The open connections still have that one;
// they live for five minutes.
func TestSQLiteFileThatIsReplaced(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "the first", "2099-01-01 00:00:00")
	path := strings.TrimPrefix(f.Location, "SQLite database ")
	s := f.sessions(t, dbstore.SessionsConfig{})
	if got := outcome(t.Context(), s, "the first"); got != "the first" {
		t.Fatalf("got %q", got)
	}
	second := &fixture{types: sqliteTypes}
	t.Run("another file", func(t *testing.T) {
		second.exec = sqliteWriter(t, path+".new")
		second.table(t, "django_session", sessionColumns)
		second.insertSession(t, "django_session", "the second", "2099-01-01 00:00:00")
	})
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	f.SetConnMaxLifetime(time.Nanosecond) // as if the five minutes had passed
	if got := outcome(t.Context(), s, "the first"); got != "not found" {
		t.Errorf("of the first file: got %q", got)
	}
	if got := outcome(t.Context(), s, "the second"); got != "the second" {
		t.Errorf("of the second file: got %q", got)
	}
}

func TestSQLiteIsReadOnly(t *testing.T) {
	f := newSQLite(t)
	f.exec(t, "INSERT INTO something VALUES (1)")
	for _, statement := range []string{
		"INSERT INTO something VALUES (2)", "UPDATE something SET id = 2", "DELETE FROM something", "DROP TABLE something",
		"CREATE TABLE other (id integer)", "PRAGMA query_only = 0; INSERT INTO something VALUES (3)", "PRAGMA user_version = 7",
	} {
		if _, err := f.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
	var rows, version int
	if err := f.QueryRowContext(t.Context(), "SELECT count(*) + sum(id) FROM something").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("the table has changed: %d, %v", rows, err)
	}
	if err := f.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version); err != nil || version != 0 {
		t.Errorf("the file has changed: %d, %v", version, err)
	}
}

func TestSQLitePaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%e%41ü&_pragma=x;+@:,")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "db?mode=rw&x#.sqlite3")
	f := &fixture{types: sqliteTypes, exec: sqliteWriter(t, path)}
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
	t.Chdir(dir)
	for _, rawURL := range []string{
		sqliteURL(path), "sqlite:///db%3Fmode=rw&x%23.sqlite3", "SQLITE:///./db%3Fmode%3Drw%26x%23.sqlite3",
		sqliteURL(path) + "?timeout=20&_pragma=query_only(0)&mode=rwc",
	} {
		f.Database = openReader(t, rawURL, database.Options{})
		if got := outcome(t.Context(), f.sessions(t, dbstore.SessionsConfig{}), "12345678"); got != "12345678" {
			t.Errorf("%s: got %q", rawURL, got)
		}
		if _, err := f.ExecContext(t.Context(), "CREATE TABLE t (i integer)"); err == nil {
			t.Errorf("%s may write", rawURL)
		}
	}
	for _, rawURL := range []string{"sqlite://:memory:", "sqlite:///:memory:", "sqlite://", "sqlite:///", "sqlite://db.sqlite3", "sqlite://u@/db.sqlite3"} {
		if d, err := database.Open(rawURL, database.Options{Timeout: 1, Conns: 1}); err == nil {
			t.Errorf("%s was opened as %s", rawURL, d.Location)
		}
	}
}

// What Django keeps, and what parse_datetime of django/utils/dateparse.py, 5.2, reads besides.
func TestSQLiteExpireDates(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	s := f.sessions(t, dbstore.SessionsConfig{})
	midnight := time.Date(2099, 1, 2, 0, 0, 0, 0, time.UTC)
	for stored, want := range map[string]time.Time{
		"2099-01-02 00:00:00": midnight, "2099-01-02 00:00:00.000000": midnight, "2099-01-02 00:00:00.5": midnight.Add(time.Second / 2),
		"2099-01-02T00:00:00": midnight, "2099-01-02 02:00:00+02:00": midnight, "2099-01-02T00:00:00Z": midnight,
		"soon": {}, "9": {}, "2099-13-01 00:00:00": {},
	} {
		f.exec(t, "DELETE FROM django_session")
		f.insertSession(t, "django_session", "12345678", stored)
		session, err := s.Load(t.Context(), "12345678")
		switch {
		case want.IsZero() && err == nil:
			t.Errorf("%s was read as %v", stored, session.ExpireDate)
		case !want.IsZero() && (err != nil || !session.ExpireDate.Equal(want)):
			t.Errorf("%s: got %v, %v; want %v", stored, session, err, want)
		}
	}
}

// Django could not have stored such a key, nor look for one.
func TestKeysThatAreNotUTF8(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	f.insertSession(t, "django_session", "12345678", "2099-01-01 00:00:00")
	f.exec(t, "UPDATE django_session SET session_key = CAST(x'31323334353637FF' AS TEXT)")
	if got := outcome(t.Context(), f.sessions(t, dbstore.SessionsConfig{}), "1234567\xff"); got != "not found" {
		t.Errorf("got %q", got)
	}
}
