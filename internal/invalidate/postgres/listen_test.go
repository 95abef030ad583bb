package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is a PostgreSQL that exists in a test only. All its times are synctest's.
type server struct {
	start time.Time

	mu        sync.Mutex // guards what follows
	log       []string
	cache     *counter
	problems  string   // of the triggers
	installed int      // what is installed: another number for each change
	writers   []string // transactions that have written
	busy      bool     // it takes no notifications
	mute      bool     // the connection gets none of the notifications that it sends
	refuse    error    // of connecting
	deaf      bool     // it answers nothing
	pooled    bool     // it sends no notifications
	notify    func(channel, payload string)
	pending   []string
	changed   chan struct{} // somebody has changed something
	asked     int
}

func newServer(t *testing.T) *server {
	t.Helper()
	return &server{start: time.Now(), cache: new(counter), changed: make(chan struct{}, 1)}
}

func (s *server) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf("%v ", time.Since(s.start))+fmt.Sprintf(format, args...))
}

func (s *server) config() Config {
	return Config{
		Tables: authTablesHere, Cache: s.cache,
		Connect: func(_ context.Context, notify func(string, string)) (NotificationConn, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.note("connect")
			s.notify = notify
			return fakeConn{s}, s.refuse
		},
		Notify: func(_ context.Context, channel string) error {
			if s.is(&s.busy) {
				return errors.New("no connection is free")
			}
			if !s.is(&s.pooled) {
				s.send(channel)
			}
			return nil
		},
		Report: func(fresh bool, why error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if fresh != s.cache.isFresh() {
				s.note("the report and the cache differ")
			}
			s.note("fresh %v %v", fresh, why)
		},
		Now: time.Now, Random: func() uint64 { return 0 },
	}
}

var authTablesHere = Tables{Sessions: "django_session", Users: "auth_user", UserID: "id", UserColumns: []string{"password"}}

func (s *server) send(channel string) {
	s.mu.Lock()
	s.pending = append(s.pending, channel)
	s.mu.Unlock()
	s.wake()
}

// change changes something, and is reads it.
func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *server) is(field *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *field
}

func (s *server) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

type fakeConn struct{ s *server }

func (c fakeConn) Ask(ctx context.Context, query string) (string, error) {
	if c.s.is(&c.s.deaf) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.asked++
	for _, channel := range c.s.pending {
		c.s.notify(channel, "1 u 42")
	}
	c.s.pending = nil
	if echo, looks := strings.CutPrefix(query, "EXECUTE "); looks {
		if !c.s.mute {
			c.s.notify(echo, "")
		}
		return fmt.Sprintf("%064d", c.s.installed) + c.s.problems, nil
	}
	if strings.Contains(query, "pg_locks") {
		return strings.Join(c.s.writers, " "), nil
	}
	return "", nil
}

func (c fakeConn) Wait(ctx context.Context, until time.Time) (bool, error) {
	select {
	case <-c.s.changed:
		return true, nil
	case <-time.After(time.Until(until)):
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (c fakeConn) Listen(ctx context.Context, _ string) error {
	_, err := c.Ask(ctx, "LISTEN")
	return err
}

func (c fakeConn) Close() error {
	if c.s.cache.isFresh() {
		c.s.note("closed before the cache was told")
	}
	return nil
}

// while runs Listen for so long.
func (s *server) while(t *testing.T, d time.Duration, meanwhile func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	done := make(chan error)
	go func() { done <- Listen(ctx, s.config()) }()
	if meanwhile != nil {
		meanwhile()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.cache.isFresh() {
		t.Error("fresh at the end")
	}
}

func (s *server) want(t *testing.T, log ...string) {
	t.Helper()
	if got, want := strings.Join(s.log, "\n"), strings.Join(log, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestSilenceIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.while(t, 20*time.Second, func() {
			pass(10*time.Second + time.Millisecond)
			s.change(func() {
				if !s.cache.isFresh() || s.asked < 10 {
					t.Errorf("fresh is %v, and %d were asked", s.cache.isFresh(), s.asked)
				}
			})
			s.change(func() { s.deaf = true })
			pass(1998 * time.Millisecond) // of the ping at 11 s, the second ends in a millisecond
			if !s.cache.isFresh() {
				t.Error("an answer may take a second")
			}
			pass(time.Millisecond)
			if s.cache.isFresh() {
				t.Error("fresh after two seconds of silence")
			}
			s.change(func() { s.deaf = false })
		})
		s.want(t, "0s connect", "0s fresh true <nil>",
			"12s fresh false looking at the triggers: context deadline exceeded",
			"12.1s connect", "12.1s fresh true <nil>")
	})
}

func TestRefusalsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.refuse = errors.New("port 4711 is closed")
		s.while(t, 9*time.Second, func() {
			pass(time.Second)
			s.change(func() { s.refuse = errors.New("port 4712 is closed") })
			pass(7 * time.Second)
			s.change(func() { s.refuse = nil })
		})
		// Each pause is twice the last, up to five seconds.
		s.want(t, "0s connect", "0s fresh false connecting: port 4711 is closed",
			"100ms connect", "300ms connect", "700ms connect", "1.5s connect", "3.1s connect", "6.3s connect")
	})
}

func TestTriggersAreLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.problems = "there is no trigger"
		s.while(t, 20*time.Second, func() {
			pass(500 * time.Millisecond)
			s.change(func() { s.problems = "" })
			pass(5 * time.Second)
			s.change(func() { s.problems = "there is another problem" })
			pass(2 * time.Second)
			s.change(func() { s.problems = "" })
			pass(3 * time.Second)
			s.change(func() { s.installed++ }) // and all is well, as it was before
		})
		s.want(t, "0s connect", "0s fresh false looking at the triggers: there is no trigger",
			"100ms connect", "300ms connect", "700ms connect", "700ms fresh true <nil>",
			"5.7s fresh false looking at the triggers: there is another problem",
			"5.8s connect", "6s connect", "6.4s connect", "7.2s connect", "8.8s connect", "8.8s fresh true <nil>",
			"10.8s fresh false looking at the triggers: "+errTouched.Error(), "10.9s connect", "10.9s fresh true <nil>")
	})
}

// TestLooksConfirm: each look confirms what is from before it began, however much is told meanwhile, and none does that finds
// something changed.
func TestLooksConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.while(t, 4500*time.Millisecond, func() {
			for range 30 {
				pass(100 * time.Millisecond)
				s.send(Channel)
			}
			pass(100 * time.Millisecond)
			s.change(func() { s.installed++ })
		})
		var confirmed []time.Duration
		for _, at := range s.cache.confirmed {
			confirmed = append(confirmed, at.Sub(s.start))
		}
		if want := []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4100 * time.Millisecond}; !slices.Equal(confirmed, want) {
			t.Errorf("confirmed at %v, want %v", confirmed, want)
		}
	})
}

// TestOldWritersAreWaitedFor: who has written before the first look may have done so when nothing was told. Who begins later
// is not waited for.
func TestOldWritersAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.writers = []string{"3/7", "4/1"}
		s.while(t, 10*time.Second, func() {
			pass(500 * time.Millisecond)
			s.change(func() { s.writers = []string{"4/1", "3/8"} })
			pass(5 * time.Second)
			if s.cache.isFresh() {
				t.Error("fresh, and a transaction has written before")
			}
			s.change(func() { s.writers = []string{"3/8"} })
		})
		s.want(t, "0s connect",
			"1s fresh false waiting for transactions that were writing: one has not ended for a while; when it does, changes will be told",
			"5.6s fresh true <nil>")
	})
}

// TestMuteConnection: who does not hear what it sends itself does not know what else is missing.
func TestMuteConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.while(t, 3*time.Second, func() {
			pass(500 * time.Millisecond)
			s.change(func() { s.mute = true })
		})
		s.want(t, "0s connect", "0s fresh true <nil>",
			"1s fresh false waiting for a notification of our own: "+errNoEcho.Error(), "1.1s connect", "1.3s connect", "1.7s connect", "2.5s connect")
	})
}

func TestNoEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.pooled = true
		s.while(t, 2*time.Second, nil)
		s.want(t, "0s connect", "1s fresh false waiting for a notification of our own: "+errNoEcho.Error(), "1.1s connect")
	})
}

// TestVerdictsFromElsewhere: by and by the connections that verdicts use lead to another server. Where none of them is free, nothing is
// known, and nothing changes.
func TestVerdictsFromElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.while(t, 95*time.Second, func() {
			pass(10 * time.Second)
			s.change(func() { s.busy = true })
			pass(25 * time.Second)
			s.change(func() { s.busy = false })
			pass(30 * time.Second)
			s.change(func() { s.pooled = true })
			pass(26 * time.Second)
			s.change(func() { s.pooled = false })
		})
		s.want(t, "0s connect", "0s fresh true <nil>",
			"1m30s fresh false waiting for a notification of our own: "+errNoEcho.Error(), "1m30.1s connect", "1m31.3s connect", "1m31.3s fresh true <nil>")
	})
}

func TestNotificationsAreToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.while(t, 10*time.Second, func() {
			pass(500 * time.Millisecond)
			s.send("somebody else's")
			s.send(Channel)
			synctest.Wait()
			if got := strings.Join(s.cache.told, ";"); got != "all;user 42" {
				t.Errorf("told %q", got)
			}
		})
	})
}

func TestWrongConfig(t *testing.T) {
	s := newServer(t)
	for name, spoil := range map[string]func(*Config){
		"no cache":   func(c *Config) { c.Cache = nil },
		"no connect": func(c *Config) { c.Connect = nil },
		"no notify":  func(c *Config) { c.Notify = nil },
		"no tables":  func(c *Config) { c.Tables = Tables{} },
		"no columns": func(c *Config) { c.Tables.UserColumns = nil },
	} {
		c := s.config()
		spoil(&c)
		if err := Listen(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(s.log) > 0 {
		t.Errorf("connected: %q", s.log)
	}
}
