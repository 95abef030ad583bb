package warm

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

type nameKey struct{}

// TestQuestionsEnd: whenever a question begins, its time is over after the timeout, and not much earlier.
func TestQuestionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 2 * time.Second
		d := NewDeadlines(timeout)
		for range 50 {
			began := time.Now()
			ctx := d.Context(t.Context())
			deadline, ok := ctx.Deadline()
			if left := deadline.Sub(began); !ok || left > timeout || left < timeout-timeout/100 {
				t.Errorf("it may take %v", left)
			}
			if ctx.Err() != nil {
				t.Errorf("it has just begun: %v", ctx.Err())
			}
			child, cancel := context.WithCancel(ctx)
			<-child.Done()
			if took := time.Since(began); took > timeout || took < timeout-timeout/100 {
				t.Errorf("it took %v", took)
			}
			for _, c := range []context.Context{ctx, child} {
				if !errors.Is(c.Err(), context.DeadlineExceeded) || !errors.Is(context.Cause(c), context.DeadlineExceeded) {
					t.Errorf("it ended by %v, %v", c.Err(), context.Cause(c))
				}
			}
			cancel()
			<-time.After(7 * time.Millisecond)
		}
	})
}

// TestQuestionsTogether: those that begin together have one timer, and otherwise nothing of each other.
func TestQuestionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDeadlines(time.Second)
		ends := map[<-chan struct{}]bool{}
		for range 1000 {
			ends[d.Context(t.Context()).Done()] = true
			<-time.After(100 * time.Microsecond)
		}
		if n := len(ends); n < 5 || n > 11 {
			t.Errorf("1000 questions within 100 ms have %d timers", n)
		}

		request, hangUp := context.WithCancel(context.WithValue(t.Context(), nameKey{}, "ada"))
		first, second := d.Context(request), d.Context(context.WithValue(t.Context(), nameKey{}, "bob"))
		before := runtime.NumGoroutine()
		child, cancel := context.WithCancel(first)
		if n := runtime.NumGoroutine(); n != before {
			t.Errorf("%d goroutines wait for the end of a question", n-before)
		}
		cancel()
		hangUp()
		for name, ctx := range map[string]context.Context{"ada": first, "bob": second} {
			if got := ctx.Value(nameKey{}); got != name || ctx.Err() != nil || context.Cause(ctx) != nil {
				t.Errorf("%s: %v, %v, %v", name, got, ctx.Err(), context.Cause(ctx))
			}
		}
		if !errors.Is(child.Err(), context.Canceled) || child.Value(nameKey{}) != "ada" {
			t.Errorf("its child: %v, %v", child.Err(), child.Value(nameKey{}))
		}
		<-second.Done()
		synctest.Wait()
	})
}
