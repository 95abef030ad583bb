package dbstore

import "time"

// Zone says how the deployment's Django keeps instants in columns that know no time zone, which are those of SQLite and
// MySQL. They need one of its fields: with the wrong one, a session lives hours too long. For PostgreSQL, the zero Zone
// is USE_TZ = True.
type Zone struct {
	// UseTZ is USE_TZ.
	UseTZ bool
	// Local is TIME_ZONE where USE_TZ is off, and nil where it is on.
	Local *time.Location
}

// known panics where nobody has said how a database without time zones keeps instants, as needed does for a Dialect.
func (z Zone) known(d *Dialect, config string) Zone {
	switch {
	case z.UseTZ && z.Local != nil:
		panic("dbstore: the Zone of " + config + " has UseTZ and Local: Local is for USE_TZ = False")
	case !z.UseTZ && z.Local == nil && d != Postgres:
		panic("dbstore: the Zone of " + config + " is missing, which " + d.Name + " needs: take Zone{UseTZ: true} where " +
			"Django has USE_TZ = True, and Zone{Local: the TIME_ZONE} where it is off")
	}
	return z
}

func (z Zone) location() *time.Location {
	if z.Local == nil {
		return time.UTC
	}
	return z.Local
}

// wallClock is the parameter that SQLite and MySQL compare with a stored datetime, which is a naive one: str() of
// django.utils.timezone.now(), in UTC with USE_TZ and as the clocks show it without. db/backends/sqlite3/operations.py
// and db/backends/mysql/operations.py, 1.11 to 6.1, adapt_datetimefield_value.
//
// Python leaves the fraction out when it is zero, and SQLite compares the texts.
func (z Zone) wallClock(now time.Time) string {
	now = now.In(z.location())
	if now.Nanosecond()/1000 == 0 {
		return now.Format(time.DateTime)
	}
	return now.Format("2006-01-02 15:04:05.000000")
}

// after returns the instant after now at which the clocks of the zone come to show what wall shows in UTC: for Django,
// the session of a naive expire_date ends then. Clocks that are set back show a time twice, and clocks that are set
// forward come to it when they jump over it. Where no such instant is after now, it is the first.
func (z Zone) after(now, wall time.Time) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(),
		wall.Nanosecond(), z.location())
	start, end := t.ZoneBounds()
	switch shown := asUTC(t); {
	case shown.After(wall): // the clocks jumped over it, and time.Date looks at it from behind the jump
		return start
	case shown.Before(wall):
		return end
	}
	// time.Date leaves open which of two instants it returns.
	first, second := t, t
	if !start.IsZero() {
		if other := t.Add(offset(t) - offset(start.Add(-1))); other.Before(start) && asUTC(other).Equal(wall) {
			first = other
		}
	}
	if !end.IsZero() {
		if other := t.Add(offset(t) - offset(end)); !other.Before(end) && asUTC(other).Equal(wall) {
			second = other
		}
	}
	if first.After(now) {
		return first
	}
	return second
}

// asUTC is what the clocks of t's zone show, as if that were UTC.
func asUTC(t time.Time) time.Time { return t.UTC().Add(offset(t)) }

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// parseDatetime reads the forms of django/utils/dateparse.py, 5.2, parse_datetime that somebody else than Django may
// have stored, and the one that Django stores. Fractions of a second are read after each.
func parseDatetime(s string, z Zone, now time.Time) (time.Time, bool) {
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return z.after(now, t), true
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
