package verdictcache_test

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verifierFunc finds a verdict in the first half, and tells it in the second.
type verifierFunc func(ctx context.Context, sessionKey string) (djangosession.Verdict, error)

func (f verifierFunc) Begin(ctx context.Context, sessionKey string) (djangosession.Claim, error) {
	v, err := f(ctx, sessionKey)
	return claimFor(v), err
}

func (verifierFunc) Resolve(_ context.Context, c djangosession.Claim) (djangosession.Verdict, error) {
	return verdictFor(c), nil
}

// verdicts are those on users that a first half has found, by the session of its claim.
var verdicts sync.Map

// claimFor returns a claim for which verdictFor returns v.
func claimFor(v djangosession.Verdict) djangosession.Claim {
	if v.User == nil {
		return djangosession.Claim{Session: v.Session, Reason: v.Reason}
	}
	session := new(djangosession.Session)
	verdicts.Store(session, v)
	return djangosession.Claim{Session: session, Expires: v.Expires}
}

func verdictFor(c djangosession.Claim) djangosession.Verdict {
	if v, ok := verdicts.LoadAndDelete(c.Session); ok {
		return v.(djangosession.Verdict) //nolint:errcheck,forcetypeassert // nothing else is in there
	}
	return djangosession.Verdict{Session: c.Session, Reason: c.Reason}
}

// finding is an Origin that is one function.
func finding(f verifierFunc) verdictcache.Origin { return f }

type accessFunc func(ctx context.Context, userID string) (djangosession.Access, error)

func (f accessFunc) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return f(ctx, userID)
}

// newCache has requests wait for an hour, unless the test says otherwise.
func newCache(tb testing.TB, c verdictcache.Config) *verdictcache.Cache {
	tb.Helper()
	c.Timeout = cmp.Or(c.Timeout, time.Hour)
	cache, err := verdictcache.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return cache
}

// ask puts a question now.
func ask(ctx context.Context, c *verdictcache.Cache, key string) (djangosession.Verdict, error) {
	v, _, err := c.Verify(ctx, keyhash.New(key), time.Now())
	return v, err
}

// peek returns what is kept and may be told now.
func peek(c *verdictcache.Cache, key string) (djangosession.Verdict, bool) {
	return c.Peek(keyhash.Of(key), time.Now())
}

// fake is a store whose answers a test sets.
type fake struct {
	verdict djangosession.Verdict
	access  djangosession.Access
	err     error
	asked   atomic.Int64
	// hold, where it is not nil, has each question wait until it can be received from, once it has its answer.
	hold chan struct{}
}

func (f *fake) Begin(ctx context.Context, _ string) (djangosession.Claim, error) {
	f.asked.Add(1)
	v, err := f.verdict, f.err
	return claimFor(v), errors.Join(err, f.wait(ctx))
}

func (*fake) Resolve(_ context.Context, c djangosession.Claim) (djangosession.Verdict, error) {
	return verdictFor(c), nil
}

func (f *fake) AccessOf(ctx context.Context, _ string) (djangosession.Access, error) {
	f.asked.Add(1)
	a, err := f.access, f.err
	return a, errors.Join(err, f.wait(ctx))
}

func (f *fake) wait(ctx context.Context) error {
	if f.hold == nil {
		return nil
	}
	select {
	case <-f.hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// login is a verdict on a user, with a session that a cache must not hold on to.
func login(userID string, expires time.Time) djangosession.Verdict {
	name := "name of " + userID
	return djangosession.Verdict{
		User: &djangosession.User{ID: userID, Username: &name, IsStaff: djangosession.True}, Expires: expires, Session: &djangosession.Session{},
	}
}

const key = "0123456789abcdefghijklmnopqrstuv"

// confirming has a cache confirmed each second of a bubble, at once to begin with.
func confirming(t *testing.T, c *verdictcache.Cache) {
	t.Helper()
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c.Confirm(time.Now())
			select {
			case <-time.After(time.Second):
			case <-end:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(end)
		running.Wait()
	})
}

// after lets time go by in a bubble.
func after(d time.Duration) { <-time.After(d) }

// verify asks for a verdict that must come.
func verify(t *testing.T, c *verdictcache.Cache, key string) djangosession.Verdict {
	t.Helper()
	v, err := ask(t.Context(), c, key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantAsked holds the questions that a store was asked to n.
func wantAsked(t *testing.T, f *fake, n int64) {
	t.Helper()
	if got := f.asked.Load(); got != n {
		t.Fatalf("the store was asked %d times, want %d", got, n)
	}
}
