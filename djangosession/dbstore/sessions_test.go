package dbstore_test

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
)

func TestSessionsOnSQLite(t *testing.T) { testSessions(t, newSQLite(t)) }

// testSessions is what holds for sessions on every database.
func testSessions(t *testing.T, f *fixture) {
	t.Run("expiry", func(t *testing.T) { testExpiry(t, f) })
	t.Run("local time", func(t *testing.T) { testLocalTime(t, f) })
	t.Run("keys", func(t *testing.T) { testSessionKeys(t, f) })
	t.Run("tables", func(t *testing.T) { testSessionTables(t, f) })
	t.Run("sizes", func(t *testing.T) { testSessionSizes(t, f) })
}

// now is an instant as Go's clock gives it, finer than Django's and the databases'.
var now = time.Date(2026, 11, 22, 10, 0, 0, 123456999, time.UTC)

// testExpiry: django/contrib/sessions/backends/db.py, 5.2: expire_date__gt=timezone.now().
func testExpiry(t *testing.T, f *fixture) {
	f.table(t, "django_session", sessionColumns)
	const alive = "is alive"
	for _, tt := range []struct {
		now         time.Time
		expire      string
		want        string
		wantExpires time.Time
	}{
		{now, "2026-11-22 10:00:00.123456", "expired", time.Time{}},
		{now, "2026-11-22 10:00:00.123457", alive, now.Truncate(time.Microsecond).Add(time.Microsecond)},
		{now, "2026-11-22 10:00:00.123455", "expired", time.Time{}},
		{now, "2026-11-22 10:00:00", "expired", time.Time{}},
		{now, "2026-11-22 10:00:01", alive, now.Truncate(time.Second).Add(time.Second)},
		{now.Truncate(time.Second), "2026-11-22 10:00:00", "expired", time.Time{}},
		{now.Truncate(time.Second), "2026-11-22 10:00:00.000001", alive, now.Truncate(time.Second).Add(time.Microsecond)},
		{now.Truncate(time.Second), "2026-11-22 09:59:59.999999", "expired", time.Time{}},
		{now.In(time.FixedZone("", 9*3600)), "2026-11-22 10:00:00.123456", "expired", time.Time{}}, // the clock's zone is no matter
		{now.In(time.FixedZone("", -9*3600)), "2026-11-22 10:00:00.123457", alive, now.Truncate(time.Microsecond).Add(time.Microsecond)},
		{now, "9999-12-31 23:59:59.999999", alive, time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
		{now, "1970-01-01 00:00:00", "expired", time.Time{}},
	} {
		f.exec(t, "DELETE FROM django_session")
		stored := tt.expire
		if f.Dialect == dbstore.Postgres {
			stored += "+00"
		}
		f.insertSession(t, "django_session", alive, stored)
		s := f.sessions(t, dbstore.SessionsConfig{Now: func() time.Time { return tt.now }})
		if got := outcome(t.Context(), s, alive); got != tt.want {
			t.Errorf("expire_date %s at %v: got %q, want %q", tt.expire, tt.now, got, tt.want)
		}
		if session, err := s.Load(t.Context(), alive); err == nil && !session.ExpireDate.Equal(tt.wantExpires) {
			t.Errorf("expire_date %s: read as %v", tt.expire, session.ExpireDate)
		}
	}
}

// testLocalTime: with USE_TZ off, SQLite holds local times, and PostgreSQL instants all the same.
func testLocalTime(t *testing.T, f *fixture) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	f.table(t, "django_session", sessionColumns)
	write := func(key string, at time.Time) {
		text := at.In(paris).Format("2006-01-02 15:04:05.000000")
		if f.Dialect == dbstore.Postgres {
			text = at.UTC().Format("2006-01-02 15:04:05.000000+00")
		}
		f.insertSession(t, "django_session", key, text)
	}
	write("ends now", now)
	write("ends after", now.Add(time.Microsecond))
	write("ended before", now.Add(-time.Hour))
	s := f.sessions(t, dbstore.SessionsConfig{Zone: dbstore.Zone{Local: paris}, Now: func() time.Time { return now }})
	for key, want := range map[string]string{"ends now": "expired", "ends after": "ends after", "ended before": "expired"} {
		if got := outcome(t.Context(), s, key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	session, err := s.Load(t.Context(), "ends after")
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(time.Microsecond).Truncate(time.Microsecond); !session.ExpireDate.Equal(want) {
		t.Errorf("expires %v, want %v", session.ExpireDate, want)
	}
}

// oddKeys are session keys that a client may send and that no row has.
var oddKeys = map[string]string{
	"single quote": "12345678' OR '1'='1", "double quote": `12345678"`, "percent": "1234567%", "underscore": "1234567_",
	"backslash": `12345678\`, "emoji": "12345678😀", "not in Latin-1": "12345678Ω", "Latin-1": "12345678é",
	"NUL": "12345678\x00", "not UTF-8": "12345678\xff\xfe", "long": strings.Repeat("k", 100_000), "blanks": "12345678 ",
	"other case": "ABCDEFGH", "parameter": "$1$2$3$4", "named parameter": ":session_key", "newline": "12345678\n",
	"surrogate": "12345678\xed\xa0\x80", "cast": "12345678::text",
}

func testSessionKeys(t *testing.T, f *fixture) {
	f.table(t, "django_session", sessionColumns)
	for _, key := range []string{"12345678", "abcdefgh"} {
		f.insertSession(t, "django_session", key, "2099-01-01 00:00:00")
	}
	s := f.sessions(t, dbstore.SessionsConfig{})
	for name, key := range oddKeys {
		if got := outcome(t.Context(), s, key); got != "not found" {
			t.Errorf("%s: got %.200q, want not found", name, got)
		}
	}
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("after them: got %q", got)
	}
}

func testSessionTables(t *testing.T, f *fixture) {
	s := f.sessions(t, dbstore.SessionsConfig{Table: "no_such_table"})
	if got := outcome(t.Context(), s, "12345678"); !strings.Contains(got, "no_such_table") || !strings.HasPrefix(got, "error: reading a session") {
		t.Errorf("a missing table: got %q, want an error", got)
	}
	f.table(t, `"My ""own"" sessions"`, sessionColumns+", account_id integer")
	f.insertSession(t, `"My ""own"" sessions"`, "12345678", "2099-01-01 00:00:00")
	s = f.sessions(t, dbstore.SessionsConfig{Table: `My "own" sessions`})
	if got := outcome(t.Context(), s, "12345678"); got != "12345678" {
		t.Errorf("a table with quotes in its name: got %q", got)
	}
	if err := s.Probe(t.Context()); err != nil {
		t.Errorf("probing it: %v", err)
	}
	f.table(t, "half", "session_key varchar(40), session_data text")
	if err := f.sessions(t, dbstore.SessionsConfig{Table: "half"}).Probe(t.Context()); err == nil {
		t.Error("a table without expire_date passes")
	}
}
