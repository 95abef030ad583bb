package serving

import (
	"sync"
	"time"
)

// seldom bounds how often something is logged. Its zero value is ready.
type seldom struct {
	mu   sync.Mutex
	next time.Time
}

// due reports whether it is time for a line, so that there is one in each span of time at most.
func (s *seldom) due(now time.Time, each time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		return false
	}
	s.next = now.Add(each)
	return true
}
