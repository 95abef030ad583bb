// Package verdictcache keeps verdicts for a short while, and returns none that is too old.
//
// Read verdict.go first: Verify looks a verdict up and asks for a missing one. flight.go lets requests share one
// question, forget.go drops what has changed, and table.go stores the verdicts.
//
// It promises this of an answer to a question that was asked at the time q:
//
//   - what it says of the session, and what it says of the user, was true at some moment after q-TTL, or after
//     q-1s where the TTL is less than a second;
//   - if a Forget method that concerns the answer had returned by q, the answer is younger than that call;
//   - the session had not expired by q.
//
// An answer's age counts from the moment when the store was asked: the answer is known to be true then, and not later.
// Confirm moves that moment. While the cache hears of every change, what it still keeps was also true at the last
// confirmation. Such an answer may be older than the TTL, up to MaxAge, while the last confirmation is younger than
// the TTL, or than a second where the TTL is less. The cache keeps no errors.
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
	"django-sidecar/internal/warm"
)

// Origin finds a verdict in two halves, as djangosession.Verifier has them. It is asked in a goroutine of its own,
// with the values of the first request that waits for the answer.
type Origin interface {
	Begin(ctx context.Context, sessionKey string) (djangosession.Claim, error)
	Resolve(ctx context.Context, claim djangosession.Claim) (djangosession.Verdict, error)
}

// Config is what a Cache is made with. Origin, Timeout, TTL, Entries and Now are required.
type Config struct {
	// Origin finds verdicts, until Use names another. A verdict is begun and resolved by the same one.
	Origin Origin
	// Access finds what users may do, until Use names another, and is asked as an Origin is; nil where nobody asks.
	Access djangosession.AccessStore
	// Timeout is how long a request waits for an answer, even when its client has gone: other requests may wait for the
	// same answer.
	Timeout time.Duration
	// TTL is how old an answer may be without a confirmation.
	TTL time.Duration
	// MaxAge is how old an answer may be while Confirm confirms it again and again; 0 means TTL.
	MaxAge time.Duration
	// Entries bounds the verdicts that are kept, and the accesses: so many of each. Verdicts without a user have an
	// eighth of this number in a place of their own, so that made-up session keys displace no user.
	Entries int
	// Bytes bounds the memory of what is kept; 0 means 400 for each of Entries. A quarter of it is for accesses
	// where Access is set.
	Bytes int64
	// Now is the clock. Ages are judged by its monotonic reading, if it has one, and by the
	// wall's, whichever says more; ends of sessions by the wall's.
	Now func() time.Time
}

// absentTTL bounds how long a verdict without a user is kept: a user who has just logged in must not wait.
const absentTTL = time.Second

// bytesAnEntry is what Bytes is by default, for each entry. The usual verdict takes little more than half of it.
const bytesAnEntry = 400

// maxAnswerBytes is the largest answer that is kept.
const maxAnswerBytes = 64 << 10

// Cache answers from what it keeps, and asks for the rest, each question once at a time. It is safe for concurrent use.
// What it returns is shared by all who ask, and must not be written to.
type Cache struct {
	config    Config
	asked     atomic.Pointer[asked] // in force
	deadlines *warm.Deadlines
	ages      *ages
	seed      maphash.Seed
	start     time.Time

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

// usable reports whether an answer may still be returned at the time now, when its question was asked at the time
// asked. fresh says that the cache heard of every change when it asked. It has heard of every change since, or it
// would have forgotten the answer.
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

// young reports whether an age is below the limit. A negative age is not: the clock has gone back.
func young(age, limit time.Duration) bool { return age >= 0 && age < limit }

// instant is a time since the cache was made, by both clocks. The wall clock may be set back, and the monotonic one
// stands still while a virtual machine is suspended.
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
	fresh bool   // whether the cache hears of every change
	at    instant
	wall  time.Time
}

// New returns an empty Cache. It counts on hearing of changes only once SetFresh says so.
func New(c Config) (*Cache, error) {
	switch {
	case c.Origin == nil || c.Now == nil:
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
		config:    c,
		deadlines: warm.NewDeadlines(c.Timeout),
		ages:      &ages{ttl: c.TTL, lease: max(c.TTL, minLease), maxAge: c.MaxAge, absent: min(c.TTL, absentTTL)},
		seed:      maphash.MakeSeed(),
		start:     c.Now(),
	}
	cache.asked.Store(&asked{c.Origin, c.Access})
	cache.divide()
	return cache, nil
}

// asked are who finds what the cache does not keep.
type asked struct {
	origin Origin
	access djangosession.AccessStore
}

// Use has the cache ask others from now on, and forget what those before them have said. Access is nil where it was for
// New.
func (c *Cache) Use(o Origin, access djangosession.AccessStore) {
	c.asked.Store(&asked{o, access})
	c.ForgetAll()
}

// divide makes the shards. The bounds hold for all shards together, but a new entry displaces entries of its own
// shard only. So a shard is made for 256 usual entries or more, unless the whole cache has fewer.
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

// moment returns the moment of a question that was asked at the time asked. It reads the journal before c.fresh.
// SetFresh(false) writes in the other order, so an answer that began as fresh finds the end of that time in the
// journal.
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

// Wait returns when no question is under way. Call it at the end of the program, when no more questions come.
func (c *Cache) Wait() { c.flying.Wait() }

// budget is what all shards together may keep of one kind.
type budget struct {
	maxEntries, maxBytes int64
	entries, bytes       atomic.Int64
}

// take reserves n bytes for one entry, and reports whether there was room. It calls evict until there is; evict
// returns the bytes that it has freed, 0 when nothing is left.
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
