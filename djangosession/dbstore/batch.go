package dbstore

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBatch caps how many lookups share a query. From sixteen on a server takes about the same time for each, and in a
// larger answer the first row waits for the last.
const maxBatch = 128

// soon is how long a lookup waits for the answer of a running query before another connection asks. Two queries at
// once have half as many lookups each, and each costs nearly as much as one. On one processor, using the second
// connection at once lost a quarter of the rate. A server that takes longer than this is far away or in trouble.
const soon = time.Millisecond

// maxExtensions caps how often a batch waits longer while our own processor is busy. The answer may have come
// already, and no goroutine has had the time to read it. Another connection would only add work.
const maxExtensions = 20

// Batcher lets lookups share queries. One Batcher serves all stores of a database.
//
// A lookup that comes while no query runs is asked at once, by its caller. Lookups that come while a query runs wait,
// and share the next query. That begins when the running query has its answer, or, if the answer does not come soon,
// on another connection.
type Batcher struct {
	mu    sync.Mutex
	conns int
	idle  int         // connections that nobody uses
	ready []batched   // queues with waiting lookups, each once; the one that has waited longest is first
	late  *time.Timer // calls onTimeout when lookups have waited for soon; nil until one waits
	asked uint64      // lookups so far
	busy  int         // how often late has run out in a row while this processor was busy
}

// batched is a queue of any type.
type batched interface {
	// take removes the lookups of the next query, and returns a function that asks it. more says whether lookups are
	// left. It runs under the Batcher's lock.
	take() (ask func(), more bool)
}

// NewBatcher returns a Batcher for stores whose database has so many connections. Below 1 it counts as 1.
func NewBatcher(connections int) *Batcher {
	connections = max(connections, 1)
	return &Batcher{conns: connections, idle: connections}
}

// begin takes a connection if nothing at all is being asked. It is called under the lock, and end when there is an
// answer.
func (b *Batcher) begin() bool {
	if b.idle < b.conns || len(b.ready) > 0 {
		return false
	}
	b.idle--
	return true
}

// end gives the connection to the lookups that have come meanwhile.
func (b *Batcher) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle++
	if len(b.ready) > 0 {
		b.use()
	}
}

// add is called under the lock when a queue gets the first of its lookups.
func (b *Batcher) add(q batched) {
	b.ready = append(b.ready, q)
	switch {
	case b.idle == b.conns:
		b.use()
	case len(b.ready) == 1:
		b.wait()
	}
}

// use has one more connection ask, if there is one.
func (b *Batcher) use() {
	if b.idle > 0 {
		b.idle--
		go b.work()
	}
}

// wait has one more connection used unless an answer comes soon.
func (b *Batcher) wait() {
	b.busy = 0
	switch {
	case b.idle == 0:
	case b.late == nil:
		b.late = time.AfterFunc(soon, b.onTimeout)
	default:
		b.late.Reset(soon)
	}
}

// onTimeout runs when no answer has come soon. It uses another connection, or extends the wait where this processor
// is busy.
func (b *Batcher) onTimeout() {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.asked
	b.mu.Unlock()
	runtime.Gosched() // until all who can run have run: where lookups are among them, this processor is what takes long
	b.mu.Lock()
	switch {
	case len(b.ready) == 0:
	case b.asked != asked && b.busy < maxExtensions:
		b.busy++
		b.late.Reset(soon)
	default:
		b.use()
	}
}

// work asks on one connection until there is nothing to ask.
func (b *Batcher) work() {
	for {
		// Whoever can run now asks first: on one processor, requests that have come together make one query of
		// themselves.
		runtime.Gosched()
		ask := b.next()
		if ask == nil {
			return
		}
		ask()
	}
}

// next returns the next query, nil if no lookup waits. The connection is idle then.
func (b *Batcher) next() (ask func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.ready) > 0 && ask == nil {
		q := b.ready[0]
		b.ready[0] = nil
		b.ready = b.ready[1:]
		more := false
		if ask, more = q.take(); more {
			b.ready = append(b.ready, q)
		}
	}
	switch {
	case ask == nil:
		b.idle++
	case len(b.ready) > 0: // more than one query can take, or what another store is asked
		b.wait()
	}
	return ask
}

// lookupQueue holds the lookups of one kind that wait for a connection. R is the type of an answer.
type lookupQueue[R any] struct {
	batcher *Batcher
	// one asks for one key, and many for several different ones: it calls found for each row, with the row's own key.
	one  func(ctx context.Context, key string) (R, error)
	many func(ctx context.Context, keys []string, found func(key string, r R)) error
	// absent is the error for a key that no row has.
	absent error
	// most is how many lookups share a query, where that is less than maxBatch.
	most int

	waiting []*lookup[R] // guarded by the Batcher's lock
}

// lookup is one caller's question.
type lookup[R any] struct {
	ctx      context.Context //nolint:containedctx // it is the call's own
	key      string
	answered chan struct{}
	// What follows is the answer.
	result   R
	err      error
	panicked any
}

// errAlone says that a lookup has to be asked by itself.
var errAlone = errors.New("internal error: a lookup must be asked alone")

// find looks a key up, in a query of its own or with others. Every caller waits for as long as its own context lets it.
func (q *lookupQueue[R]) find(ctx context.Context, key string) (R, error) {
	if q.batcher == nil || !plainKey(key) {
		return q.one(ctx, key)
	}
	l := &lookup[R]{ctx: ctx, key: key, answered: make(chan struct{})}
	if q.wait(l) {
		defer q.batcher.end()
		return q.one(ctx, key)
	}
	select {
	case <-l.answered:
	case <-ctx.Done():
		var nothing R
		return nothing, ctx.Err()
	}
	switch {
	case l.panicked != nil:
		panic(l.panicked) // in the caller's goroutine, as without a queue
	case errors.Is(l.err, errAlone):
		return q.one(ctx, key)
	}
	return l.result, l.err
}

// wait puts l in the queue. It returns true if no other lookup is there: then the caller has a connection, and asks
// by itself. Starting another goroutine would take longer than the rest of a lookup that no other shares.
func (q *lookupQueue[R]) wait(l *lookup[R]) (alone bool) {
	b := q.batcher
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	if q.waiting = append(q.waiting, l); len(q.waiting) > 1 {
		return false
	}
	if !b.begin() {
		b.add(q)
		return false
	}
	b.mu.Unlock()
	runtime.Gosched() // as in work
	b.mu.Lock()
	if len(q.waiting) == 1 {
		q.waiting = nil
		return true
	}
	b.ready = append(b.ready, q)
	go b.work()
	return false
}

// plainKey reports whether a key may share a query: a server may refuse another key, and with it the whole query.
func plainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if ('a' > c || c > 'z') && ('0' > c || c > '9') && ('A' > c || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return 0 < len(key) && len(key) <= 64
}

// take implements batched.
func (q *lookupQueue[R]) take() (ask func(), more bool) {
	n := min(len(q.waiting), cmp.Or(q.most, maxBatch))
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if more = len(q.waiting) > 0; !more {
		q.waiting = nil // the batch's callers have its array
	}
	return func() { q.ask(batch) }, more
}

// ask answers lookups by one query.
func (q *lookupQueue[R]) ask(batch []*lookup[R]) {
	ctx, cancel := contextOf(batch)
	defer cancel()
	defer func() {
		p := recover()
		for _, l := range batch {
			l.panicked = p
			close(l.answered)
		}
	}()
	slices.SortFunc(batch, func(a, b *lookup[R]) int { return strings.Compare(a.key, b.key) })
	keys := make([]string, 0, len(batch))
	for i, l := range batch {
		l.err = q.absent
		if i == 0 || l.key != batch[i-1].key {
			keys = append(keys, l.key)
		}
	}
	if len(keys) == 1 {
		r, err := q.one(ctx, keys[0])
		for _, l := range batch {
			l.result, l.err = r, err
		}
		return
	}
	unexpectedKey := false
	err := q.many(ctx, keys, func(key string, r R) {
		i, asked := slices.BinarySearchFunc(batch, key, func(l *lookup[R], key string) int { return strings.Compare(l.key, key) })
		unexpectedKey = unexpectedKey || !asked
		for ; i < len(batch) && batch[i].key == key; i++ {
			batch[i].result, batch[i].err = r, nil
		}
	})
	alone := refusesData(err)
	for _, l := range batch {
		switch {
		case alone, err == nil && unexpectedKey && l.err != nil:
			l.err = errAlone // a collation has matched another spelling of a key, or a row's key was not asked for
		case err != nil:
			l.err = err
		}
	}
}

// contextOf is for a query that serves several: it lasts as long as the most patient of them.
func contextOf[R any](batch []*lookup[R]) (context.Context, context.CancelFunc) {
	var latest time.Time
	for _, l := range batch {
		deadline, ok := l.ctx.Deadline()
		if !ok {
			return context.WithoutCancel(l.ctx), func() {}
		}
		if deadline.After(latest) {
			latest = deadline
		}
	}
	return context.WithDeadline(context.WithoutCancel(batch[0].ctx), latest)
}
