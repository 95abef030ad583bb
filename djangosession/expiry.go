package djangosession

import (
	"errors"
	"math"
	"strconv"
	"time"

	"django-sidecar/internal/pytext"
)

// Expiry tells when sessions end that are saved now, by the settings and by their entry _session_expiry:
// contrib/sessions/backends/base.py. Version and CookieAge are required.
type Expiry struct {
	Version Version
	// CookieAge is SESSION_COOKIE_AGE. At 0, as in Django, a session is over at once.
	CookieAge time.Duration
	// AtBrowserClose is SESSION_EXPIRE_AT_BROWSER_CLOSE.
	AtBrowserClose bool
	// Local is TIME_ZONE where USE_TZ is off, and nil where it is on.
	Local *time.Location
}

// keyExpiry is the entry that set_expiry() makes.
const keyExpiry = "_session_expiry"

// ErrExpiry says that a session has an entry _session_expiry with which Django fails.
var ErrExpiry = errors.New("_session_expiry of the session is no expiry that Django can use")

// Date is get_expiry_date(): the expiry that a session gets when it is saved now. It is not after now where the session
// is over.
func (e Expiry) Date(s *Session, now time.Time) (time.Time, error) {
	wall := e.wall(now)
	expiry := s.Lookup(keyExpiry)
	if end, ok, err := e.date(expiry); ok || err != nil {
		return e.instant(end), err
	}
	micros, err := e.micros(expiry)
	if err != nil {
		return time.Time{}, err
	}
	if end := wall + micros; (micros < 0) == (end < wall) && minMicros <= end && end <= maxMicros {
		return e.instant(end), nil
	}
	return time.Time{}, ErrExpiry // OverflowError: date value out of range
}

// Age is get_expiry_age() in whole seconds, as the cookie's Max-Age has it.
func (e Expiry) Age(s *Session, now time.Time) (int64, error) {
	expiry := s.Lookup(keyExpiry)
	if end, ok, err := e.date(expiry); ok || err != nil {
		// delta.days * 86400 + delta.seconds, which rounds down
		return int64(math.Floor(float64(end-e.wall(now)) / 1e6)), err
	}
	micros, err := e.micros(expiry)
	return micros / 1e6, err // int(max_age), which rounds towards zero
}

// EndsAtBrowserClose is get_expire_at_browser_close(): the cookie has neither Max-Age nor Expires then.
func (e Expiry) EndsAtBrowserClose(s *Session) bool {
	expiry := s.Lookup(keyExpiry)
	switch expiry.kind {
	case Missing, Null:
		return e.AtBrowserClose
	case Bool, Int, Float:
		return !expiry.Truthy() // expiry == 0, which False is too
	case String, Array, Object, Bytes, Decimal, UUID, Time, Opaque:
	}
	return false
}

// SetExpiry is set_expiry() with a number of seconds. With 0, the cookie ends with the browser, and the session after
// SESSION_COOKIE_AGE.
func (s *Session) SetExpiry(seconds int64) error { return s.Set(keyExpiry, seconds) }

// date reads an expiry that is a date, in microseconds as wall has them. ok is false where it is none.
func (e Expiry) date(expiry Value) (end int64, ok bool, err error) {
	t, aware, ok := expiry.DateTime()
	end = t.UnixMicro()
	if !ok && expiry.kind == String && e.Version.AtLeast(4, 1) { // isinstance(expiry, (datetime, str)), 4.1
		text, _ := expiry.Text()
		if end, aware, ok = pytext.FromISOFormat(text); !ok {
			return 0, false, ErrExpiry
		}
	}
	// expiry - modification raises unless both know their time zones, or neither does.
	if ok && aware != (e.Local == nil) {
		return 0, false, ErrExpiry
	}
	return end, ok, nil
}

// micros is what timedelta(seconds=expiry) is in microseconds, or SESSION_COOKIE_AGE where the expiry is falsy.
func (e Expiry) micros(expiry Value) (int64, error) {
	switch {
	case !expiry.Truthy():
		return e.CookieAge.Microseconds(), nil
	case expiry.isPickled():
	case expiry.kind == Bool:
		return 1e6, nil // True is 1
	case expiry.kind == Int:
		if n, err := strconv.ParseInt(expiry.raw, 10, 64); err == nil && -maxSeconds <= n && n <= maxSeconds {
			return n * 1e6, nil
		}
	case expiry.kind == Float:
		if whole, fraction := math.Modf(expiry.float()); math.Abs(whole) <= maxSeconds { // which NaN is not
			return int64(whole)*1e6 + int64(math.RoundToEven(fraction*1e6)), nil
		}
	}
	return 0, ErrExpiry
}

// maxSeconds is more than from one end of Python's calendar to the other.
const maxSeconds = 10_000 * 366 * 86400

// The years 1 to 9999, which Python's datetime has, in microseconds since 1970.
var (
	minMicros = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// wall is an instant in microseconds as Python adds to it: with USE_TZ off, what the clocks of the zone show.
func (e Expiry) wall(t time.Time) int64 {
	if e.Local == nil {
		return t.UnixMicro()
	}
	_, offset := t.In(e.Local).Zone()
	return t.UnixMicro() + int64(offset)*1e6
}

// instant is the instant at which the clocks show what wall has.
func (e Expiry) instant(wall int64) time.Time {
	t := time.UnixMicro(wall).UTC()
	if e.Local == nil {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), e.Local)
}
