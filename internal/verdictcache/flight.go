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
	sound    bool    // whether invalidation was sound then and when it began
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
	f = &flight[T]{began: m, asked: m.at, sound: m.sound, done: make(chan struct{})}
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
	// ask asks the store. What it knows from before makes the flight's answer as old as that.
	ask(ctx context.Context, f *flight[T]) (T, error)
	// land keeps the answer of a flight, if it may, and has nobody join it any more.
	land(f *flight[T])
	// answers reports whether the answer of a flight that began before is one to a question of this moment.
	answers(f *flight[T], asked moment) bool
}

// ask answers a question about s. It ends with ctx; the question goes on for others who wait.
func ask[T any](ctx context.Context, c *Cache, s subject[T]) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	asked := c.moment()
	for now := asked; ; now = c.moment() {
		value, f, lead := s.find(now)
		if f == nil {
			return value, nil
		}
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
		case f.err != nil:
			// The time that the first one gave it was over; there may be some left for this one.
			if f.timedOut && ctx.Err() == nil {
				continue
			}
			return none, f.err
		case f.began.seq >= asked.seq && f.began.at.mono >= asked.at.mono || s.answers(f, asked):
			return f.value, nil
		}
		// What the flight has found is too old for this question. The next one begins later than the question.
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

// fly asks the store, with all that ctx says but for its being cancelled: others may wait too.
func fly[T any](ctx context.Context, c *Cache, s subject[T], f *flight[T]) {
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
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
