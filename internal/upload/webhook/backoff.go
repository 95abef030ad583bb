package webhook

import (
	"hash/fnv"
	"time"
)

// backoff is how long an event is put off after its tries: twice as long each time, from first to the longest.
func backoff(tries int, first, longest time.Duration) time.Duration {
	wait := first
	for range tries - 1 {
		if wait >= longest/2 {
			return longest
		}
		wait *= 2
	}
	return min(wait, longest)
}

// spread moves a time by up to an eighth, each event's by another part of it, so that events which failed together do
// not come back together.
func spread(wait time.Duration, id string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	const parts = 256
	return wait + wait/8*time.Duration(h.Sum32()%parts)/parts
}

// pause keeps the whole queue from asking an application that fails.
type pause struct {
	until    time.Time
	failures int // in a row
	since    int // how often it began or ended: tries that started before do not count for it
}

// width is how many tries may be on their way.
func (p *pause) width() int {
	if p.failures > 0 {
		return 1
	}
	return atOnce
}

// failed begins a pause, or makes it longer.
func (p *pause) failed(startedIn int, now time.Time, first, least time.Duration) {
	if startedIn == p.since { // several tries that fail together are one failure
		p.since++
		p.failures++
		p.extend(now.Add(backoff(p.failures, first, max(first, maxPause))))
	}
	p.extend(now.Add(least))
}

func (p *pause) extend(until time.Time) {
	if until.After(p.until) {
		p.until = until
	}
}

// succeeded ends it.
func (p *pause) succeeded(startedIn int) {
	if startedIn == p.since && p.failures > 0 {
		*p = pause{since: p.since + 1}
	}
}
