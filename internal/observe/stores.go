package observe

import (
	"context"
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

// begin returns the time at which a question is put, or why it must not be put.
func (w *Watch) begin() (time.Time, error) {
	now := w.Now()
	err := w.Breaker.Begin(now)
	if err != nil && w.errors != nil {
		w.errors.Inc()
	}
	return now, err
}

// end notes how a question has ended. An error that is an answer is no failure.
func (w *Watch) end(ctx context.Context, began time.Time, err error) {
	ended := w.Now()
	w.Breaker.End(ctx, began, ended, err)
	if w.duration == nil {
		return
	}
	w.duration.Observe(ended.Sub(began).Seconds())
	if err != nil && !djangosession.IsAnswer(err) {
		w.errors.Inc()
	}
}

// Sessions is a djangosession.Store that is watched.
type Sessions struct {
	Store djangosession.Store
	Watch Watch
}

// Load implements djangosession.Store.
func (s *Sessions) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	began, err := s.Watch.begin()
	if err != nil {
		return nil, err
	}
	session, err := s.Store.Load(ctx, key)
	s.Watch.end(ctx, began, err)
	return session, err
}

// Users is a djangosession.UserStore that is watched.
type Users struct {
	Store djangosession.UserStore
	Watch Watch
}

// UserByID implements djangosession.UserStore.
func (u *Users) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	began, err := u.Watch.begin()
	if err != nil {
		return nil, err
	}
	user, err := u.Store.UserByID(ctx, id)
	u.Watch.end(ctx, began, err)
	return user, err
}

// Access is a djangosession.AccessStore that is watched.
type Access struct {
	Store djangosession.AccessStore
	Watch Watch
}

// AccessOf implements djangosession.AccessStore.
func (a *Access) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	began, err := a.Watch.begin()
	if err != nil {
		return djangosession.Access{}, err
	}
	access, err := a.Store.AccessOf(ctx, userID)
	a.Watch.end(ctx, began, err)
	return access, err
}
