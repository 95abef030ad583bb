package observe

import (
	"strconv"
	"sync/atomic"
	"time"
)

// second is how the times of one second begin and end.
type second struct {
	unix       int64
	zone       *time.Location
	start, end string
}

// lastSecond is the second that was written last. Thousands of events share it, and writing a date takes longer than all else
// of a line.
var lastSecond atomic.Pointer[second]

// appendTime appends what t.AppendFormat(b, time.RFC3339Nano) does.
func appendTime(b []byte, t time.Time) []byte {
	s := lastSecond.Load()
	if s == nil || s.unix != t.Unix() || s.zone != t.Location() {
		s = &second{unix: t.Unix(), zone: t.Location(), start: t.Format("2006-01-02T15:04:05"), end: t.Format("Z07:00")}
		lastSecond.Store(s)
	}
	b = append(b, s.start...)
	b = appendFraction(b, t.Nanosecond(), 100_000_000)
	return append(b, s.end...)
}

// appendMilliseconds appends d in milliseconds, to the microsecond.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	n := d.Microseconds()
	if n < 0 { // the clock was set back
		b, n = append(b, '-'), -n
	}
	return appendFraction(strconv.AppendInt(b, n/1000, 10), int(n%1000), 100)
}

// appendFraction appends a point and the digits of n, of which the first is worth so much, without the zeros at the end.
func appendFraction(b []byte, n, first int) []byte {
	if n == 0 {
		return b
	}
	b = append(b, '.')
	for ; n > 0; first /= 10 {
		b = append(b, byte('0'+n/first)) //nolint:gosec // a digit
		n %= first
	}
	return b
}
