package verdictcache

import (
	"time"

	"django-sidecar/internal/keyhash"
)

// ForgetSession forgets the verdict on a session. All Forget methods promise two things. A question after the method
// has returned gets no answer from before it was called. An answer under way during the call is kept only if it is
// about something else.
func (c *Cache) ForgetSession(id keyhash.Hash) {
	s, hash := c.shardOf(id)
	c.journal.add(forgetting{topic: aSession, hash: hash})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flights, id)
	if p, k := s.table.find(id, hash); k != nil {
		c.verdictBudget.free(s.table.remove(c.seed, p))
		s.counts.Forgotten++
	}
	if a := s.absent(hash); a.id == id && a.reason != "" {
		*a = absent{}
		s.counts.Forgotten++
	}
}

// ForgetUser forgets the verdicts on all sessions of a user, and what the user may do. The ID is
// djangosession.User's. A verdict about an inactive or unknown user does not say which user it was, so all such
// verdicts are forgotten; they live for a second at most.
func (c *Cache) ForgetUser(userID string) {
	hash := c.userHash(userID)
	seq := c.journal.add(forgetting{topic: aUser, hash: hash})
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.usersForgotten = max(s.usersForgotten, seq)
		s.swept++
		for _, p := range s.table.ofUser(userID, hash) {
			c.verdictBudget.free(s.table.remove(c.seed, p))
			s.counts.Forgotten++
		}
		s.mu.Unlock()
	}
	a := &c.accesses[hash>>c.accessShift]
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.flights, userID)
	if a.remove(&c.accessBudget, userID) {
		a.counts.Forgotten++
	}
}

// ForgetAccess forgets what everybody may do: a group's permissions have changed.
func (c *Cache) ForgetAccess() {
	c.journal.add(forgetting{topic: anyAccess})
	c.forgetAccesses()
}

// ForgetAll forgets everything.
func (c *Cache) ForgetAll() {
	c.journal.add(forgetting{topic: everything})
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.flights)
		for p := range s.table.all() {
			c.verdictBudget.free(s.table.bytes(p))
			s.counts.Forgotten++
		}
		s.table = table{}
		s.swept++
		for j := range s.absents {
			if s.absents[j].reason != "" {
				s.counts.Forgotten++
			}
		}
		clear(s.absents)
		s.mu.Unlock()
	}
	c.forgetAccesses()
}

func (c *Cache) forgetAccesses() {
	for i := range c.accesses {
		s := &c.accesses[i]
		s.mu.Lock()
		clear(s.flights)
		for id := range s.kept {
			s.remove(&c.accessBudget, id)
			s.counts.Forgotten++
		}
		s.kept = map[string]*keptAccess{} // a map keeps the room that it once had
		s.mu.Unlock()
	}
}

// SetFresh says whether the Forget methods hear of every change in the stores. While they do, a new answer lives up
// to Config.MaxAge, as long as Confirm confirms it. A session whose end is not known lives up to the TTL: no source
// announces an end that comes with time. SetFresh(false) forgets everything, because changes may have been missed.
func (c *Cache) SetFresh(fresh bool) {
	c.freshMu.Lock()
	defer c.freshMu.Unlock()
	c.fresh.Store(fresh)
	if !fresh {
		c.ForgetAll() // after the store above: see moment
	}
}

// Confirm says that the Forget methods have heard of each change before the time until, if the cache was fresh then.
// So what is still kept was true at that time. A time before the last confirmation changes nothing.
func (c *Cache) Confirm(until time.Time) {
	confirmed := c.instant(until)
	c.freshMu.Lock()
	defer c.freshMu.Unlock()
	if last := c.ages.confirmed.Load(); last == nil || last.mono < confirmed.mono {
		c.ages.confirmed.Store(&confirmed)
	}
}
