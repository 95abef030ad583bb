package verdictcache

import (
	"sync"
	"sync/atomic"
)

// journalLength is how many forgettings the journal remembers. If more happen while a question is under way, its
// answer counts as stale. A busy site has a thousand in a second, and a question takes milliseconds.
const journalLength = 4096

// journal records the recent forgettings, so that an answer that arrives can tell whether it is stale already. Its
// zero value is empty.
type journal struct {
	seq    atomic.Uint64 // of the last forgetting, which are counted from 1
	sweeps atomic.Uint64 // how many of them go through all shards
	mu     sync.Mutex
	ring   [journalLength]forgetting
}

// topic is what a forgetting is about, and what an answer depends on.
type topic uint8

const (
	aSession   topic = 1 << iota // with a session's hash
	aUser                        // with a user's hash
	anyAccess                    // what anybody may do
	anyUser                      // only in a concern: some user, and it is not known which
	everything                   // only in a forgetting
)

// forgetting is one thing to forget.
type forgetting struct {
	hash  uint64
	topic topic
}

// sweeps reports whether f goes through all shards, because the verdicts of a user may be in any of them.
func (f forgetting) sweeps() bool { return f.topic == aUser || f.topic == everything }

// concern is what an answer depends on.
type concern struct {
	session, user uint64
	topics        topic
}

func (c concern) touchedBy(f forgetting) bool {
	switch f.topic {
	case everything:
		return true
	case anyAccess:
		return c.topics&anyAccess != 0
	case aSession:
		return c.topics&aSession != 0 && c.session == f.hash
	case aUser:
		return c.topics&anyUser != 0 || c.topics&aUser != 0 && c.user == f.hash
	case anyUser: // is nothing to forget
	}
	return true
}

func (j *journal) last() uint64 { return j.seq.Load() }

// add notes a forgetting, and returns its number. Call it before anything is removed: an answer that enters the cache
// in between is removed with the rest, and a later one finds f here.
func (j *journal) add(f forgetting) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f.sweeps() {
		j.sweeps.Add(1) // before seq, because readers read seq first
	}
	n := j.seq.Load() + 1
	j.ring[n%journalLength] = f
	j.seq.Store(n)
	return n
}

// touched reports whether a forgetting with a number above after, up to upTo, concerns c. It also says yes when the
// journal no longer remembers them.
func (j *journal) touched(c concern, after, upTo uint64) bool {
	if after >= upTo {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seq.Load()-after > journalLength {
		return true
	}
	for n := after + 1; n <= upTo; n++ {
		if c.touchedBy(j.ring[n%journalLength]) {
			return true
		}
	}
	return false
}
