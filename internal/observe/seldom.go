package observe

import (
	"sync"
	"time"
)

// Seldom bounds how often something is logged. Its zero value is ready.
type Seldom struct {
	mu   sync.Mutex
	next time.Time
}

// Due reports whether it is time for a line, so that there is one in each span of time at most.
func (s *Seldom) Due(now time.Time, each time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		return false
	}
	s.next = now.Add(each)
	return true
}
