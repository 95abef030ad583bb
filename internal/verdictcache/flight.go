package verdictcache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// flight is a question that is under way, and then its answer.
type flight[T any] struct {
	began moment
	done  chan struct{}

	// Written before done is closed.
	value    T
	asked    instant // when the oldest part of the value was asked: when the flight began, or before
	fresh    bool    // whether the cache heard of every change, then and when the flight began
	err      error
	timedOut bool // its context had ended
	panicked *panicError
}

// flights are the flights of a shard that other requests may join. The shard's lock guards them.
type flights[K comparable, T any] map[K]*flight[T]

// join returns the flight for a question about key. lead says that the flight is new, and that the caller must start
// it. A flight as old as the TTL is not joined.
func (fs flights[K, T]) join(key K, m moment, ttl time.Duration) (f *flight[T], lead bool) {
	if f := fs[key]; f != nil && m.at.since(f.began.at) < ttl {
		return f, false
	}
	f = &flight[T]{began: m, asked: m.at, fresh: m.fresh, done: make(chan struct{})}
	fs[key] = f
	return f, true
}

// land removes a flight, unless a newer one has taken its place.
func (fs flights[K, T]) land(key K, f *flight[T]) {
	if fs[key] == f {
		delete(fs, key)
	}
}

// subject is what a question is about: a session or a user's permissions.
type subject[T any] interface {
	// find returns what is kept, or else the flight to wait for and whether to make it.
	find(m moment) (value T, f *flight[T], lead bool)
	// ask asks the store. What is taken from a kept answer makes the flight's answer as old as that.
	ask(ctx context.Context, f *flight[T]) (T, error)
	// land ends a flight: no request joins it any more, and its answer is kept if it may be.
	land(f *flight[T])
	// answers reports whether a flight that began before this moment answers a question of this moment.
	answers(f *flight[T], asked moment) bool
}

// await waits for the flight that find returned, and starts it first if lead. If the flight's answer is too old for
// the question, await asks again.
func await[T any](ctx context.Context, c *Cache, s subject[T], asked moment, f *flight[T], lead bool) (T, error) {
	// A client that hangs up must not tear down the answer that others wait for.
	ctx = c.deadlines.Context(ctx)
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
		// The flight has had the time of the first one who asked, and there is some left for this one; or what it has
		// found is too old for this question. The next one begins later than the question.
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

// fly asks the store. It has as much time as the request that leads the flight.
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
	makeRoom()
	f.value, f.err = s.ask(ctx, f)
}

// makeRoom has the stack of a goroutine grow at once to what asking a store takes. It would grow a little at a time,
// and each time all of it would be copied: that took a tenth of a request for a session that is new to the cache.
//
//go:noinline
func makeRoom() {
	var room [roomBytes]byte
	runtime.KeepAlive(&room)
}

const roomBytes = 12 << 10

// errNoReturn is the flight's error when a store ends its goroutine with runtime.Goexit.
var errNoReturn = errors.New("the store has not returned")

// panicError carries a store's panic to every request that waits for the flight: without a cache, each of them would
// have panicked. If no request waits any more, the panic is only counted.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}
