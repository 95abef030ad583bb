package check

import (
	"context"
	"sync/atomic"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/warm"
)

// Uncached is a VerdictSource and an AccessStore that asks the stores each time. verdictcache.Cache is the one that
// keeps verdicts.
type Uncached struct {
	deadlines *warm.Deadlines
	asked     atomic.Pointer[asked]
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
	u := &Uncached{deadlines: warm.NewDeadlines(timeout)}
	u.Use(v, access)
	return u
}

// Use has it ask others from now on.
func (u *Uncached) Use(v Verdicts, access djangosession.AccessStore) {
	u.asked.Store(&asked{v, access})
}

// Verify implements VerdictSource.
func (u *Uncached) Verify(ctx context.Context, key keyhash.Key, _ time.Time) (v djangosession.Verdict, kept bool, err error) {
	v, err = u.asked.Load().verdicts.Verify(u.deadlines.Context(ctx), key.Text)
	return v, false, err
}

// AccessOf implements AccessStore.
func (u *Uncached) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return u.asked.Load().access.AccessOf(u.deadlines.Context(ctx), userID)
}
