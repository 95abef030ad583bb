package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/observe"
)

// opened returns a silent server, its Breaker, which has opened, and the ways to ask it.
func opened(left *sync.WaitGroup) (s *server, b *breaker.Breaker, ways []func() error) {
	s = &server{answer: silent}
	b = breaker.New("user table", time.Now, func(bool) {}, left)
	ways = questions(s, b)
	for range 5 {
		_ = ways[0]()
	}
	return s, b, ways
}

// Where somebody asks now and then, each question is one that looks whether the server is back. Nobody waits for its end,
// which is heard.
func TestQuietSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left sync.WaitGroup
		s, _, ways := opened(&left)
		for i, ask := range ways {
			<-time.After(time.Minute)
			began := time.Now()
			if err := ask(); !errors.Is(err, breaker.ErrOpen) || time.Since(began) != patience || s.count() != 6+i {
				t.Errorf("%d: %v after %v, asked %d times", i, err, time.Since(began), s.count())
			}
		}
		s.behave(func(context.Context) error { // it is back, and has much to do
			<-time.After(3 * patience)
			return nil
		})
		for i, ask := range append(ways, ways...) {
			<-time.After(time.Minute)
			if err := ask(); errors.Is(err, breaker.ErrOpen) != (i == 0) {
				t.Errorf("%d of a slow server: %v", i, err)
			}
		}
	})
}

// A question that is put to a silent server goes on when its client has hung up, or has been told enough; and it ends in
// time.
func TestProbesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left sync.WaitGroup
		s, b, _ := opened(&left)
		ended := make(chan time.Duration, 1)
		began := time.Now()
		s.behave(func(ctx context.Context) error {
			<-ctx.Done()
			ended <- time.Since(began)
			return ctx.Err()
		})
		for _, hangsUp := range []bool{true, false} {
			<-time.After(pause)
			began = time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			if hangsUp {
				time.AfterFunc(patience/2, cancel)
			}
			users := &observe.Users{Store: s, Watch: observe.Watch{Now: time.Now, Breaker: b}}
			_, err := users.UserByID(ctx, djangosession.Value{})
			cancel()
			if took := time.Since(began); hangsUp && took != patience/2 || !hangsUp && took != patience || err == nil {
				t.Errorf("%v after %v", err, took)
			}
			if left.Wait(); len(ended) != 1 {
				t.Error("nobody could wait for the question")
			}
			if after := <-ended; after != timeout {
				t.Errorf("the question ended after %v", after)
			}
		}
	})
}

// TestProbePanics: a store that panics takes down what asks, and never the process.
func TestProbePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left sync.WaitGroup
		s, _, ways := opened(&left)
		s.behave(func(context.Context) error { panic("oh") })
		for i, ask := range ways {
			<-time.After(pause)
			func() {
				defer func() {
					if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "oh\n\ngoroutine ") {
						t.Errorf("%d: %q", i, text)
					}
				}()
				t.Errorf("%d: %v", i, ask())
			}()
		}
		s.behave(func(context.Context) error { runtime.Goexit(); return nil })
		for i, ask := range ways {
			<-time.After(pause)
			if err := ask(); err == nil || djangosession.IsAnswer(err) {
				t.Errorf("%d: %v of a goroutine that has ended", i, err)
			}
		}
		s.behave(func(context.Context) error {
			<-time.After(2 * patience)
			panic("nobody is there")
		})
		<-time.After(pause)
		if err := ways[0](); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("%v before a panic", err)
		}
		<-time.After(timeout)
	})
}

// What writes is waited for, also where the server is silent: its outcome would not be known otherwise.
func TestWritingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: silent}
		b := breaker.New("cache", time.Now, func(bool) {}, new(sync.WaitGroup))
		writer := &observe.UserWriter{Writer: s, Watch: observe.Watch{Now: time.Now, Breaker: b}}
		ways := []func(context.Context) error{
			func(ctx context.Context) error { return b.Do(ctx, func() error { return s.ask(ctx) }) },
			func(ctx context.Context) error { return writer.SetLastLogin(ctx, "1", time.Now()) },
		}
		for i := range 10 {
			if i >= 5 {
				<-time.After(pause)
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			began := time.Now()
			if err := ways[i%2](ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != timeout {
				t.Errorf("%d: %v after %v", i, err, time.Since(began))
			}
			if i == 4 {
				if err := ways[i%2](ctx); !errors.Is(err, breaker.ErrOpen) {
					t.Errorf("%d: at once after it: %v", i, err)
				}
			}
			cancel()
		}
	})
}
