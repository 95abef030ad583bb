// Package pace says for how long a body that is slow is waited for.
package pace

import "time"

// Limit is the time by which more of a body must have come. Each byte moves it on by the time that the rate gives it,
// and never beyond idle from now: what came fast at first does not excuse standing still later.
type Limit struct {
	rate  int64 // bytes a second; 0: any
	idle  time.Duration
	until time.Time
}

// New returns the limit of a body that begins now: rate in bytes a second, 0 for any; grace is the time before the rate
// counts, and idle the most between two reads.
func New(rate int64, grace, idle time.Duration, now time.Time) Limit {
	if rate == 0 {
		grace = idle
	}
	return Limit{rate: rate, idle: idle, until: now.Add(grace)}
}

// Add says that so many bytes have come by now.
func (l *Limit) Add(bytes int, now time.Time) {
	latest := now.Add(l.idle)
	if l.rate > 0 {
		l.until = l.until.Add(time.Duration(float64(bytes) / float64(l.rate) * float64(time.Second)))
	}
	if l.rate == 0 || l.until.After(latest) {
		l.until = latest
	}
}

// Until is the time by which more must have come.
func (l *Limit) Until() time.Time { return l.until }
