package observe

import (
	"sync"

	"django-sidecar/internal/keyhash"
)

// sessionsSeen remembers sessions that were alive when they were asked for last, and whose they were: the last
// seenSessions of them at least, and twice as many at most. Its zero value is ready.
type sessionsSeen struct {
	mu sync.RWMutex
	// What was not asked for since young has become old is forgotten when it does so again.
	young, old map[keyhash.Hash]string
}

// seenSessions is how many sessions are remembered. Each takes about 60 bytes.
const seenSessions = 50_000

// alive notes a session and its user. It returns the user from before, if that was another one.
func (s *sessionsSeen) alive(session keyhash.Hash, user string) (before string) {
	s.mu.RLock()
	known := s.young[session]
	s.mu.RUnlock()
	if known == user {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known = s.young[session]; known == "" {
		known = s.old[session]
	}
	if len(s.young) >= seenSessions {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = make(map[keyhash.Hash]string)
	}
	s.young[session] = user
	if known == user {
		return ""
	}
	return known
}

// ended forgets a session. It returns its user, "" if it is not known to have been alive.
func (s *sessionsSeen) ended(session keyhash.Hash) (user string) {
	s.mu.RLock()
	_, young := s.young[session]
	_, old := s.old[session]
	s.mu.RUnlock()
	if !young && !old {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if user = s.young[session]; user == "" {
		user = s.old[session]
	}
	delete(s.young, session)
	delete(s.old, session)
	return user
}
