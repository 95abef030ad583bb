package dbstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
)

// clockChanges are instants at which clocks are set forward or back, by an hour or a half, in zones on both sides of UTC.
var clockChanges = map[string][]time.Time{
	"Europe/Paris":        {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
	"America/New_York":    {time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)},
	"Australia/Lord_Howe": {time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC)},
	"Europe/Dublin":       {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)},
	"UTC":                 {time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)},
}

func instantsAround(change time.Time) []time.Time {
	var instants []time.Time
	for minutes := -75; minutes <= 75; minutes += 15 {
		at := change.Add(time.Duration(minutes) * time.Minute)
		instants = append(instants, at)
		if minutes%30 == 0 && minutes >= -60 && minutes <= 60 {
			instants = append(instants, at.Add(time.Microsecond))
		}
	}
	return append(instants, change.Add(-time.Microsecond))
}

// answersAt asks for the sessions 0 to n at an instant: + is alive and - expired.
func (f *fixture) answersAt(t *testing.T, at time.Time, zone *time.Location, n int) string {
	t.Helper()
	s := f.sessions(t, dbstore.SessionsConfig{Zone: dbstore.Zone{Local: zone}, Now: func() time.Time { return at }})
	var got strings.Builder
	for k := range n {
		switch key := fmt.Sprintf("%08d", k); outcome(t.Context(), s, key) {
		case key:
			got.WriteByte('+')
		case "expired":
			got.WriteByte('-')
		default:
			got.WriteByte('?')
		}
	}
	return got.String()
}

// TestSQLiteClockChanges: with USE_TZ off, Django compares what the clocks showed with what they show, as texts:
// db/backends/sqlite3/operations.py, 1.11 to 6.1, adapt_datetimefield_value is str(value). In the hour that is shown
// twice, a session may so end, and live again.
func TestSQLiteClockChanges(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	pythonStr := func(at time.Time) string { // str() of a naive datetime
		return strings.TrimSuffix(at.Format("2006-01-02 15:04:05.000000"), ".000000")
	}
	for zone, changes := range clockChanges {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range changes {
			instants := instantsAround(change)
			rows := new(strings.Builder)
			for i, at := range instants {
				rows.WriteString(sessionInsert(t, "django_session", fmt.Sprintf("%08d", i), pythonStr(at.In(location))))
			}
			f.exec(t, "DELETE FROM django_session; BEGIN; "+rows.String()+" COMMIT")
			for _, now := range instants {
				var want strings.Builder
				for _, expires := range instants {
					if pythonStr(expires.In(location)) > pythonStr(now.In(location)) {
						want.WriteByte('+')
					} else {
						want.WriteByte('-')
					}
				}
				if got := f.answersAt(t, now, location, len(instants)); got != want.String() {
					t.Errorf("now %v: got %s, want %s", now.In(location), got, want.String())
				}
			}
		}
	}
}

// TestExpiresAroundClockChanges: the instant that is named is the one at which Django ends the session.
func TestExpiresAroundClockChanges(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "django_session", sessionColumns)
	for _, tt := range []struct{ zone, stored, now, want string }{
		{"Europe/Paris", "2026-11-22 10:00:00.5", "2026-11-22T08:00:00Z", "2026-11-22T09:00:00.5Z"},
		// From 03:00 back to 02:00: what is shown twice ends at the first time, or at the second if that is to come.
		{"Europe/Paris", "2026-10-25 02:30:00", "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z"},
		{"Europe/Paris", "2026-10-25 02:30:00", "2026-10-25T00:30:00Z", "expired"},
		{"Europe/Paris", "2026-10-25 02:30:00", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}, // lives again
		{"Europe/Paris", "2026-10-25 02:30:00", "2026-10-25T01:30:00Z", "expired"},
		{"Europe/Paris", "2026-10-25 02:00:00", "2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z"},
		{"Europe/Paris", "2026-10-25 03:00:00", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z"},
		{"Europe/Paris", "2026-10-25 02:59:59.999999", "2026-10-24T12:00:00Z", "2026-10-25T00:59:59.999999Z"},
		// From 02:00 on to 03:00: what is never shown ends with the jump.
		{"Europe/Paris", "2026-03-29 02:30:00", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "2026-03-29 02:30:00", "2026-03-29T01:00:00Z", "expired"},
		{"Europe/Paris", "2026-03-29 02:00:00", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "2026-03-29 03:00:00", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"},
		{"America/New_York", "2026-11-01 01:30:00", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"},
		{"America/New_York", "2026-11-01 01:30:00", "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z"},
		{"America/New_York", "2026-03-08 02:30:00", "2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04T14:30:00Z", "2026-04-04T14:45:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04T15:05:00Z", "2026-04-04T15:15:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:15:00", "2026-10-03T15:00:00Z", "2026-10-03T15:30:00Z"},
		// An offset that somebody else wrote goes before the zone.
		{"Europe/Paris", "2026-10-25 02:30:00+02:00", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"UTC", "2026-10-25 02:30:00", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00Z"},
	} {
		location, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		f.exec(t, "DELETE FROM django_session")
		f.insertSession(t, "django_session", "12345678", tt.stored)
		s := f.sessions(t, dbstore.SessionsConfig{Zone: dbstore.Zone{Local: location}, Now: func() time.Time { return now }})
		got := outcome(t.Context(), s, "12345678")
		if session, err := s.Load(t.Context(), "12345678"); err == nil {
			got = session.ExpireDate.UTC().Format(time.RFC3339Nano)
		}
		if got != tt.want {
			t.Errorf("%s in %s at %s: got %s, want %s", tt.stored, tt.zone, tt.now, got, tt.want)
		}
	}
}
