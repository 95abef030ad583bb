package check

import (
	"context"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// Uncached is a VerdictSource and an AccessStore that asks the stores each time. verdictcache.Cache is the one that
// keeps verdicts.
type Uncached struct {
	timeout time.Duration
	asked   atomic.Pointer[asked]
}

// Verdicts finds the verdict on a session key, as djangosession.Verifier does.
type Verdicts interface {
	Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error)
}

type asked struct {
	verdicts Verdicts
	access   djangosession.AccessStore
}

// NewUncached returns an Uncached whose questions end after timeout. Access may be nil where nobody asks for it.
func NewUncached(v Verdicts, access djangosession.AccessStore, timeout time.Duration) *Uncached {
	u := &Uncached{timeout: timeout}
	u.Use(v, access)
	return u
}

// Use has it ask others from now on.
func (u *Uncached) Use(v Verdicts, access djangosession.AccessStore) {
	u.asked.Store(&asked{v, access})
}

// Verify implements VerdictSource.
func (u *Uncached) Verify(ctx context.Context, key keyhash.Key, _ time.Time) (v djangosession.Verdict, kept bool, err error) {
	ctx, cancel := u.bounded(ctx)
	defer cancel()
	v, err = u.asked.Load().verdicts.Verify(ctx, key.Text)
	return v, false, err
}

// AccessOf implements AccessStore.
func (u *Uncached) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	ctx, cancel := u.bounded(ctx)
	defer cancel()
	return u.asked.Load().access.AccessOf(ctx, userID)
}

// bounded has the deadline alone end a question: a client that hangs up must not tear down a database connection
// under its query.
func (u *Uncached) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), u.timeout)
}
