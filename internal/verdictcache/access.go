package verdictcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"django-sidecar/djangosession"
)

// accessShard is a part of the accesses, with a lock of its own.
type accessShard struct {
	mu      sync.Mutex
	kept    map[string]*keptAccess
	flights flights[string, djangosession.Access]
	counts  Counts
}

// keptAccess is what a user may do.
type keptAccess struct {
	access djangosession.Access
	asked  instant
	used   time.Duration // by the monotonic clock
	bytes  int64
	fresh  bool
}

// errNoAccess says that AccessOf has no store to ask.
var errNoAccess = errors.New("the cache was made without a store of accesses")

// AccessOf returns what a user may do: the kept answer, or else that of Config.Access. The ID is djangosession.User's.
func (c *Cache) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	if c.asked.Load().access == nil {
		return djangosession.Access{}, errNoAccess
	}
	hash := c.userHash(userID)
	q := accessOf{c: c, s: &c.accesses[hash>>c.accessShift], id: userID, hash: hash}
	asked := c.moment(c.config.Now())
	access, f, lead := q.find(asked)
	if f == nil {
		return access, nil
	}
	waits := q // what waits is allocated, and what is kept needs nothing that is
	return await(ctx, c, &waits, asked, f, lead)
}

// accessOf asks about a user.
type accessOf struct {
	c    *Cache
	s    *accessShard
	id   string
	hash uint64
}

// lookup returns the kept answer on the user, if it is usable.
func (q *accessOf) lookup(at instant) (djangosession.Access, bool) {
	k := q.s.kept[q.id]
	if k == nil || !q.c.ages.usable(k.asked, at, k.fresh) {
		return djangosession.Access{}, false
	}
	k.used = at.mono
	q.s.counts.Hits++
	return k.access, true
}

func (q *accessOf) find(m moment) (djangosession.Access, *flight[djangosession.Access], bool) {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	if access, ok := q.lookup(m.at); ok {
		return access, nil, false
	}
	f, lead := q.s.flights.join(q.id, m, q.c.ages.ttl)
	if lead {
		q.s.counts.Misses++
	} else {
		q.s.counts.Joined++
	}
	return djangosession.Access{}, f, lead
}

func (q *accessOf) ask(ctx context.Context, _ *flight[djangosession.Access]) (djangosession.Access, error) {
	return q.c.asked.Load().access.AccessOf(ctx, q.id)
}

func (q *accessOf) concern() concern { return concern{user: q.hash, topics: aUser | anyAccess} }

// answers implements subject. It needs no look at the journal: who forgets an access also removes its flight, so that
// no request joins it.
func (*accessOf) answers(*flight[djangosession.Access], moment) bool { return true }

func (q *accessOf) land(f *flight[djangosession.Access]) {
	_, at := q.c.clock()
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.flights.land(q.id, f)
	if f.err != nil || f.panicked != nil {
		return
	}
	if q.c.journal.touched(q.concern(), f.began.seq, q.c.journal.last()) {
		q.s.counts.Overtaken++
		return
	}
	k := &keptAccess{
		access: f.value, asked: f.began.at, used: at.mono, fresh: f.began.fresh,
		bytes: accessBytes(q.id, f.value),
	}
	if q.c.ages.usable(k.asked, at, k.fresh) {
		q.keep(k)
	}
}

func (q *accessOf) keep(k *keptAccess) {
	q.s.remove(&q.c.accessBudget, q.id)
	if q.c.accessBudget.take(k.bytes, q.s.evict) {
		q.s.kept[q.id] = k
	}
}

// remove forgets what a user may do, and reports whether there was anything to forget.
func (s *accessShard) remove(b *budget, userID string) bool {
	k := s.kept[userID]
	if k == nil {
		return false
	}
	delete(s.kept, userID)
	b.free(k.bytes)
	return true
}

// evict drops the least recently used of eight random entries: Go begins somewhere in a map each time.
func (s *accessShard) evict() int64 {
	var victim string
	var oldest *keptAccess
	seen := 0
	for id, k := range s.kept {
		if oldest == nil || k.used < oldest.used {
			victim, oldest = id, k
		}
		if seen++; seen == 8 {
			break
		}
	}
	if oldest == nil {
		return 0
	}
	delete(s.kept, victim)
	s.counts.Evictions++
	return oldest.bytes
}

// accessBytes estimates the memory of an access: a name is two words and an allocation, and a map of names is between
// half full and full.
func accessBytes(userID string, a djangosession.Access) int64 {
	n := 192 + len(userID)
	for _, name := range a.Groups {
		n += 16 + (len(name)+15)&^15
	}
	if len(a.Permissions) > 0 {
		n += 48
	}
	for name := range a.Permissions {
		n += 32 + (len(name)+15)&^15
	}
	return int64(n)
}
