package webhook_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/webhook"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// TestStatuses: what each answer leads to, and that the application sees a fresh timestamp at each try.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		code  int
		first webhook.AttemptOutcome
	}{
		{200, webhook.Delivered},
		{204, webhook.Delivered},
		{299, webhook.Delivered},
		{0, webhook.PutOff}, // no answer
		{301, webhook.PutOff},
		{304, webhook.PutOff},
		{400, webhook.PutOff},
		{401, webhook.PutOff},
		{403, webhook.PutOff},
		{404, webhook.PutOff},
		{408, webhook.PutOff},
		{409, webhook.PutOff},
		{410, webhook.GivenUp},
		{425, webhook.PutOff},
		{429, webhook.PutOff},
		{500, webhook.PutOff},
		{503, webhook.PutOff},
	} {
		t.Run(strconv.Itoa(c.code), func(t *testing.T) {
			dir := newDir(t)
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, webhook.Options{})
				answers := []int{c.code, 200}
				f.answer = func(string) *http.Response { code := answers[0]; answers = answers[1:]; return status(code) }
				f.add(t, "A")
				f.runFor(t, time.Minute)
				want := []string{"A " + string(c.first)}
				if c.first == webhook.PutOff {
					want = append(want, "A delivered")
				}
				if diff := cmp.Diff(want, f.outcomes()); diff != "" {
					t.Error(diff)
				}
				if got := f.attempts[0].Status; got != c.code {
					t.Errorf("the report says %d", got)
				}
				for i := range f.times {
					if got := f.seen[i].Sub(f.times[i]); got < 0 || got >= time.Second {
						t.Errorf("try %d was signed %v before", i, got)
					}
				}
				failed := 0
				if c.first == webhook.GivenUp {
					failed = 1
				}
				if got := len(f.files(t, "failed", "-A.0.0.0.event")); got != failed || f.Pending() != 0 {
					t.Errorf("%d in failed/, %d pending", got, f.Pending())
				}
			})
		})
	}
}

// TestBackoff: the times between the tries of an event that is refused, and what becomes of it in the end.
func TestBackoff(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		f.answer = func(string) *http.Response { return status(http.StatusForbidden) }
		f.add(t, "A")
		f.runFor(t, 48*time.Hour)
		if len(f.seen) != 300 || f.outcomes()[299] != "A given up" || f.Pending() != 0 {
			t.Fatalf("%d tries, the last one %s, %d pending", len(f.seen), f.outcomes()[299], f.Pending())
		}
		if got := f.seen[299].Sub(f.seen[0]); got < 20*time.Hour || got > 28*time.Hour {
			t.Errorf("given up after %v", got)
		}
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
			want *= time.Second
			if got := f.seen[i+1].Sub(f.seen[i]); got < want-time.Millisecond || got > want+want/8 {
				t.Errorf("try %d comes %v after the one before, not %v", i+1, got, want)
			}
		}
		if names := f.files(t, "failed", ".event"); len(names) != 1 || len(f.files(t, "", ".event")) != 0 {
			t.Errorf("in failed/: %v", names)
		}
	})
}

// TestUnreachable: an application that does not answer is asked without an end, and never by many at once.
func TestUnreachable(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		down := true
		f.answer = func(string) *http.Response {
			if down {
				return status(http.StatusBadGateway)
			}
			return nil
		}
		ids := []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J"}
		f.add(t, ids...)
		f.runFor(t, 24*time.Hour)
		if f.Pending() != len(ids) {
			t.Errorf("%d of %d are left", f.Pending(), len(ids))
		}
		if tries := len(f.seen); tries < 24*60 || tries > 24*121 { // at most one in half a minute
			t.Errorf("it was asked %d times", tries)
		}
		// Four fail together, which is one failure.
		for i, want := range []time.Duration{0, 0, 0, 1, 2, 4, 8, 16, 30, 30} {
			if got := f.seen[i+1].Sub(f.seen[i]); got != want*time.Second {
				t.Errorf("try %d comes %v after the one before", i+1, got)
			}
		}
		for _, id := range ids {
			if !slices.Contains(f.ids(), id) {
				t.Errorf("%s was never tried", id)
			}
		}
		// It comes back: the rest follows at once, but for those whose own time has not come.
		down = false
		f.runFor(t, 6*time.Minute)
		if f.Pending() != 0 {
			t.Errorf("%d are left", f.Pending())
		}
	})
}

// TestRetryAfter: it puts off the event and the others.
func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"120":                           2 * time.Minute,
		"Sat, 01 Jan 2000 00:10:00 GMT": 10 * time.Minute, // the bubble's clock begins at midnight
		"Fri, 31 Dec 1999 00:00:00 GMT": time.Second,
		"86400":                         time.Hour,
		"99999999999999999999":          time.Hour,
		"-5":                            time.Second,
		"soon":                          time.Second,
	} {
		t.Run(value, func(t *testing.T) {
			dir := newDir(t)
			synctest.Test(t, func(t *testing.T) {
				f := open(t, dir, webhook.Options{})
				asked := 0
				f.answer = func(string) *http.Response {
					if asked++; asked > 1 {
						return nil
					}
					r := status(http.StatusServiceUnavailable)
					r.Header.Set("Retry-After", value)
					return r
				}
				stop := f.start(t)
				defer stop()
				f.add(t, "A")
				synctest.Wait()
				f.add(t, "B")
				<-time.After(2 * time.Hour)
				if len(f.seen) != 3 {
					t.Fatalf("it was asked %d times", len(f.seen))
				}
				if next := f.attempts[0].Next; next < want-time.Second {
					t.Errorf("it was put off for %v", next)
				}
				if got := f.seen[1].Sub(f.seen[0]); got < want-time.Millisecond || got > want+want/8 {
					t.Errorf("it was asked again after %v", got)
				}
			})
		})
	}
}

// TestOrder: the oldest goes first, one that is refused does not hold up the others, and several are on their way at once.
func TestOrder(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		ids := plant(t, dir, 1500) // more than are known at a time
		f := open(t, dir, webhook.Options{})
		now, most, done := 0, 0, make(chan struct{})
		f.answer = func(id string) *http.Response {
			f.application.mu.Lock()
			now++
			most = max(most, now)
			f.application.mu.Unlock()
			<-time.After(time.Second)
			f.application.mu.Lock()
			now--
			f.application.mu.Unlock()
			if id == "e7" {
				return status(http.StatusInternalServerError)
			}
			return nil
		}
		go func() { defer close(done); f.runFor(t, time.Hour) }()
		<-done
		place := map[string]int{}
		for i, id := range f.ids() {
			if _, again := place[id]; !again {
				place[id] = i
			}
		}
		for i, id := range ids {
			if at, ok := place[id]; !ok || max(at-i, i-at) > 4 {
				t.Fatalf("%s came as number %d", id, at)
			}
		}
		if most != 4 || f.Pending() != 1 {
			t.Errorf("%d at once, %d left", most, f.Pending())
		}
	})
}

// TestStop: what is on its way may end; what does not end in time is delivered by the next process.
func TestStop(t *testing.T) {
	for name, c := range map[string]struct{ takes, stopped time.Duration }{
		"a short try ends":      {2 * time.Second, 2 * time.Second},
		"a long try is cut off": {9 * time.Second, 3 * time.Second},
		"an idle queue stops":   {0, 0},
		"a pausing queue stops": {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			synctest.Test(t, func(t *testing.T) {
				transport := roundTripper(func(r *http.Request) (*http.Response, error) {
					if c.takes < 0 {
						return status(http.StatusServiceUnavailable), nil
					}
					select {
					case <-time.After(c.takes):
						return status(http.StatusOK), nil
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				})
				f := open(t, dir, webhook.Options{Client: &http.Client{Transport: transport}, URL: "http://application/"})
				if c.takes != 0 {
					f.add(t, "A")
				}
				stop := f.start(t)
				synctest.Wait()
				start := time.Now()
				stop()
				if got := time.Since(start); got != c.stopped {
					t.Errorf("it stopped after %v", got)
				}
				left := len(f.files(t, "", "-A.0.0.0.event"))
				if want := c.takes > c.stopped; want != (left == 1) {
					t.Errorf("%d left as they were, after %v", left, f.outcomes())
				}
			})
		})
	}
}

type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRunTwice: one Run at a time, and another one after it.
func TestRunTwice(t *testing.T) {
	dir := newDir(t)
	synctest.Test(t, func(t *testing.T) {
		f := open(t, dir, webhook.Options{})
		stop := f.start(t)
		synctest.Wait()
		if err := f.Run(t.Context()); err == nil {
			t.Error("it runs twice")
		}
		stop()
		f.add(t, "A")
		f.runFor(t, 0)
		if diff := cmp.Diff([]string{"A delivered"}, f.outcomes()); diff != "" {
			t.Error(diff)
		}
	})
}
