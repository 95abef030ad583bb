package verdictcache

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// shard is a part of the verdicts, with a lock of its own.
type shard struct {
	mu      sync.Mutex
	table   table
	absents []absent // by the session's hash; of two in one place the newer stays
	flights flights[keyhash.Hash, djangosession.Verdict]
	// usersForgotten is the number of the last forgetting of a user. An older verdict without a user that depends on
	// the user table does not count any more.
	usersForgotten uint64
	swept          uint64 // how many sweeps of the journal have reached this shard
	number         uint32 // its place among the shards
	counts         Counts

	_ [64]byte // neighbours on one cache line would slow each other
}

// absent is a verdict without a user.
type absent struct {
	id     keyhash.Hash
	asked  instant
	seq    uint64
	reason djangosession.Reason // empty where there is nothing
	users  bool                 // whether it depends on some user
}

// absentBytes is what an absent takes.
const absentBytes = 64

// minKeyBytes is the length of the shortest session key.
const minKeyBytes = 8

// Verify returns the kept verdict, or else asks Config.Origin. asked is when the question was asked, and kept says
// which it was. The verdict has no Session. An error is the Origin's, or says that the time is over; neither is a
// verdict.
func (c *Cache) Verify(ctx context.Context, key keyhash.Key, asked time.Time) (v djangosession.Verdict, kept bool, err error) {
	if len(key.Text) < minKeyBytes { // not worth a goroutine
		claim, err := c.asked.Load().origin.Begin(ctx, key.Text)
		return djangosession.Verdict{Reason: claim.Reason}, false, err
	}
	s, hash := c.shardOf(key.Hash)
	q := verdictOf{c: c, s: s, hash: hash, key: key}
	m := c.moment(asked)
	v, f, lead := q.find(m)
	if f == nil {
		return v, true, nil
	}
	waits := q // what waits is allocated, and what is kept needs nothing that is
	v, err = await(ctx, c, &waits, m, f, lead)
	return v, false, err
}

// shardOf returns where a session belongs. The hash has a seed, so that nobody can choose keys that are in each
// other's way.
func (c *Cache) shardOf(id keyhash.Hash) (s *shard, hash uint64) {
	hash = maphash.Bytes(c.seed, id[:])
	return &c.shards[hash>>c.shift], hash
}

func (c *Cache) userHash(userID string) uint64 { return maphash.String(c.seed, userID) }

// lookup returns the kept verdict on a session, if it is usable for a question of the moment m.
func (s *shard) lookup(c *Cache, id keyhash.Hash, hash uint64, m moment) (v djangosession.Verdict, ok bool) {
	if p, k := s.table.find(id, hash); k != nil {
		if wall, at := c.judge(k.asked, m); !k.alive(c.ages, wall, at) {
			return v, false // it is replaced, or displaced
		}
		if !k.used { // what is not written to stays in the processor's cache for others
			k.used = true
		}
		s.counts.Hits++
		return djangosession.Verdict{User: s.table.user(p, k), Expires: k.expires()}, true
	}
	a := s.absent(hash)
	if a.id != id || a.reason == "" || a.users && a.seq < s.usersForgotten {
		return v, false
	}
	if _, at := c.judge(a.asked, m); !young(at.since(a.asked), c.ages.absent) {
		return v, false
	}
	s.counts.Hits++
	return djangosession.Verdict{Reason: a.reason}, true
}

// judge returns the time at which the age of an answer is judged: the moment m of the question, or now if the answer
// is newer than m. An answer is newer when another request asked while this one was on its way here, or when the
// clock has gone back.
func (c *Cache) judge(asked instant, m moment) (time.Time, instant) {
	if m.at.mono < asked.mono {
		return c.clock()
	}
	return m.wall, m.at
}

func (s *shard) absent(hash uint64) *absent {
	return &s.absents[hash%uint64(len(s.absents))]
}

// verdictOf asks about a session.
type verdictOf struct {
	c    *Cache
	s    *shard
	key  keyhash.Key
	hash uint64 // of key.Hash, with the cache's seed

	login loginPrefix // the session's, when it has been read
}

func (q *verdictOf) find(m moment) (djangosession.Verdict, *flight[djangosession.Verdict], bool) {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	if v, ok := q.s.lookup(q.c, q.key.Hash, q.hash, m); ok {
		return v, nil, false
	}
	f, lead := q.s.flights.join(q.key.Hash, m, q.c.ages.ttl)
	if lead {
		q.s.counts.Misses++
	} else {
		q.s.counts.Joined++
	}
	return djangosession.Verdict{}, f, lead
}

// ask is djangosession.Verifier.Verify, but it does not look up a user who is known already.
func (q *verdictOf) ask(ctx context.Context, f *flight[djangosession.Verdict]) (v djangosession.Verdict, err error) {
	origin := q.c.asked.Load().origin
	claim, err := origin.Begin(ctx, q.key.Text)
	if err != nil {
		return v, err
	}
	if user := q.known(claim, f); user != nil {
		v = claim.As(user)
	} else {
		v, err = origin.Resolve(ctx, claim)
	}
	v.Session = nil
	return v, err
}

// answers implements subject. A session that has ended in between is asked about again, and so is one that may have
// begun.
func (q *verdictOf) answers(f *flight[djangosession.Verdict], asked moment) bool {
	if f.value.User == nil && asked.at.since(f.began.at) >= q.c.ages.absent {
		return false
	}
	if f.value.User != nil && !q.c.ages.usable(f.asked, asked.at, f.fresh && !f.value.Expires.IsZero()) {
		return false
	}
	return !ended(f.value.Expires, asked.wall) && !q.c.journal.touched(q.concern(f.value), f.began.seq, asked.seq)
}

// concern returns what a verdict depends on. A verdict without a user does not say which user it is about, so it may
// depend on any.
func (q *verdictOf) concern(v djangosession.Verdict) concern {
	n := concern{session: q.hash, topics: aSession}
	if v.User != nil {
		n.user, n.topics = q.c.userHash(v.User.ID), aSession|aUser
	} else if dependsOnUser(v.Reason) {
		n.topics |= anyUser
	}
	return n
}

// dependsOnUser reports whether a verdict with this reason may change with a row of the user table.
func dependsOnUser(r djangosession.Reason) bool {
	switch r {
	case djangosession.NoCookie, djangosession.BadSessionKey, djangosession.NotFound, djangosession.Expired,
		djangosession.BadSignature, djangosession.Unreadable, djangosession.Anonymous, djangosession.UnknownBackend:
		return false
	case djangosession.BadUserID, djangosession.UserNotFound, djangosession.UserInactive,
		djangosession.AuthHashMismatch:
	}
	return true
}

func (q *verdictOf) land(f *flight[djangosession.Verdict]) {
	wall, at := q.c.clock()
	concern := q.concern(f.value)
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.flights.land(q.key.Hash, f)
	if f.err != nil || f.panicked != nil {
		return
	}
	if q.c.journal.touched(concern, f.began.seq, q.c.journal.last()) {
		q.s.counts.Overtaken++
		return
	}
	if f.value.User == nil {
		q.keepAbsent(f, at)
		return
	}
	expires := f.value.Expires
	k := &kept{
		id: q.key.Hash, login: q.login, asked: f.asked, fresh: f.fresh,
		seconds: expires.Unix(), nanos: int32(expires.Nanosecond()), //nolint:gosec // below a billion
	}
	if f.value.Reason == "" && k.alive(q.c.ages, wall, at) {
		q.keep(k, f.value.User, concern.user, wall, at)
	}
}

// keep puts k, the verdict on a user, in place of what the cache has on the session. It makes room first.
func (q *verdictOf) keep(k *kept, user *djangosession.User, userHash uint64, wall time.Time, at instant) {
	s, c := q.s, q.c
	if p, old := s.table.find(q.key.Hash, q.hash); old != nil {
		if old.asked.mono > k.asked.mono {
			return // k has taken so long that another question was put meanwhile
		}
		c.verdictBudget.free(s.table.remove(c.seed, p))
	}
	if a := s.absent(q.hash); a.id == q.key.Hash {
		*a = absent{}
	}
	if c.verdictBudget.take(bytesOf(user), func() int64 {
		victim := s.table.victim(c.ages, wall, at)
		if victim == 0 {
			return 0
		}
		s.counts.Evictions++
		return s.table.remove(c.seed, victim)
	}) {
		c.noteLogin(k.login, s, s.table.insert(c.seed, k, user, q.hash, userHash))
	}
}

func (q *verdictOf) keepAbsent(f *flight[djangosession.Verdict], at instant) {
	if !young(at.since(f.began.at), q.c.ages.absent) {
		return
	}
	if r := f.value.Reason; r == "" || r == djangosession.NoCookie || r == djangosession.BadSessionKey {
		return // no store has been asked
	}
	if p, old := q.s.table.find(q.key.Hash, q.hash); old != nil {
		q.c.verdictBudget.free(q.s.table.remove(q.c.seed, p))
	}
	*q.s.absent(q.hash) = absent{
		id: q.key.Hash, asked: f.began.at, seq: f.began.seq, reason: f.value.Reason,
		users: dependsOnUser(f.value.Reason),
	}
}
