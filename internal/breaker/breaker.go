// Package breaker keeps a store that does not answer from holding each request for the whole of its timeout.
//
// A Breaker watches one store: a table, a server of a cache. After several questions in a row that used up their time,
// it opens: further questions fail at once with ErrOpen, and four times a second one of them is put. Whoever asks that
// one waits for a moment; then the question goes on alone. The first answer closes the Breaker. Failures that come quickly,
// such as a refused connection, hold nobody up and change nothing.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"django-sidecar/djangosession"
)

const (
	// enough is how many questions in a row have to use up their time: one may be slow by itself.
	enough = 5
	// pause is how often an open Breaker puts a question. It does not wait for the outcome of the one before, which may
	// hang on a connection that is lost.
	pause = 250 * time.Millisecond
	// patience is how long that question is waited for. A store that is back answers within it, mostly; otherwise whoever
	// asks next has the answer. Where few people ask, each of them would wait for the whole timeout otherwise.
	patience = 100 * time.Millisecond
)

// errNoReturn is the error of a question that has ended its goroutine.
var errNoReturn = errors.New("the store has not returned")

// ErrOpen says that a store was not asked, or not waited for. It is no answer: the question could not be decided.
var ErrOpen = errors.New("not waited for")

// Breaker watches one store. It is safe for concurrent use. A nil *Breaker puts every question.
type Breaker struct {
	store   string
	changed func(open bool)
	left    *sync.WaitGroup  // the questions that go on alone
	now     func() time.Time // for Ask and Do

	mu       sync.Mutex
	silent   int       // the questions in a row that used up their time; enough: it is open
	answered time.Time // when the last answer came
	next     time.Time // when an open Breaker puts a question
}

// New returns a Breaker of the store that messages call by that name. changed is told when it opens and when it closes;
// it must not wait. left has the questions that may go on when whoever asked them has left.
func New(store string, now func() time.Time, changed func(open bool), left *sync.WaitGroup) *Breaker {
	return &Breaker{store: store, now: now, changed: changed, left: left}
}

// Begin fails with ErrOpen where a question must not be put now. Otherwise, whoever puts it calls End when it has
// ended. The store is silent if probing: a question that only reads is put by Await then.
func (b *Breaker) Begin(now time.Time) (probing bool, err error) {
	if b == nil {
		return false, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent < enough {
		return false, nil
	}
	if now.Before(b.next) {
		return false, b.open()
	}
	b.next = now.Add(pause)
	return true, nil
}

func (b *Breaker) open() error {
	return fmt.Errorf("the %s was %w: it did not answer %d questions in a row", b.store, ErrOpen, enough)
}

// End hears how a question has ended. ctx is that of the question.
func (b *Breaker) End(ctx context.Context, began, ended time.Time, err error) {
	switch {
	case b == nil:
	case err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNoPermissionsMixin):
		b.hear(ended)
	case usedUp(ctx, err):
		b.miss(began, ended)
	}
}

// Do puts a question that may write, or fails with ErrOpen. It is waited for to its end: what it has done is known then.
func (b *Breaker) Do(ctx context.Context, question func() error) error {
	if b == nil {
		return question()
	}
	began := b.now()
	if _, err := b.Begin(began); err != nil {
		return err
	}
	err := question()
	b.End(ctx, began, b.now(), err)
	return err
}

// Ask puts a question that only reads to a Breaker's store, or fails with ErrOpen. The question's context may last
// longer than ctx, since the question may go on when Ask has returned.
func Ask[T any](ctx context.Context, b *Breaker, question func(context.Context) (T, error)) (T, error) {
	if b == nil {
		return question(ctx)
	}
	began := b.now()
	probing, err := b.Begin(began)
	if err != nil {
		var none T
		return none, err
	}
	watched := func(ctx context.Context) (T, error) {
		value, err := question(ctx)
		b.End(ctx, began, b.now(), err)
		return value, err
	}
	if probing {
		return Await(ctx, b, watched)
	}
	return watched(ctx)
}

// Await puts a question that Begin has let pass to a silent store. It fails with ErrOpen where that takes a while, and the
// question goes on: a slow answer is one too, and closes the Breaker. A panic is the asker's; where nobody waits any more, it
// is lost.
func Await[T any](ctx context.Context, b *Breaker, question func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value    T
		err      error
		panicked any
	}
	answers := make(chan answer, 1)
	asking, cancel := context.WithoutCancel(ctx), func() {}
	if deadline, ok := ctx.Deadline(); ok {
		asking, cancel = context.WithDeadline(asking, deadline)
	}
	b.left.Go(func() {
		defer cancel()
		a := answer{err: errNoReturn}
		defer func() {
			if value := recover(); value != nil {
				a.panicked = fmt.Sprintf("%v\n\n%s", value, debug.Stack())
			}
			answers <- a
		}()
		a.value, a.err = question(asking)
	})
	var none T
	select {
	case a := <-answers:
		if a.panicked != nil {
			panic(a.panicked)
		}
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-time.After(patience):
		return none, b.open()
	}
}

// hear is called for each answer.
func (b *Breaker) hear(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent >= enough {
		b.changed(false)
	}
	b.silent, b.answered = 0, now
}

// miss is called for each question that used up its time. Where an answer came in the second half of that time, the
// question says nothing about the store as it is now: its connection was lost, or a lock held it up.
func (b *Breaker) miss(began, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answered.Sub(began) > now.Sub(b.answered) {
		return
	}
	if b.silent++; b.silent == enough {
		b.next = now.Add(pause)
		b.changed(true)
	}
}

// usedUp reports whether a question failed because its time was over. That of a client who has hung up was not.
func usedUp(ctx context.Context, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	var network net.Error
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
