package filestore_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/djangosession/storetest"
)

const alive = "alive"

// TestModification: a file without an expiry of its own lives as long as there is a whole second left.
func TestModification(t *testing.T) {
	for _, tt := range []struct {
		written time.Time
		want    string
		ends    time.Time
	}{
		{now, alive, now.Add(59*time.Minute + 59*time.Second)},
		{now.Add(-59 * time.Minute), alive, now.Add(59 * time.Second)},
		{now.Add(-time.Hour + time.Second), alive, now},
		{now.Add(-time.Hour + time.Second - time.Microsecond), alive, now}, // a nanosecond less than now, which Python rounds
		{now.Add(-time.Hour + time.Second - 2*time.Microsecond), "expired", time.Time{}},
		{now.Add(-time.Hour + time.Millisecond), "expired", time.Time{}},
		{now.Add(-time.Hour), "expired", time.Time{}},
		{now.AddDate(-10, 0, 0), "expired", time.Time{}},
		{time.Unix(0, 0), "expired", time.Time{}},
		{now.AddDate(10, 0, 0), alive, now.AddDate(10, 0, 0).Add(59*time.Minute + 59*time.Second)}, // a clock that was ahead
	} {
		f := newFixture(t, filestore.Config{})
		f.write(t, key, f.encode(t, nil), tt.written)
		session, err := f.Load(t.Context(), key)
		got := storetest.Outcome(session, err)
		if (got == "{}") != (tt.want == alive) || got != "{}" && got != tt.want {
			t.Errorf("written at %v: got %q, want %q", tt.written, got, tt.want)
			continue
		}
		if tt.want == alive && session.ExpireDate.Sub(tt.ends).Abs() > time.Microsecond { // as exact as a float
			t.Errorf("written at %v: ends at %v, want %v", tt.written, session.ExpireDate, tt.ends)
		}
	}
}

// TestExpiry: the entry _session_expiry, in a file that was written a minute or two hours ago.
func TestExpiry(t *testing.T) {
	for _, tt := range []struct {
		want, old string
		expiries  []string // their JSON
	}{
		// What is falsy leaves it to the file's age.
		{alive, "expired", []string{`null`, `0`, `-0`, `false`, `0.0`, `1e-400`, `""`, `[ ]`, `{}`}},
		{alive, alive, []string{`300`, `1`, `true`, `0.5`, `1e400`, `NaN`, `123456789012345678901234567890`}},
		{"expired", "expired", []string{`-1`, `-0.5`, `-Infinity`, `-123456789012345678901234567890`}},
		{"unreadable", "unreadable", []string{`[[]]`, `[300]`, `{"a":1}`, `"300"`, `" "`, `"2026-11-22T10:00:02"`}},
		{alive, alive, []string{`"2026-11-22T10:00:01.123456+00:00"`, `"9999-12-31T23:59:59-12:00"`}},
		{"expired", "expired", []string{`"2026-11-22T10:00:01.123455+00:00"`, `"0001-01-01T00:00:00+00:00"`}},
	} {
		for _, expiry := range tt.expiries {
			for written, want := range map[time.Time]string{now.Add(-time.Minute): tt.want, now.Add(-2 * time.Hour): tt.old} {
				f := newFixture(t, filestore.Config{})
				f.write(t, key, dumps(t, `{"_session_expiry":`+expiry+`}`), written)
				session, err := f.Load(t.Context(), key)
				if got := storetest.Outcome(session, err); (got[0] == '{') != (want == alive) || got[0] != '{' && got != want {
					t.Errorf("%s, written at %v: got %q, want %q", expiry, written, got, want)
				}
				if err == nil && session.ExpireDate.Year() > 9999 { // which no JSON can say
					t.Errorf("%s: ends at %v", expiry, session.ExpireDate)
				}
			}
		}
	}
}

// TestOldExpiry: to Django 4.0 a text cannot be compared.
func TestOldExpiry(t *testing.T) {
	for version, want := range map[djangosession.Version]string{
		{Major: 3, Minor: 2}: "unreadable", {Major: 4, Minor: 0}: "unreadable", {Major: 4, Minor: 1}: alive, {Major: 6, Minor: 1}: alive,
	} {
		f := newFixture(t, filestore.Config{Version: version})
		f.write(t, key, f.encode(t, map[string]any{"_session_expiry": "2026-12-01T00:00:00+00:00"}), now)
		if got := f.outcome(t, key); (got[0] == '{') != (want == alive) || got[0] != '{' && got != want {
			t.Errorf("Django %v: got %q", version, got)
		}
	}
}

// TestLocalTime: with USE_TZ off, Python subtracts what clocks show, also where one was put forward or back in between.
func TestLocalTime(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	spring := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC) // 2:00 becomes 3:00
	autumn := time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name         string
		written, now time.Time
		expiry       any
		want         string
		ends         time.Time
	}{
		{"no change", now, now.Add(59 * time.Minute), nil, alive, now.Add(59*time.Minute + 59*time.Second)},
		{"no change, over", now, now.Add(time.Hour), nil, "expired", time.Time{}},
		{"an hour is left out", spring.Add(-time.Minute), spring, nil, "expired", time.Time{}},
		{"an hour will be left out", spring.Add(-time.Minute), spring.Add(-time.Second), nil, alive, spring.Add(-time.Minute - time.Second)},
		{"an hour is repeated", autumn.Add(-time.Minute), autumn.Add(110 * time.Minute), nil, alive, autumn.Add(119*time.Minute - time.Second)},
		{"a local date", now, now, "2026-11-22T11:00:02", alive, now.Truncate(time.Second).Add(time.Second)},
		{"a local date, over", now, now, "2026-11-22T11:00:01", "expired", time.Time{}},
		{"a date with an offset", now, now, "2026-11-22T11:00:02+01:00", "unreadable", time.Time{}},
	} {
		f := newFixture(t, filestore.Config{Local: paris, Now: func() time.Time { return tt.now }})
		entries := map[string]any{}
		if tt.expiry != nil {
			entries["_session_expiry"] = tt.expiry
		}
		f.write(t, key, f.encode(t, entries), tt.written)
		session, err := f.Load(t.Context(), key)
		got := storetest.Outcome(session, err)
		if (got[0] == '{') != (tt.want == alive) || got[0] != '{' && got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			continue
		}
		if tt.want == alive && session.ExpireDate.Sub(tt.ends).Abs() > time.Microsecond {
			t.Errorf("%s: ends at %v, want %v", tt.name, session.ExpireDate, tt.ends)
		}
	}
}

// TestAges: a cookie age beyond Python's dates is an OverflowError.
func TestAges(t *testing.T) {
	for _, tt := range []struct {
		age     time.Duration
		written time.Time
		want    string
	}{
		{math.MaxInt64, now, "{}"},
		{-time.Hour, now, "expired"},
		{math.MaxInt64, time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), "{}"},
	} {
		f := newFixture(t, filestore.Config{CookieAge: tt.age})
		f.write(t, key, f.encode(t, nil), tt.written)
		session, err := f.Load(t.Context(), key)
		if got := storetest.Outcome(session, err); got != tt.want {
			t.Errorf("%v, written at %v: got %q", tt.age, tt.written, got)
		}
		if err == nil {
			if _, err := json.Marshal(session.ExpireDate); err != nil {
				t.Errorf("%v: %v", tt.age, err)
			}
		}
	}
}
