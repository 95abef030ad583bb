package dbstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// lookAgain is how long a finding is kept that a table, a column or a privilege is missing. Somebody may make it at
// any time, and no query says so.
const lookAgain = time.Second

// shape is what the columns of tables make of a store's queries.
type shape[S any] interface {
	comparable
	// same reports whether the other shape asks the same queries.
	same(other S) bool
	// lasts is how long it is good without another look; zero is for ever.
	lasts() time.Duration
	// drop forgets the prepared statements.
	drop()
}

// shapes keeps what a look at the tables has found: the shape that fits them, or what is wrong with them. Only one
// caller looks at a time, and the others wait for what it finds.
type shapes[S shape[S]] struct {
	// look looks at the tables. An error that is a finding says what is wrong with them, any other that the look
	// failed.
	look func(ctx context.Context) (S, error)
	now  func() time.Time
	// reads is what the queries read, in the words of an error.
	reads string
	// conditional says that the queries have conditions of the operator's.
	conditional bool

	mu      sync.Mutex
	shape   S         // the zero S until one is known
	err     error     // the finding that stands in the place of a shape, or nil
	until   time.Time // when to look again, the zero Time for never
	doubted bool      // a query of the shape did not fit the tables
	// confirmed is when a look that followed a doubt last found the same shape again.
	confirmed time.Time
	looking   *look[S] // nil while nobody looks
}

// look is a look at the tables that goes on.
type look[S any] struct {
	done  chan struct{} // closed at its end
	shape S
	err   error
}

// tableError is an error that says what is wrong with the tables.
type tableError struct{ error }

// Unwrap returns the error itself.
func (f tableError) Unwrap() error { return f.error }

// isFinding tells what the tables are from the failure of a query.
func isFinding(err error) bool {
	return errors.As(err, new(tableError)) || errors.Is(err, ErrNoTable) || misfits(err)
}

// errNoLook is the error of callers that waited for a look that panicked.
var errNoLook = errors.New("internal error: looking at the tables came to no end")

// get returns the shape of the tables, from the database if it is not known.
func (k *shapes[S]) get(ctx context.Context) (S, error) {
	for {
		k.mu.Lock()
		if k.known() {
			defer k.mu.Unlock()
			return k.shape, k.err
		}
		l := k.looking
		if l == nil {
			l = &look[S]{done: make(chan struct{}), err: errNoLook}
			k.looking = l
			k.mu.Unlock()
			k.lead(ctx, l)
			return l.shape, l.err
		}
		k.mu.Unlock()
		select {
		case <-l.done:
		case <-ctx.Done():
			var none S
			return none, ctx.Err()
		}
		if !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return l.shape, l.err
		}
		// The time of whoever looked was over. Ours may not be.
	}
}

// known reports whether what is kept is still good. It is called under the lock.
func (k *shapes[S]) known() bool {
	var none S
	switch {
	case k.shape == none && k.err == nil, k.err == nil && k.doubted:
		return false
	case k.until.IsZero():
		return true
	}
	return k.now().Before(k.until)
}

// lead looks at the tables for everybody who waits.
func (k *shapes[S]) lead(ctx context.Context, l *look[S]) {
	defer func() {
		k.mu.Lock()
		k.looking = nil
		k.mu.Unlock()
		close(l.done)
	}()
	found, err := k.look(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	var none S
	switch {
	case err == nil:
		k.keep(found)
	case isFinding(err):
		if k.shape != none {
			k.shape.drop()
		}
		k.shape, k.doubted = none, false
		k.finding(err)
	case k.shape == none || k.err != nil || k.doubted:
		l.shape, l.err = none, err
		return
	default: // it was only to see whether the missing columns are there by now
		k.until = k.now().Add(lookAgain)
	}
	l.shape, l.err = k.shape, k.err
	if k.err != nil {
		l.shape = none
	}
}

// keep keeps a shape. It is called under the lock.
func (k *shapes[S]) keep(found S) {
	var none S
	if k.shape != none && k.shape.same(found) {
		if k.doubted {
			k.confirmed = k.now()
		}
	} else {
		if k.shape != none {
			k.shape.drop()
		}
		k.shape, k.confirmed = found, time.Time{}
	}
	k.err, k.doubted, k.until = nil, false, time.Time{}
	if lasts := k.shape.lasts(); lasts > 0 {
		k.until = k.now().Add(lasts)
	}
}

// finding keeps what is wrong with the tables. It is called under the lock.
func (k *shapes[S]) finding(err error) { k.err, k.until = err, k.now().Add(lookAgain) }

// failed says what failed. Where a query of the shape did not fit the tables, they are looked at again; where that
// has just been done and has changed nothing, the error is kept as a finding: a privilege is missing, or a table that
// nobody looks at. Where the query has conditions of the operator's, it is the asker's alone: a condition may fail on
// one row, and must not fail everybody.
func (k *shapes[S]) failed(of S, err error) error {
	if err == nil {
		return nil
	}
	if misfits(err) {
		k.misfit(of, err)
	}
	return fmt.Errorf("reading %s: %w", k.reads, err)
}

// failedAlone is failed for a statement that no verdict needs: what it lacks, such as a privilege, is in nobody
// else's way.
func (k *shapes[S]) failedAlone(of S, err error) error {
	if misfits(err) {
		k.doubt(of)
	}
	return fmt.Errorf("reading %s: %w", k.reads, err)
}

// doubt has the tables be looked at again.
func (k *shapes[S]) doubt(of S) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.doubted = k.doubted || k.shape == of
}

func (k *shapes[S]) misfit(of S, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.shape != of: // there is another one already
	case !k.confirmed.IsZero() && k.now().Sub(k.confirmed) < lookAgain:
		if !k.conditional {
			k.finding(err)
		}
	default:
		k.doubted = true
	}
}

// withShape has ask ask with the shape of the tables. Where a query did not fit, the tables have changed: they are
// looked at again, and it asks once more.
func withShape[S shape[S], R any](ctx context.Context, k *shapes[S], ask func(S) (R, error)) (r R, err error) {
	for range 2 {
		var s S
		if s, err = k.get(ctx); err == nil {
			r, err = ask(s)
		}
		if !misfits(err) {
			break
		}
	}
	return r, err
}
