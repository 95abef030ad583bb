// Package verdictcache keeps verdicts for a short while, and does not tell them any longer than it may.
//
// What it promises of an answer to a question put at the time q:
//
//   - what it says of the session, and what it says of the user, was the truth at some moment after q-TTL, or after
//     q-1s where the TTL is less than a second;
//   - it is not from before a forgetting that concerns it and that had returned by q;
//   - it is no session that had expired by q.
//
// Ages count from when a question was put to the store, because that is the latest moment from which the answer is
// known to be true. Confirm moves that moment: where invalidation is fresh, what is still kept was also true at the
// moment that was confirmed last. So an answer may be older than the TTL, up to MaxAge, and is told only while the last
// confirmation is younger than the TTL. An error is no answer, and is kept by nobody.
package verdictcache

import (
	"context"
	"errors"
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// Verifier finds a verdict in two halves, as djangosession.Verifier has them. It is asked in a goroutine of its own, with the
// values of the first request that waits for the answer.
type Verifier interface {
	Begin(ctx context.Context, sessionKey string) (djangosession.Claim, error)
	Resolve(ctx context.Context, claim djangosession.Claim) (djangosession.Verdict, error)
}

// AccessStore finds what a user may do. It is asked as a Verifier is.
type AccessStore interface {
	AccessOf(ctx context.Context, userID string) (djangosession.Access, error)
}

// Config is what a Cache is made with. Verifier, Timeout, TTL, Entries and Now are required.
type Config struct {
	// Verifier returns the Verifier that is in force. A verdict is begun and resolved by the same one.
	Verifier func() Verifier
	// Access finds what users may do; nil where nobody asks.
	Access AccessStore
	// Timeout is how long a request waits for an answer. It waits so long also when its client has gone: others may wait
	// for the same answer.
	Timeout time.Duration
	// TTL is how old an answer may be that nothing has confirmed since.
	TTL time.Duration
	// MaxAge is how old an answer may be that is confirmed again and again, see SetFresh and Confirm; 0 means TTL.
	MaxAge time.Duration
	// Entries bounds the verdicts that are kept, and the accesses: so many of each. The verdicts without a user have
	// an eighth of it for themselves besides, so that whoever makes up session keys displaces nobody.
	Entries int
	// Bytes bounds the memory of what is kept; 0 means 400 for each of Entries. A quarter of it is for accesses
	// where Access is set.
	Bytes int64
	// Now is the clock. Ages are judged by its monotonic reading, if it has one, and by the
	// wall's, whichever says more; ends of sessions by the wall's.
	Now func() time.Time
}

// absentTTL is the longest that a verdict without a user is kept: whoever has just logged in must not wait.
const absentTTL = time.Second

// bytesAnEntry is what Bytes is by default, for each entry. The usual verdict takes little more than half of it.
const bytesAnEntry = 400

// maxAnswerBytes is the largest answer that is kept.
const maxAnswerBytes = 64 << 10

// Cache answers from what it keeps, and asks for the rest, each question once at a time. It is safe for concurrent use.
// What it returns is shared by all who ask, and must not be written to.
type Cache struct {
	config Config
	ages   *ages
	seed   maphash.Seed
	start  time.Time

	journal journal
	fresh   atomic.Bool
	freshMu sync.Mutex // held by SetFresh

	shards        []shard // by the highest bits of a session's hash
	shift         int
	verdictBudget budget
	logins        []atomic.Uint32 // by the hash of a login, where a verdict is that was found by it
	accesses      []accessShard   // by the highest bits of a user's hash
	accessShift   int
	accessBudget  budget

	flying sync.WaitGroup
	panics atomic.Uint64
}

// minLease is how long a confirmation holds where the TTL is shorter: confirmations come a few times a second at most.
const minLease = time.Second

// ages are how long what is kept may be told.
type ages struct {
	ttl, maxAge, absent time.Duration
	lease               time.Duration // how long a confirmation holds

	confirmed atomic.Pointer[instant] // the last confirmation; nil: there has been none
}

// usable reports whether an answer to a question that was put at the time asked may be told at the time now. fresh says
// that invalidation was fresh when the question was put, and has been since, or the answer would have been forgotten.
func (a *ages) usable(asked, now instant, fresh bool) bool {
	age := now.since(asked)
	if young(age, a.ttl) {
		return true
	}
	if !fresh || !young(age, a.maxAge) {
		return false
	}
	confirmed := a.confirmed.Load()
	return confirmed != nil && now.since(*confirmed) < a.lease
}

// young reports whether an answer is young enough. One from the future is not: such a clock has gone back.
func young(age, limit time.Duration) bool { return age >= 0 && age < limit }

// instant is a time since the cache was made, by both clocks. The wall clock may be set back, and the monotonic one stands
// still while a virtual machine is suspended.
type instant struct{ mono, wall time.Duration }

// earlier is the earlier one of two instants, by both clocks.
func (i instant) earlier(j instant) instant {
	return instant{mono: min(i.mono, j.mono), wall: min(i.wall, j.wall)}
}

// since is the time from asked to i, the longer one of what the clocks say.
func (i instant) since(asked instant) time.Duration { return max(i.mono-asked.mono, i.wall-asked.wall) }

// moment is when somebody asks.
type moment struct {
	seq   uint64 // of the last forgetting before
	fresh bool   // whether invalidation is fresh
	at    instant
	wall  time.Time
}

// New returns an empty Cache. Its invalidation is not fresh until SetFresh says so.
func New(c Config) (*Cache, error) {
	switch {
	case c.Verifier == nil || c.Now == nil:
		return nil, errors.New("a verdict cache needs a verifier and a clock")
	case c.TTL <= 0 || c.Timeout <= 0:
		return nil, errors.New("a verdict cache needs a TTL and a Timeout above zero")
	case c.MaxAge != 0 && c.MaxAge < c.TTL:
		return nil, errors.New("the MaxAge of a verdict cache is below its TTL")
	case c.Entries <= 0 || c.Bytes < 0:
		return nil, errors.New("a verdict cache needs bounds above zero")
	}
	if c.MaxAge == 0 {
		c.MaxAge = c.TTL
	}
	if c.Bytes == 0 {
		c.Bytes = bytesAnEntry * int64(c.Entries)
	}
	cache := &Cache{
		config: c,
		ages:   &ages{ttl: c.TTL, lease: max(c.TTL, minLease), maxAge: c.MaxAge, absent: min(c.TTL, absentTTL)},
		seed:   maphash.MakeSeed(),
		start:  c.Now(),
	}
	cache.divide()
	return cache, nil
}

// divide makes the shards, and shares the bounds out. The bounds hold for all shards together, and who puts something
// into a shard makes room there; so that there is something to displace, a shard has 256 usual entries or more on average.
func (c *Cache) divide() {
	entries, bytes := int64(c.config.Entries), c.config.Bytes
	usual := min(entries, bytes/bytesAnEntry)
	n := bits.Len64(uint64(min(64, max(1, usual/256)))) - 1
	c.shards, c.shift = make([]shard, 1<<n), 64-n
	a := max(0, n-3)
	c.accesses, c.accessShift = make([]accessShard, 1<<a), 64-a
	for i := range c.accesses {
		c.accesses[i].kept, c.accesses[i].flights = map[string]*keptAccess{}, flights[string, djangosession.Access]{}
	}

	absents := max(1, usual/8>>n)
	for i := range c.shards {
		c.shards[i].flights = flights[keyhash.Hash, djangosession.Verdict]{}
		c.shards[i].absents = make([]absent, absents)
		c.shards[i].number = uint32(i)
	}
	bytes -= absents << n * absentBytes
	c.logins = make([]atomic.Uint32, max(1, usual))
	bytes -= int64(len(c.logins)) * loginBytes
	if c.config.Access != nil {
		c.accessBudget = budget{maxEntries: entries, maxBytes: c.config.Bytes / 4}
		bytes -= c.accessBudget.maxBytes
	}
	c.verdictBudget = budget{maxEntries: entries, maxBytes: bytes}
}

// moment is that of a question which is put now, or was put at the time asked and is looked into now. It reads the journal
// before it asks whether invalidation is fresh, so that a verdict is taken for one from a fresh time only if the journal would
// tell of that time's end.
func (c *Cache) moment(asked time.Time) moment {
	m := moment{seq: c.journal.last()}
	m.fresh = c.fresh.Load()
	m.wall, m.at = asked, c.instant(asked)
	return m
}

func (c *Cache) clock() (wall time.Time, at instant) {
	wall = c.config.Now()
	return wall, c.instant(wall)
}

func (c *Cache) instant(t time.Time) instant {
	return instant{mono: t.Sub(c.start), wall: time.Duration(t.UnixNano() - c.start.UnixNano())}
}

// Wait returns when no question is under way. It is for a program's end, when nobody asks any more.
func (c *Cache) Wait() { c.flying.Wait() }

// budget is what all shards together may keep of one kind.
type budget struct {
	maxEntries, maxBytes int64
	entries, bytes       atomic.Int64
}

// take has room for n bytes made by calls of evict, which returns how many bytes it has freed, 0 for nothing left to
// free. It reports whether there is room now.
func (b *budget) take(n int64, evict func() int64) bool {
	if n > min(b.maxBytes, maxAnswerBytes) {
		return false
	}
	entries, bytes := b.entries.Add(1), b.bytes.Add(n)
	for entries > b.maxEntries || bytes > b.maxBytes {
		freed := evict()
		if freed == 0 {
			b.free(n)
			return false
		}
		b.free(freed)
		entries, bytes = b.entries.Load(), b.bytes.Load()
	}
	return true
}

// free gives back the room of one entry of n bytes.
func (b *budget) free(n int64) {
	b.entries.Add(-1)
	b.bytes.Add(-n)
}
