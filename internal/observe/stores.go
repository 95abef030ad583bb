package observe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
)

// Watch is how the questions to a store are watched. Of its fields only Now is required.
type Watch struct {
	// Now is the clock. It is read when a question is put, and when it has ended.
	Now func() time.Time
	// Breaker says whether a question is put, and hears how it ends; nil puts each.
	Breaker *breaker.Breaker
	// Room has a place for each question that may be put at a time; nil has places for all.
	Room chan struct{}
	// Span begins the span of a question, and returns what ends it; nil: there are none.
	Span func(context.Context) (context.Context, func(error))

	duration prometheus.Observer // of answers and failures; nil: nobody counts
	errors   prometheus.Counter
}

// Watch has the metrics count the questions of an operation to a store. Nil Metrics count nothing.
func (m *Metrics) Watch(store, operation string, w Watch) Watch {
	if m != nil {
		w.duration, w.errors = m.stores.WithLabelValues(store, operation), m.errors
	}
	return w
}

// question is one that has been put.
type question struct {
	began   time.Time
	probing bool
	endSpan func(error) // nil: it has none
}

// begin returns the context in which a question is put, or why it must not be put.
func (w *Watch) begin(ctx context.Context) (context.Context, question, error) {
	var q question
	if w.Span != nil {
		ctx, q.endSpan = w.Span(ctx)
	}
	q.began = w.Now()
	var err error
	if q.probing, err = w.Breaker.Begin(q.began); err != nil {
		w.close(q, err)
		return ctx, q, err
	}
	if w.Room != nil {
		select {
		case w.Room <- struct{}{}:
		case <-ctx.Done():
			err = fmt.Errorf("waiting for those before: %w", ctx.Err())
			w.note(ctx, q, err)
		}
	}
	return ctx, q, err
}

// end notes how a question has ended that begin has let pass.
func (w *Watch) end(ctx context.Context, q question, err error) {
	if w.Room != nil {
		<-w.Room
	}
	w.note(ctx, q, err)
}

func (w *Watch) note(ctx context.Context, q question, err error) {
	ended := w.Now()
	w.Breaker.End(ctx, q.began, ended, err)
	if w.duration != nil {
		w.duration.Observe(ended.Sub(q.began).Seconds())
	}
	w.close(q, err)
}

// close counts an error that is no answer, and ends the span.
func (w *Watch) close(q question, err error) {
	if err != nil && !djangosession.IsAnswer(err) && w.errors != nil {
		w.errors.Inc()
	}
	if q.endSpan != nil {
		q.endSpan(err)
	}
}

// ask puts a question that only reads.
func ask[T any](ctx context.Context, w *Watch, put func(context.Context) (T, error)) (T, error) {
	ctx, q, err := w.begin(ctx)
	if err != nil {
		var none T
		return none, err
	}
	watched := func(ctx context.Context) (T, error) {
		found, err := put(ctx)
		w.end(ctx, q, err)
		return found, err
	}
	if !q.probing {
		return watched(ctx)
	}
	found, err := breaker.Await(ctx, w.Breaker, watched)
	if errors.Is(err, breaker.ErrOpen) { // the question has not ended: this is an error of its own
		w.close(question{}, err)
	}
	return found, err
}

// Sessions is a djangosession.Store that is watched.
type Sessions struct {
	Store djangosession.Store
	Watch Watch
}

// Load implements djangosession.Store.
func (s *Sessions) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	return ask(ctx, &s.Watch, func(ctx context.Context) (*djangosession.Session, error) { return s.Store.Load(ctx, key) })
}

// Users is a djangosession.UserStore that is watched.
type Users struct {
	Store djangosession.UserStore
	Watch Watch
}

// UserByID implements djangosession.UserStore.
func (u *Users) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	return ask(ctx, &u.Watch, func(ctx context.Context) (*djangosession.StoredUser, error) {
		return u.Store.UserByID(ctx, id)
	})
}

// Accesses is a djangosession.AccessStore that is watched.
type Accesses struct {
	Store djangosession.AccessStore
	Watch Watch
}

// AccessOf implements djangosession.AccessStore.
func (a *Accesses) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return ask(ctx, &a.Watch, func(ctx context.Context) (djangosession.Access, error) {
		return a.Store.AccessOf(ctx, userID)
	})
}

// Writer is a djangosession.Writer that is watched.
type Writer struct {
	Writer djangosession.Writer
	Watch  Watch
}

// write watches one step.
func (w *Writer) write(ctx context.Context, do func(context.Context) error) error {
	ctx, q, err := w.Watch.begin(ctx)
	if err != nil {
		return err
	}
	err = do(ctx)
	heard := err
	if errors.Is(err, djangosession.ErrExists) {
		heard = nil // it is an answer
	}
	w.Watch.end(ctx, q, heard)
	return err
}

// Create implements djangosession.Writer.
func (w *Writer) Create(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	return w.write(ctx, func(ctx context.Context) error { return w.Writer.Create(ctx, key, s, expire) })
}

// Save implements djangosession.Writer.
func (w *Writer) Save(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	return w.write(ctx, func(ctx context.Context) error { return w.Writer.Save(ctx, key, s, expire) })
}

// Delete implements djangosession.Writer.
func (w *Writer) Delete(ctx context.Context, key string) error {
	return w.write(ctx, func(ctx context.Context) error { return w.Writer.Delete(ctx, key) })
}

// Touch implements djangosession.Writer.
func (w *Writer) Touch(ctx context.Context, key string, loaded *djangosession.Session, to time.Time) error {
	return w.write(ctx, func(ctx context.Context) error { return w.Writer.Touch(ctx, key, loaded, to) })
}

// UserWriter writes what a login changes of a user, and is watched.
type UserWriter struct {
	Writer interface {
		SetPassword(ctx context.Context, id, was, is string) (bool, error)
		SetLastLogin(ctx context.Context, id string, at time.Time) error
	}
	Watch Watch
}

// SetPassword implements login.UserWriter.
func (u *UserWriter) SetPassword(ctx context.Context, id, was, is string) (bool, error) {
	ctx, q, err := u.Watch.begin(ctx)
	if err != nil {
		return false, err
	}
	done, err := u.Writer.SetPassword(ctx, id, was, is)
	u.Watch.end(ctx, q, err)
	return done, err
}

// SetLastLogin implements login.UserWriter.
func (u *UserWriter) SetLastLogin(ctx context.Context, id string, at time.Time) error {
	ctx, q, err := u.Watch.begin(ctx)
	if err != nil {
		return err
	}
	err = u.Writer.SetLastLogin(ctx, id, at)
	u.Watch.end(ctx, q, err)
	return err
}
