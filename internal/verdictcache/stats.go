package verdictcache

// Stats are what a Cache has done and what it has now.
type Stats struct {
	// Verdicts and Accesses are counted apart.
	Verdicts, Accesses Counts
	// Bytes is what is kept takes, by the reckoning that Config.Bytes bounds.
	Bytes int64
	// Panics are the questions that ended with a panic of the store, whether or not somebody was left to hear of it.
	Panics uint64
}

// Counts are those of one kind of answer.
type Counts struct {
	// Hits were answered from what was kept, Misses by the store, and Joined by another one's question to it.
	Hits, Misses, Joined uint64
	// Known are the verdicts among the Misses whose user was known by a verdict on another session.
	Known uint64
	// Evictions had to make room. Forgotten were made so by the Forget methods, and Overtaken while they were asked
	// for, so that they were not kept.
	Evictions, Forgotten, Overtaken uint64
	// Entries are kept: verdicts with a user, or accesses. Absents are kept verdicts without one. Either may be too old
	// to be told by now.
	Entries, Absents int
}

func (c *Counts) add(d Counts) {
	c.Hits += d.Hits
	c.Misses += d.Misses
	c.Joined += d.Joined
	c.Known += d.Known
	c.Evictions += d.Evictions
	c.Forgotten += d.Forgotten
	c.Overtaken += d.Overtaken
	c.Entries += d.Entries
	c.Absents += d.Absents
}

// Stats returns what has been counted. The shards are read one after the other, so that what happens meanwhile may be
// in one number and not yet in another.
func (c *Cache) Stats() Stats {
	st := Stats{
		Bytes:  c.verdictBudget.bytes.Load() + c.accessBudget.bytes.Load() + int64(len(c.logins))*loginBytes,
		Panics: c.panics.Load(),
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		counts := s.counts
		counts.Entries = s.table.n
		for j := range s.absents {
			if s.absents[j].reason != "" {
				counts.Absents++
			}
		}
		s.mu.Unlock()
		st.Verdicts.add(counts)
		st.Bytes += int64(len(s.absents)) * absentBytes
	}
	for i := range c.accesses {
		s := &c.accesses[i]
		s.mu.Lock()
		counts := s.counts
		counts.Entries = len(s.kept)
		s.mu.Unlock()
		st.Accesses.add(counts)
	}
	return st
}
