package djangotest

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// WallClock is a clock whose wall time can be set, as `date -s` sets that of a machine. Its monotonic reading goes on
// evenly meanwhile, as the kernel's does: what measures a time by it sees no jump.
type WallClock struct{ ahead atomic.Int64 }

// Jump sets the wall time forwards, or backwards, by whole seconds.
func (c *WallClock) Jump(d time.Duration) { c.ahead.Add(int64(d / time.Second)) }

// year1885 is what the wall time of a time.Time with a monotonic reading counts from.
var year1885 = time.Date(1885, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()

// Now is time.Now after the jumps. The clock of a synctest bubble has no monotonic reading: it gets its own as one.
func (c *WallClock) Now() time.Time {
	t := time.Now()
	// time/time.go, Go 1.26: with a monotonic reading, wall is a bit that says so, 33 bits of seconds since 1885,
	// and 30 bits of nanoseconds; ext is the reading. Nothing exported moves the one and leaves the other.
	inside := (*struct {
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t))
	if inside.wall>>63 == 0 {
		seconds, nanos, reading := t.Unix()-year1885, t.Nanosecond(), t.UnixNano()
		inside.wall, inside.ext = 1<<63|uint64(seconds)<<30|uint64(nanos), reading
	}
	inside.wall += uint64(c.ahead.Load()) << 30
	return t
}
