// Package breaker keeps a store that does not answer from holding each request for the whole of its timeout.
//
// A Breaker watches one store: a table, a server of a cache. After several questions in a row that used up their time, it opens:
// further questions fail at once with ErrOpen, and four times a second one of them is put. The first answer closes it.
// Failures that come quickly, such as a refused connection, hold nobody up and change nothing.
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
	now     func() time.Time

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

// ask puts question, or fails with ErrOpen.
func ask[T any](ctx context.Context, b *Breaker, question func() (T, error)) (answer T, err error) {
	if b == nil {
		return question()
	}
	began, open := b.begin()
	if open {
		return answer, fmt.Errorf("the %s was %w: it did not answer %d questions in a row", b.store, ErrOpen, enough)
	}
	answer, err = question()
	switch {
	case err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNoPermissionsMixin):
		b.hear()
	case usedUp(ctx, err):
		b.miss(began)
	}
	return answer, err
}

// Ask puts a question whose answer is kept by who asks. nil and the errors that are answers of a store say that one has
// come.
func (b *Breaker) Ask(ctx context.Context, question func() error) error {
	_, err := ask(ctx, b, func() (struct{}, error) { return struct{}{}, question() })
	return err
}

// begin reports whether the Breaker is open, and a question must not be put now.
func (b *Breaker) begin() (now time.Time, open bool) {
	now = b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent < enough {
		return now, false
	}
	if now.Before(b.next) {
		return now, true
	}
	b.next = now.Add(pause)
	return now, false
}

// hear is called for each answer.
func (b *Breaker) hear() {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent >= enough {
		b.changed(false)
	}
	b.silent, b.answered = 0, now
}

// miss is called for each question that used up its time. Where an answer came in the second half of that time, the
// question says nothing about the store as it is now: its connection was lost, or a lock held it up.
func (b *Breaker) miss(began time.Time) {
	now := b.now()
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

// usedUp reports whether a question failed because its time was over.
func usedUp(ctx context.Context, err error) bool {
	var network net.Error
	return ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

// WatchedSessions is a djangosession.Store that a Breaker watches.
type WatchedSessions struct {
	djangosession.Store
	*Breaker
}

// Load implements djangosession.Store.
func (s WatchedSessions) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	return ask(ctx, s.Breaker, func() (*djangosession.Session, error) { return s.Store.Load(ctx, key) })
}

// WatchedUsers is a djangosession.UserStore that a Breaker watches.
type WatchedUsers struct {
	djangosession.UserStore
	*Breaker
}

// UserByID implements djangosession.UserStore.
func (u WatchedUsers) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	return ask(ctx, u.Breaker, func() (*djangosession.StoredUser, error) { return u.UserStore.UserByID(ctx, id) })
}

// WatchedPermissions finds what a user may do, in tables that a Breaker watches.
type WatchedPermissions struct {
	djangosession.AccessStore
	*Breaker
}

// AccessOf implements djangosession.AccessStore.
func (p WatchedPermissions) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return ask(ctx, p.Breaker, func() (djangosession.Access, error) { return p.AccessStore.AccessOf(ctx, userID) })
}
