package verdictcache

import (
	"hash/maphash"
	"math/bits"

	"django-sidecar/djangosession"
)

// loginPrefix is the first half of a djangosession.Login. An unseen session reuses the user of a kept verdict with the
// same login, and its verdict ages with that one.
type loginPrefix [16]byte

// A login's note says where its verdict is, in 32 bits: the shard's number above the place. A note may be stale,
// because logins share notes and verdicts are evicted without a look at theirs. So the reader compares the login in
// the verdict itself.
const (
	loginBytes = 4
	placeBits  = 26
)

func (c *Cache) noteOf(l loginPrefix) uint64 {
	n, _ := bits.Mul64(maphash.Bytes(c.seed, l[:]), uint64(len(c.logins)))
	return n
}

// noteLogin notes the place of a verdict in s, whose lock is held.
func (c *Cache) noteLogin(l loginPrefix, s *shard, p place) {
	if l == (loginPrefix{}) || p >= 1<<placeBits {
		return
	}
	c.logins[c.noteOf(l)].Store(s.number<<placeBits | uint32(p))
}

// known returns the user of a kept verdict with the same login as the claim, and nil if there is no usable one. The
// answer of f then becomes as old as that verdict.
func (q *verdictOf) known(claim djangosession.Claim, f *flight[djangosession.Verdict]) *djangosession.User {
	whole, ok := claim.Login()
	if !ok {
		return nil
	}
	q.login = loginPrefix(whole[:len(q.login)])
	c, l := q.c, q.login
	note := c.logins[c.noteOf(l)].Load()
	if note == 0 {
		return nil
	}
	s, p := &c.shards[note>>placeBits], place(note&(1<<placeBits-1))
	wall, at := c.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.table.has(p, l)
	if k == nil || !k.alive(c.ages, wall, at) {
		return nil
	}
	// A forgetting of this user may be on its way to this shard, and f may have begun after it. Then the verdict here
	// is stale.
	if s.swept != c.journal.sweeps.Load() {
		return nil
	}
	f.asked, f.fresh = f.asked.earlier(k.asked), f.fresh && k.fresh
	s.counts.Known++
	return s.table.user(p, k)
}
