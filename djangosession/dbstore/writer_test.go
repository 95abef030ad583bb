package dbstore_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

func TestWriterOnSQLite(t *testing.T) {
	f := newSQLite(t)
	var path string
	if err := f.DB.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	f.Database = openReader(t, sqliteURL(path), database.Options{Write: true})
	testWriter(t, f)
}

// testWriter is what holds for a writer on every database.
func testWriter(t *testing.T, f *fixture) {
	testDemandedColumns(t, f)
	f.table(t, "django_session", sessionColumns)
	at := time.Date(2026, 11, 29, 5, 0, 0, 123456000, time.UTC)
	var passed atomic.Int64
	c := dbstore.SessionsConfig{
		Dialect: f.Dialect, Zone: dbstore.Zone{UseTZ: true}, Prepare: f.Prepares,
		Now: func() time.Time { return at.Add(time.Duration(passed.Load())) },
	}
	w, reader := dbstore.NewWriter(f.DB, newCodec(t), c), dbstore.NewSessions(f.DB, newCodec(t), c)
	ctx := t.Context()
	session := func(user string) *djangosession.Session {
		s := djangosession.NewSession(django52)
		if err := s.Set("user", user); err != nil {
			t.Fatal(err)
		}
		return s
	}
	until := func(expire time.Time) *djangosession.Session { return &djangosession.Session{ExpireDate: expire} }
	want := func(key, user string, expire time.Time) {
		t.Helper()
		s, err := reader.Load(ctx, key)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if got, _ := s.Lookup("user").Text(); got != user || !s.ExpireDate.Equal(expire) {
			t.Errorf("%s is %q until %v, want %q until %v", key, got, s.ExpireDate, user, expire)
		}
	}
	is := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	key, hour, later := strings.Repeat("k", 32), at.Add(time.Hour), at.Add(2*time.Hour)
	is(w.Save(ctx, key, session("nobody"), hour), djangosession.ErrNotFound)
	is(w.Touch(ctx, key, until(hour), later), djangosession.ErrNotFound)
	is(w.Create(ctx, key, session("ada"), hour), nil)
	is(w.Create(ctx, key, session("eve"), later), djangosession.ErrExists)
	want(key, "ada", hour)
	is(w.Touch(ctx, key, until(later), later.Add(time.Hour)), djangosession.ErrNotFound) // somebody has saved meanwhile
	want(key, "ada", hour)
	is(w.Touch(ctx, key, until(hour), later), nil)
	want(key, "ada", later)
	is(w.Save(ctx, key, session("bob"), hour), nil)
	is(w.Save(ctx, key, session("bob"), hour), nil) // the same again
	want(key, "bob", hour)
	// The session is over: nobody revives it.
	passed.Store(int64(time.Hour))
	is(w.Touch(ctx, key, until(hour), later), djangosession.ErrNotFound)
	is(w.Save(ctx, key, session("bob"), later), djangosession.ErrNotFound)
	passed.Store(0)
	is(w.Delete(ctx, key), nil)
	is(w.Delete(ctx, key), nil)
	is(w.Touch(ctx, key, until(hour), later), djangosession.ErrNotFound)
	is(w.Save(ctx, key, session("bob"), later), djangosession.ErrNotFound)
	_, err := reader.Load(ctx, key)
	is(err, djangosession.ErrNotFound)
	is(w.Delete(ctx, "\xff"+key), nil)
	if err := w.Create(ctx, key, session(strings.Repeat("x", djangosession.DefaultMaxBytes)), later); err == nil {
		t.Error("a session was created that nobody can read")
	}
	// Of touches at one time, one moves the expiry.
	is(w.Create(ctx, key, session("ada"), hour), nil)
	var moved atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch err := w.Touch(ctx, key, until(hour), later); {
			case err == nil:
				moved.Add(1)
			case !errors.Is(err, djangosession.ErrNotFound):
				t.Error(err)
			}
		})
	}
	if all.Wait(); moved.Load() != 1 {
		t.Errorf("%d touches moved the expiry, want 1", moved.Load())
	}
}

// testDemandedColumns: a table that a new session cannot fill is refused, for logins alone.
func testDemandedColumns(t *testing.T, f *fixture) {
	w := dbstore.NewWriter(f.DB, newCodec(t), dbstore.SessionsConfig{
		Dialect: f.Dialect, Table: "own_session", Zone: dbstore.Zone{UseTZ: true}, Prepare: f.Prepares,
	})
	for own, filled := range map[string]bool{
		"": true, ", account int": true, ", account int NOT NULL DEFAULT 0": true, ", account int NOT NULL": false,
	} {
		f.exec(t, "DROP TABLE IF EXISTS own_session")
		f.table(t, "own_session", sessionColumns+own)
		for _, what := range []dbstore.Writes{{Login: true}, {Touch: true, Logout: true}} {
			err := w.Probe(t.Context(), what)
			if wanted := filled || !what.Login; (err == nil) != wanted || err != nil && !strings.Contains(err.Error(), "account") {
				t.Errorf("%q, %+v: %v", own, what, err)
			}
		}
	}
}
