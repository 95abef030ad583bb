package check

import (
	"context"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// Uncached is a VerdictSource and an AccessStore that keeps nothing: it asks each time. verdictcache.Cache keeps what
// it is told.
type Uncached struct {
	// Verdicts finds the verdict on a session key, as djangosession.Verifier does.
	Verdicts interface {
		Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error)
	}
	// Access finds what a user may do. It may be nil where nobody asks.
	Access djangosession.AccessStore
	// Timeout ends a question.
	Timeout time.Duration
}

// Verify implements VerdictSource.
func (u Uncached) Verify(ctx context.Context, key keyhash.Key, _ time.Time) (v djangosession.Verdict, kept bool, err error) {
	ctx, cancel := u.bounded(ctx)
	defer cancel()
	v, err = u.Verdicts.Verify(ctx, key.Text)
	return v, false, err
}

// AccessOf implements AccessStore.
func (u Uncached) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	ctx, cancel := u.bounded(ctx)
	defer cancel()
	return u.Access.AccessOf(ctx, userID)
}

// bounded has the deadline alone end a question: a client that hangs up must not tear down a database connection
// under its query.
func (u Uncached) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), u.Timeout)
}
