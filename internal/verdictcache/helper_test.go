package verdictcache_test

import (
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

type verifierFunc func(ctx context.Context, sessionKey string) (djangosession.Verdict, error)

func (f verifierFunc) VerifyKnowing(ctx context.Context, sessionKey string, _ func(djangosession.Login) *djangosession.User) (djangosession.Verdict, error) {
	return f(ctx, sessionKey)
}

type accessFunc func(ctx context.Context, userID string) (djangosession.Access, error)

func (f accessFunc) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return f(ctx, userID)
}

func newCache(tb testing.TB, c verdictcache.Config) *verdictcache.Cache {
	tb.Helper()
	cache, err := verdictcache.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return cache
}

// peek asks now.
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

func (f *fake) VerifyKnowing(ctx context.Context, _ string, _ func(djangosession.Login) *djangosession.User) (djangosession.Verdict, error) {
	f.asked.Add(1)
	v, err := f.verdict, f.err
	return v, errors.Join(err, f.wait(ctx))
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
	v, err := c.Verify(t.Context(), key)
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
