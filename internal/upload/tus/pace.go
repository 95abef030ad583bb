package tus

import "time"

// pace says until when more of a body must have come. Each byte moves that on by the time that the rate gives it, and
// never beyond idle from now: what came fast at first does not excuse standing still later.
type pace struct {
	rate  int64 // bytes a second; 0: any
	idle  time.Duration
	until time.Time
}

func newPace(rate int64, grace, idle time.Duration, now time.Time) pace {
	if rate == 0 {
		grace = idle
	}
	return pace{rate: rate, idle: idle, until: now.Add(grace)}
}

func (p *pace) add(bytes int, now time.Time) {
	latest := now.Add(p.idle)
	if p.rate > 0 {
		p.until = p.until.Add(time.Duration(float64(bytes) / float64(p.rate) * float64(time.Second)))
	}
	if p.rate == 0 || p.until.After(latest) {
		p.until = latest
	}
}
