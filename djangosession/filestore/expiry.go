package filestore

import (
	"errors"
	"math"
	"strconv"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/pytext"
	"django-sidecar/signing"
)

// expireDate tells when a session ends, given its entry _session_expiry and its file's modification time. It fails with
// djangosession.ErrExpired when that is over, and with a *signing.SyntaxError where Django fails. The zero Time is for
// sessions that do not end, as long as their file is there.
//
// contrib/sessions/backends/file.py, 5.2, load: expiry_age =
// self.get_expiry_age(expiry=self._expiry_date(session_data)), and the session is over if expiry_age <= 0. The age is
// what the entry says, if that is neither a date nor falsy: a session with set_expiry(300) does not end, whenever it
// was written.
func (s *Store) expireDate(expiry djangosession.Value, modified, now time.Time) (time.Time, error) {
	if !expiry.Truthy() {
		written, ok := pythonTime(modified)
		if !ok {
			return time.Time{}, errNoDate
		}
		end := s.naive(written) + s.config.CookieAge.Microseconds()
		if end < minMicros || end > maxMicros {
			return time.Time{}, errNoDate // OverflowError: date value out of range
		}
		return s.until(end, now)
	}
	if end, aware, ok := expiry.DateTime(); ok { // of a pickled session
		return s.untilDate(end.UnixMicro(), aware, now)
	}
	if expiry.Kind() == djangosession.String {
		return s.untilText(expiry, now)
	}
	if expiry.Kind() == djangosession.Bool { // True <= 0 is False
		return time.Time{}, nil
	}
	if n, ok := float(expiry); ok {
		if n <= 0 {
			return time.Time{}, djangosession.ErrExpired
		}
		return time.Time{}, nil // also of NaN, to which nothing compares
	}
	// TypeError: '<=' not supported between instances of 'list' and 'int'. Of what only pickles hold, Python can
	// compare decimals, and finds empty bytes and sets falsy; nobody has a use for those.
	return time.Time{}, errNoExpiry
}

var (
	errNoExpiry = &signing.SyntaxError{Problem: "_session_expiry is neither a number nor a date"}
	errNoDate   = &signing.SyntaxError{Problem: "an expiry date out of range"}
)

// float is a number as Python's float has it; no integer but 0 becomes 0. ok is false for what is no number, and for
// pickled integers beyond all bounds, which no JSON says.
func float(v djangosession.Value) (n float64, ok bool) {
	if kind := v.Kind(); kind != djangosession.Int && kind != djangosession.Float {
		return 0, false
	}
	n, err := strconv.ParseFloat(v.JSON(), 64) // it reads NaN and Infinity too; too large a number is an infinity
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// untilText: contrib/sessions/backends/base.py, 4.1, get_expiry_age: expiry = datetime.fromisoformat(expiry). Older
// versions compare the text with 0, which raises.
func (s *Store) untilText(expiry djangosession.Value, now time.Time) (time.Time, error) {
	if !s.config.Version.AtLeast(4, 1) {
		return time.Time{}, errNoExpiry
	}
	text, _ := expiry.Text()
	end, aware, ok := pytext.FromISOFormat(text)
	if !ok {
		return time.Time{}, errNoExpiry
	}
	return s.untilDate(end, aware, now)
}

// untilDate: the same function, expiry - modification, which is timezone.now(). That raises unless both know their time
// zones or neither does.
func (s *Store) untilDate(end int64, aware bool, now time.Time) (time.Time, error) {
	if aware != (s.config.Local == nil) {
		return time.Time{}, errNoExpiry
	}
	return s.until(end, now)
}

// until judges a session that ends at an instant or, with USE_TZ off, at a local time, in microseconds as naive has
// them.
func (s *Store) until(end int64, now time.Time) (time.Time, error) {
	// contrib/sessions/backends/base.py, 5.2, get_expiry_age: delta.days * 86400 + delta.seconds, whole seconds. With
	// less than one left, the session is over.
	left := end - s.naive(now.UnixMicro())
	if left < time.Second.Microseconds() {
		return time.Time{}, djangosession.ErrExpired
	}
	last := time.UnixMicro(now.UnixMicro() + left).Add(-time.Second)
	if s.config.Local != nil {
		// Between now and then the clocks may be put forward, and the local time comes sooner; it is not to come later.
		_, offset := now.In(s.config.Local).Zone()
		if _, then := last.In(s.config.Local).Zone(); then > offset {
			last = last.Add(time.Duration(offset-then) * time.Second)
		}
	}
	if last.UnixMicro() > maxMicros {
		return time.Time{}, nil // beyond what others can write down
	}
	return last.UTC(), nil
}

// naive is an instant in microseconds since 1970 as Python subtracts dates: with USE_TZ off, those of the local clock.
func (s *Store) naive(micros int64) int64 {
	if s.config.Local == nil {
		return micros
	}
	_, offset := time.UnixMicro(micros).In(s.config.Local).Zone()
	return micros + int64(offset)*time.Second.Microseconds()
}

// The years 1 to 9999, which Python's datetime has, in microseconds since 1970.
var (
	minMicros = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// pythonTime is datetime.fromtimestamp(os.stat(path).st_mtime) in microseconds since 1970: st_mtime is a float, whose
// fraction is rounded half to even (Lib/_pydatetime.py of CPython 3.13, _fromtimestamp).
func pythonTime(t time.Time) (micros int64, ok bool) {
	fraction := 1e-9 * float64(t.Nanosecond())
	whole, fraction := math.Modf(float64(t.Unix()) + fraction)
	if whole < float64(minMicros)/1e6 || whole > float64(maxMicros)/1e6 {
		return 0, false // ValueError: year is out of range
	}
	return int64(whole)*time.Second.Microseconds() + int64(math.RoundToEven(fraction*1e6)), true
}
