package verdictcache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

// asked is the outcome of a question, which may be a panic.
type asked struct {
	verdict  djangosession.Verdict
	err      error
	panicked any
}

// asking puts a question in a goroutine of its own.
func asking(ctx context.Context, c *verdictcache.Cache) <-chan asked {
	out := make(chan asked, 1)
	go func() {
		var a asked
		defer func() {
			a.panicked = recover()
			out <- a
		}()
		a.verdict, a.err = ask(ctx, c, key)
	}()
	return out
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("1", time.Now().Add(time.Hour)), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
		var all [64]<-chan asked
		for i := range all {
			all[i] = asking(t.Context(), c)
		}
		synctest.Wait()
		close(f.hold)
		for _, a := range all {
			if got := <-a; got.err != nil || got.verdict.User.ID != "1" || got.verdict.Session != nil {
				t.Errorf("%+v", got)
			}
		}
		wantAsked(t, f, 1)
		if st := c.Stats().Verdicts; st.Misses != 1 || st.Joined != 63 {
			t.Errorf("%+v", st)
		}
		c.Wait()
	})
}

// TestSingleFlightRaces has no bubble to put the goroutines in order.
func TestSingleFlightRaces(t *testing.T) {
	for range 50 {
		f := &fake{verdict: login("1", time.Now().Add(time.Hour))}
		now := time.Now()
		c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: func() time.Time { return now }})
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if v, _, err := c.Verify(t.Context(), keyhash.New(key), now); err != nil || v.User == nil {
					t.Errorf("%+v, %v", v, err)
				}
			})
		}
		wg.Wait()
		wantAsked(t, f, 1)
	}
}

// TestOldFlightsAreNotJoined: what one finds may be as old as its question.
func TestOldFlightsAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("1", time.Now().Add(time.Hour)), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, TTL: 5 * time.Second, Entries: 100, Now: time.Now})
		first := asking(t.Context(), c)
		after(5*time.Second - time.Nanosecond)
		second := asking(t.Context(), c)
		synctest.Wait()
		wantAsked(t, f, 1)
		after(time.Nanosecond)
		third := asking(t.Context(), c)
		synctest.Wait()
		wantAsked(t, f, 2)
		close(f.hold)
		for _, a := range []<-chan asked{first, second, third} {
			if got := <-a; got.err != nil || got.verdict.User == nil {
				t.Errorf("%+v", got)
			}
		}
		if _, ok := peek(c, key); !ok {
			t.Error("the older answer has displaced the newer")
		}
	})
}

// TestOldFlightsComeToNothing when a newer one has come before them.
func TestOldFlightsComeToNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		old  djangosession.Verdict
		till time.Duration // from the second question
	}{
		{"an older verdict on a user", login("1", time.Time{}), time.Minute - time.Nanosecond},
		{"no session", djangosession.Verdict{Reason: djangosession.NotFound}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{verdict: tt.old, hold: make(chan struct{})}
				if tt.old.User != nil {
					f.verdict.Expires = time.Now().Add(time.Hour)
				}
				c := newCache(t, verdictcache.Config{Origin: f, TTL: 5 * time.Second, MaxAge: time.Minute, Entries: 100, Now: time.Now})
				c.SetFresh(true)
				confirming(t, c)
				first := asking(t.Context(), c)
				after(5 * time.Second)
				synctest.Wait()
				slow := f.hold
				f.verdict, f.hold = login("1", time.Now().Add(time.Hour)), nil
				verify(t, c, key)
				slow <- struct{}{}
				<-first
				after(tt.till)
				if v, ok := peek(c, key); !ok || v.User == nil {
					t.Errorf("%+v, %v", v, ok)
				}
			})
		})
	}
}

// TestStoresWithAnotherClock may tell of sessions that have ended: it is as they say, and nobody asks for ever.
func TestStoresWithAnotherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("1", time.Now()), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
		all := []<-chan asked{asking(t.Context(), c)}
		after(time.Second)
		for range 10 {
			all = append(all, asking(t.Context(), c))
		}
		for range 2 { // one question of the first one, and one of all others
			synctest.Wait()
			f.hold <- struct{}{}
		}
		for _, a := range all {
			if got := <-a; got.err != nil || got.verdict.User == nil {
				t.Errorf("%+v", got)
			}
		}
		wantAsked(t, f, 2)
		if _, ok := peek(c, key); ok {
			t.Error("an ended session is kept")
		}
	})
}

// TestJoinersAskAgain about what may have changed while they waited, though nobody has told.
func TestJoinersAskAgain(t *testing.T) {
	now := time.Now
	for name, tt := range map[string]struct {
		first djangosession.Verdict
		then  time.Duration
	}{
		"a session that has ended":       {login("1", time.Time{}), 3 * time.Second},
		"a session that was not there":   {djangosession.Verdict{Reason: djangosession.NotFound}, time.Second},
		"a user who had been locked out": {djangosession.Verdict{Reason: djangosession.UserInactive}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{verdict: tt.first, hold: make(chan struct{})}
				if f.verdict.User != nil {
					f.verdict.Expires = now().Add(tt.then)
				}
				c := newCache(t, verdictcache.Config{Origin: f, TTL: 10 * time.Second, Entries: 100, Now: now})
				first := asking(t.Context(), c)
				after(tt.then - time.Nanosecond)
				early := asking(t.Context(), c)
				after(time.Nanosecond)
				late := asking(t.Context(), c)
				synctest.Wait()
				wantAsked(t, f, 1)
				f.verdict = djangosession.Verdict{Reason: djangosession.Expired}
				close(f.hold)
				for _, a := range []<-chan asked{first, early} {
					if got := <-a; got.verdict.Reason != tt.first.Reason {
						t.Errorf("%+v", got)
					}
				}
				if got := <-late; got.verdict.Reason != djangosession.Expired {
					t.Errorf("%+v", got)
				}
				wantAsked(t, f, 2)
			})
		})
	}
}

// TestLeavingEarly: neither the client of the request that asks first nor another one ends a question by going away, and each
// waits for as long as it may.
func TestLeavingEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("1", time.Now().Add(time.Hour)), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, Timeout: 10 * time.Second, TTL: time.Minute, Entries: 100, Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		leader := asking(ctx, c)
		synctest.Wait()
		brief, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		joiner, patient := asking(brief, c), asking(t.Context(), c)
		synctest.Wait()
		cancel()
		after(9 * time.Second)
		close(f.hold)
		for _, a := range []<-chan asked{leader, joiner, patient} {
			if got := <-a; got.err != nil || got.verdict.User == nil {
				t.Errorf("the question has ended with somebody's leaving: %+v", got)
			}
		}
		wantAsked(t, f, 1)
	})
}

// TestDeadlines: a question has the deadline of the first one who asks, and those who have more time ask again.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type value struct{}
		var n atomic.Int64
		c := newCache(t, verdictcache.Config{Timeout: time.Second, TTL: time.Minute, Entries: 100, Now: time.Now, Origin: finding(
			func(ctx context.Context, _ string) (djangosession.Verdict, error) {
				if ctx.Value(value{}) != "kept" {
					t.Error("the values of the first one's context are gone")
				}
				if n.Add(1) == 1 {
					<-ctx.Done()
					return djangosession.Verdict{}, errors.New("canceling statement") // which drivers do not always wrap
				}
				return login("1", time.Now().Add(time.Hour)), nil
			})})
		ctx := context.WithValue(t.Context(), value{}, "kept")
		leader := asking(ctx, c)
		synctest.Wait()
		same := asking(ctx, c)
		after(time.Second / 2)
		patient := asking(ctx, c)
		synctest.Wait()
		began := time.Now()
		for _, a := range []<-chan asked{leader, same} {
			if got := <-a; got.err == nil {
				t.Errorf("%+v", got)
			}
		}
		if waited := time.Since(began); waited != time.Second/2 {
			t.Errorf("waited %v longer", waited)
		}
		if got := <-patient; got.err != nil || got.verdict.User == nil {
			t.Errorf("%+v", got)
		}
		if n.Load() != 2 {
			t.Errorf("asked %d times", n.Load())
		}
	})
}

// TestNobodyWaitsForever for a store that does not heed its deadline.
func TestNobodyWaitsForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		c := newCache(t, verdictcache.Config{Timeout: time.Second, TTL: time.Minute, Entries: 100, Now: time.Now, Origin: finding(
			func(context.Context, string) (djangosession.Verdict, error) {
				<-hold
				return login("1", time.Now().Add(time.Hour)), nil
			})})
		leader := asking(t.Context(), c)
		after(time.Second / 2)
		joiner, began := asking(t.Context(), c), time.Now()
		for a, want := range map[<-chan asked]time.Duration{leader: time.Second / 2, joiner: time.Second} {
			got := <-a
			if !errors.Is(got.err, context.DeadlineExceeded) || got.verdict.User != nil {
				t.Errorf("%+v", got)
			}
			if waited := time.Since(began); waited < want {
				t.Errorf("waited %v, want %v", waited, want)
			}
		}
		close(hold)
		c.Wait()
		if _, ok := peek(c, key); !ok {
			t.Error("the answer that came late is not kept")
		}
	})
}

func TestErrorsGoToAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{err: errors.New("the database is gone"), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
		all := []<-chan asked{asking(t.Context(), c), asking(t.Context(), c)}
		synctest.Wait()
		close(f.hold)
		for _, a := range all {
			if got := <-a; !errors.Is(got.err, f.err) || got.verdict.User != nil {
				t.Errorf("%+v", got)
			}
		}
		wantAsked(t, f, 1)
	})
}

func TestPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		failure := errors.New("a fault of the store's")
		c := newCache(t, verdictcache.Config{TTL: time.Minute, Entries: 100, Now: time.Now, Origin: finding(
			func(context.Context, string) (djangosession.Verdict, error) {
				<-hold
				panic(failure)
			})})
		all := []<-chan asked{asking(t.Context(), c), asking(t.Context(), c)}
		synctest.Wait()
		hold <- struct{}{}
		for _, a := range all {
			got := <-a
			err, _ := got.panicked.(error)
			if !errors.Is(err, failure) || !strings.Contains(fmt.Sprint(err), "flight_test.go") {
				t.Errorf("%+v", got)
			}
		}
		// With nobody left to hear of it, the next one asks for himself.
		if got := <-asking(t.Context(), c); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("%+v", got)
		}
		hold <- struct{}{}
		c.Wait()
		if n := c.Stats().Panics; n != 2 {
			t.Errorf("%d panics are counted", n)
		}
	})
}

func TestGoexit(t *testing.T) {
	c := newCache(t, verdictcache.Config{TTL: time.Minute, Entries: 100, Now: time.Now, Origin: finding(
		func(context.Context, string) (djangosession.Verdict, error) {
			runtime.Goexit()
			return djangosession.Verdict{}, nil
		})})
	for range 2 {
		if v, err := ask(t.Context(), c, key); err == nil || v.User != nil {
			t.Errorf("%+v, %v", v, err)
		}
	}
}
