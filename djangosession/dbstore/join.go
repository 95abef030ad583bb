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

// maxJoined is how many lookups share a query at most. What a server takes for each is as good as constant from sixteen
// on, and a larger answer keeps the first one waiting for the last.
const maxJoined = 128

// soon is how long an answer takes that is worth waiting for. Of two queries at once, each has half as many lookups, and costs
// the server and us nearly as much: on one processor a second connection, used at once, took a quarter of the rate away. An
// answer that takes longer is that of a server far away or in trouble, and nobody waits for it.
const soon = time.Millisecond

// patience is how often an answer may be late because this processor is busy: it may have come, and nobody has had the time to
// read it. Another connection would have more to do for everybody.
const patience = 20

// Joiner lets lookups share queries. A lookup never waits so that there be more to share: it is asked at once where nothing is
// being asked, and otherwise goes with the next query: when an answer has come, or when none has come soon, on another
// connection. One Joiner serves the stores of a database.
type Joiner struct {
	mu    sync.Mutex
	conns int
	idle  int         // connections that nobody uses
	ready []joined    // queues with lookups that wait: each once, and the one that has waited longest first
	late  *time.Timer // runs out when those who wait have waited long enough; nil until somebody has
	asked uint64      // lookups so far
	busy  int         // how often late has run out, in a row, while this processor was busy
}

// joined is a queue, whatever its answers are.
type joined interface {
	// take returns what asks a query for waiting lookups, and whether others stay behind. It runs under the Joiner's lock.
	take() (ask func(), more bool)
}

// NewJoiner returns a Joiner for stores whose database has so many connections.
func NewJoiner(connections int) *Joiner { return &Joiner{conns: connections, idle: connections} }

// begin takes a connection if nothing at all is being asked. It is called under the lock, and end when there is an answer.
func (j *Joiner) begin() bool {
	if j.idle < j.conns || len(j.ready) > 0 {
		return false
	}
	j.idle--
	return true
}

// end gives the connection to those who have come meanwhile.
func (j *Joiner) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.idle++
	if len(j.ready) > 0 {
		j.use()
	}
}

// add is called under the lock when a queue gets the first of its lookups.
func (j *Joiner) add(q joined) {
	j.ready = append(j.ready, q)
	switch {
	case j.idle == j.conns:
		j.use()
	case len(j.ready) == 1:
		j.wait()
	}
}

// use has one more connection ask, if there is one.
func (j *Joiner) use() {
	if j.idle > 0 {
		j.idle--
		go j.work()
	}
}

// wait has one more connection used unless an answer comes soon.
func (j *Joiner) wait() {
	j.busy = 0
	switch {
	case j.idle == 0:
	case j.late == nil:
		j.late = time.AfterFunc(soon, j.tire)
	default:
		j.late.Reset(soon)
	}
}

// tire is called when no answer has come soon.
func (j *Joiner) tire() {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.mu.Unlock()
	runtime.Gosched() // until all who can run have run: where lookups are among them, this processor is what takes long
	j.mu.Lock()
	switch {
	case len(j.ready) == 0:
	case j.asked != asked && j.busy < patience:
		j.busy++
		j.late.Reset(soon)
	default:
		j.use()
	}
}

// work asks on one connection until there is nothing to ask.
func (j *Joiner) work() {
	for {
		// Whoever can run now asks first: on one processor, requests that have come together make one query of themselves.
		runtime.Gosched()
		ask := j.next()
		if ask == nil {
			return
		}
		ask()
	}
}

// next is nil where nothing waits; the connection is idle then.
func (j *Joiner) next() (ask func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.ready) > 0 && ask == nil {
		q := j.ready[0]
		j.ready[0] = nil
		j.ready = j.ready[1:]
		more := false
		if ask, more = q.take(); more {
			j.ready = append(j.ready, q)
		}
	}
	switch {
	case ask == nil:
		j.idle++
	case len(j.ready) > 0: // more than one query can take, or what another store is asked
		j.wait()
	}
	return ask
}

// queue holds the lookups of one kind that wait for a connection. R is what is found.
type queue[R any] struct {
	joiner *Joiner
	// one asks for one key, and many for several different ones: it calls found for each row, with the row's own key.
	one  func(ctx context.Context, key string) (R, error)
	many func(ctx context.Context, keys []string, found func(key string, r R)) error
	// absent is the error for a key that no row has.
	absent error
	// most is how many lookups share a query, where that is less than maxJoined.
	most int

	waiting []*lookup[R] // guarded by the Joiner's lock
}

// lookup is one caller's question.
type lookup[R any] struct {
	ctx      context.Context //nolint:containedctx // it is a call's own, which lasts no longer
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
func (q *queue[R]) find(ctx context.Context, key string) (R, error) {
	if q.joiner == nil || !joinable(key) {
		return q.one(ctx, key)
	}
	l := &lookup[R]{ctx: ctx, key: key, answered: make(chan struct{})}
	if q.wait(l) {
		defer q.joiner.end()
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
		panic(l.panicked) // where somebody recovers, as if there were no queue
	case errors.Is(l.err, errAlone):
		return q.one(ctx, key)
	}
	return l.result, l.err
}

// wait has l wait for an answer, and reports whether it need not, because nobody asks for anything else: the connection is the
// caller's then. Another goroutine would take longer than all else of a lookup that nobody shares.
func (q *queue[R]) wait(l *lookup[R]) (alone bool) {
	j := q.joiner
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	if q.waiting = append(q.waiting, l); len(q.waiting) > 1 {
		return false
	}
	if !j.begin() {
		j.add(q)
		return false
	}
	j.mu.Unlock()
	runtime.Gosched() // as in work
	j.mu.Lock()
	if len(q.waiting) == 1 {
		q.waiting = nil
		return true
	}
	j.ready = append(j.ready, q)
	go j.work()
	return false
}

// joinable keeps keys that are not plain out of queries that others depend on: a server may refuse them.
func joinable(key string) bool {
	for i := range len(key) {
		c := key[i]
		if ('a' > c || c > 'z') && ('0' > c || c > '9') && ('A' > c || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return 0 < len(key) && len(key) <= 64
}

// take implements joined.
func (q *queue[R]) take() (ask func(), more bool) {
	n := min(len(q.waiting), cmp.Or(q.most, maxJoined))
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if more = len(q.waiting) > 0; !more {
		q.waiting = nil // the batch's callers have its array
	}
	return func() { q.ask(batch) }, more
}

// ask answers lookups by one query.
func (q *queue[R]) ask(batch []*lookup[R]) {
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
	strange := false
	err := q.many(ctx, keys, func(key string, r R) {
		i, asked := slices.BinarySearchFunc(batch, key, func(l *lookup[R], key string) int { return strings.Compare(l.key, key) })
		strange = strange || !asked
		for ; i < len(batch) && batch[i].key == key; i++ {
			batch[i].result, batch[i].err = r, nil
		}
	})
	for _, l := range batch {
		switch {
		case refusesValue(err), err == nil && strange && l.err != nil:
			l.err = errAlone // a collation has matched another spelling of a key, or there is a key that is none
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
