package verdictcache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// flight is a question that is under way, and then its answer.
type flight[T any] struct {
	began moment
	done  chan struct{}

	// Written before done is closed.
	value    T
	asked    instant // when what is the oldest in the value was asked: when it began, or before
	fresh    bool    // whether invalidation was fresh then and when it began
	err      error
	timedOut bool // its context had ended
	panicked *panicError
}

// flights are those of a shard that may be joined, and belong to its lock.
type flights[K comparable, T any] map[K]*flight[T]

// join returns the flight that answers a question about key, and whether the caller has to make it: when there is none
// yet, or one that is as old as an answer may be.
func (fs flights[K, T]) join(key K, m moment, ttl time.Duration) (f *flight[T], lead bool) {
	if f := fs[key]; f != nil && m.at.since(f.began.at) < ttl {
		return f, false
	}
	f = &flight[T]{began: m, asked: m.at, fresh: m.fresh, done: make(chan struct{})}
	fs[key] = f
	return f, true
}

// land takes a flight off the board, unless another one has taken its place.
func (fs flights[K, T]) land(key K, f *flight[T]) {
	if fs[key] == f {
		delete(fs, key)
	}
}

// subject is something that can be asked about.
type subject[T any] interface {
	// find returns what is kept, or else the flight to wait for and whether to make it.
	find(m moment) (value T, f *flight[T], lead bool)
	// ask asks the store. What is taken from a kept answer makes the flight's answer as old as that.
	ask(ctx context.Context, f *flight[T]) (T, error)
	// land keeps the answer of a flight, if it may, and has nobody join it any more.
	land(f *flight[T])
	// answers reports whether the answer of a flight that began before is one to a question of this moment.
	answers(f *flight[T], asked moment) bool
}

// await answers a question about s that was put at the moment asked, with the flight that find has returned to it.
func await[T any](ctx context.Context, c *Cache, s subject[T], asked moment, f *flight[T], lead bool) (T, error) {
	// A client that hangs up must not tear down a database connection under a query, nor the answer that others wait for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.Timeout)
	defer cancel() // of a flight of one's own it is the end: it has landed then, or its time is over
	var none T
	for {
		if lead {
			c.flying.Go(func() { fly(ctx, c, s, f) })
		}
		if err := f.wait(ctx); err != nil {
			return none, err
		}
		switch {
		case f.panicked != nil:
			panic(f.panicked)
		case lead:
			return f.value, f.err
		case f.err != nil && (!f.timedOut || ctx.Err() != nil):
			return none, f.err
		case f.err == nil && (f.began.seq >= asked.seq && f.began.at.mono >= asked.at.mono || s.answers(f, asked)):
			return f.value, nil
		}
		// The flight has had the time of the first one who asked, and there is some left for this one; or what it has found is
		// too old for this question. The next one begins later than the question.
		var value T
		if value, f, lead = s.find(c.moment(c.config.Now())); f == nil {
			return value, nil
		}
	}
}

func (f *flight[T]) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	default:
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fly asks the store, with the time that the first who asks has.
func fly[T any](ctx context.Context, c *Cache, s subject[T], f *flight[T]) {
	f.err = errNoReturn
	defer func() {
		if value := recover(); value != nil {
			f.panicked = &panicError{value: value, stack: debug.Stack()}
			c.panics.Add(1)
		}
		f.timedOut = ctx.Err() != nil
		s.land(f)
		close(f.done)
	}()
	f.value, f.err = s.ask(ctx, f)
}

// errNoReturn is what remains when a store ends its goroutine with runtime.Goexit.
var errNoReturn = errors.New("the store has not returned")

// panicError is what everybody who waits for a flight panics with when the store did: where no cache is, each of them
// would have. When nobody waits any more, the panic is counted, and otherwise lost, as an error would be.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}
