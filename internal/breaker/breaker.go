// Package breaker keeps a store that does not answer from holding each request for the whole of its timeout.
//
// A Breaker watches one store: a table, a server of a cache. After several questions in a row that used up their time,
// it opens: further questions fail at once with ErrOpen, and four times a second one of them is put. The first answer
// closes it. Failures that come quickly, such as a refused connection, hold nobody up and change nothing.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"net"
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
)

// ErrOpen says that a store was not asked. It is no answer: the question could not be decided.
var ErrOpen = errors.New("not asked")

// Breaker watches one store. It is safe for concurrent use. A nil *Breaker puts every question.
type Breaker struct {
	store   string
	changed func(open bool)
	now     func() time.Time // for Ask

	mu       sync.Mutex
	silent   int       // the questions in a row that used up their time; enough: it is open
	answered time.Time // when the last answer came
	next     time.Time // when an open Breaker puts a question
}

// New returns a Breaker of the store that messages call by that name. changed is told when it opens and when it closes;
// it must not wait.
func New(store string, now func() time.Time, changed func(open bool)) *Breaker {
	return &Breaker{store: store, now: now, changed: changed}
}

// Begin fails with ErrOpen where a question must not be put now. Otherwise, whoever puts it calls End when it has
// ended.
func (b *Breaker) Begin(now time.Time) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent < enough {
		return nil
	}
	if now.Before(b.next) {
		return fmt.Errorf("the %s was %w: it did not answer %d questions in a row", b.store, ErrOpen, enough)
	}
	b.next = now.Add(pause)
	return nil
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

// Ask puts a question, or fails with ErrOpen.
func (b *Breaker) Ask(ctx context.Context, question func() error) error {
	if b == nil {
		return question()
	}
	began := b.now()
	if err := b.Begin(began); err != nil {
		return err
	}
	err := question()
	b.End(ctx, began, b.now(), err)
	return err
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
