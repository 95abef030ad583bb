package login

import (
	"hash/maphash"
	"sync"
	"time"
)

// slots is how many counters a TryLimit has. Several keys may share one: then they are held back together, and nobody
// gets more tries than are allowed. So strangers cannot fill the memory, nor push a counter out.
const slots = 1 << 16

// TryLimit bounds the tries of a key, such as a user's name or an address. A nil TryLimit bounds nothing.
type TryLimit struct {
	per, each time.Duration
	seed      maphash.Seed // nobody outside knows which keys share a counter

	mu   sync.Mutex
	full [slots]int64 // when a counter has no try on it any more, in nanoseconds since 1970
}

// NewTryLimit allows so many tries at once, and as many again in the time per. With 0 tries it is nil.
func NewTryLimit(tries int, per time.Duration) *TryLimit {
	if tries <= 0 || per <= 0 {
		return nil
	}
	return &TryLimit{per: per, each: per / time.Duration(tries), seed: maphash.MakeSeed()}
}

// Take counts a try. Where there are too many, it counts nothing, and wait is how long it takes until there is one
// again.
func (l *TryLimit) Take(key string, now time.Time) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	slot := l.slot(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	// No counter is fuller than this, unless the clock was set back: then it must not be so until that time comes
	// again.
	l.full[slot] = min(l.full[slot], now.Add(l.per).UnixNano())
	next := max(l.full[slot], now.UnixNano()) + int64(l.each)
	if wait := time.Duration(next-now.UnixNano()) - l.per; wait > 0 {
		return wait, false
	}
	l.full[slot] = next
	return 0, true
}

// Give takes a try back: it was a right one.
func (l *TryLimit) Give(key string) {
	if l == nil {
		return
	}
	slot := l.slot(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full[slot] -= int64(l.each)
}

func (l *TryLimit) slot(key string) uint64 { return maphash.String(l.seed, key) % slots }
