package verdictcache_test

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

// forgettings are all ways of forgetting, and what each is about: the session of key, whose user is 42, and what user
// 42 may do.
var forgettings = []struct {
	name    string
	forget  func(c *verdictcache.Cache)
	verdict bool // on a user
	absent  bool // no session
	locked  bool // a user who is not let in
	access  bool
}{
	{"the session", func(c *verdictcache.Cache) { c.ForgetSession(keyhash.Of(key)) }, true, true, true, false},
	{"another session", func(c *verdictcache.Cache) { c.ForgetSession(keyhash.Of("another")) }, false, false, false, false},
	{"the user", func(c *verdictcache.Cache) { c.ForgetUser("42") }, true, false, true, true},
	{"another user", func(c *verdictcache.Cache) { c.ForgetUser("4") }, false, false, true, false},
	{"all accesses", (*verdictcache.Cache).ForgetAccess, false, false, false, true},
	{"everything", (*verdictcache.Cache).ForgetAll, true, true, true, true},
	{"while not fresh", func(c *verdictcache.Cache) { c.SetFresh(false) }, true, true, true, true},
	{"nothing: it is fresh now", func(c *verdictcache.Cache) { c.SetFresh(true) }, false, false, false, false},
}

func askVerdict(t *testing.T, c *verdictcache.Cache) string {
	v, err := ask(t.Context(), c, key)
	if err != nil {
		t.Error(err)
	}
	if v.User == nil {
		return string(v.Reason)
	}
	return *v.User.Email
}

func askAccess(t *testing.T, c *verdictcache.Cache) string {
	a, err := c.AccessOf(t.Context(), "42")
	if err != nil {
		t.Error(err)
	}
	return a.Groups[0]
}

// versioned is a store whose answers tell how often it has changed.
func versioned(n int, reason djangosession.Reason) *fake {
	f := &fake{}
	f.set(n, reason)
	return f
}

func (f *fake) set(n int, reason djangosession.Reason) {
	f.access = djangosession.Access{Groups: []string{strconv.Itoa(n)}, IsActive: true}
	switch {
	case reason == "":
		f.verdict = login("42", time.Now().Add(time.Hour))
		f.verdict.User.Email = ptr(strconv.Itoa(n))
	case n == 2:
		f.verdict = djangosession.Verdict{Reason: djangosession.AuthHashMismatch}
	default:
		f.verdict = djangosession.Verdict{Reason: reason}
	}
}

// cases are all pairs of a forgetting and something to forget.
func cases(t *testing.T, test func(t *testing.T, forget func(c *verdictcache.Cache), reason djangosession.Reason,
	ask func(t *testing.T, c *verdictcache.Cache) string, concerned bool),
) {
	for _, f := range forgettings {
		for _, tt := range []struct {
			name      string
			reason    djangosession.Reason
			ask       func(t *testing.T, c *verdictcache.Cache) string
			concerned bool
		}{
			{"a verdict on a user", "", askVerdict, f.verdict},
			{"no session", djangosession.NotFound, askVerdict, f.absent},
			{"a session without a login", djangosession.Anonymous, askVerdict, f.absent},
			{"an inactive user", djangosession.UserInactive, askVerdict, f.locked},
			{"a deleted user", djangosession.UserNotFound, askVerdict, f.locked},
			{"an access", "", askAccess, f.access},
		} {
			t.Run(fmt.Sprintf("%s, forgetting %s", tt.name, f.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, f.forget, tt.reason, tt.ask, tt.concerned) })
			})
		}
	}
}

// TestForget what is kept.
func TestForget(t *testing.T) {
	cases(t, func(t *testing.T, forget func(c *verdictcache.Cache), reason djangosession.Reason,
		ask func(t *testing.T, c *verdictcache.Cache) string, concerned bool,
	) {
		f := versioned(1, reason)
		c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Minute, Entries: 1000, Now: time.Now})
		old := ask(t, c)
		f.set(2, reason)
		forget(c)
		if got := ask(t, c); (got != old) != concerned {
			t.Errorf("%q after %q", got, old)
		}
		st := c.Stats()
		if n := st.Verdicts.Misses + st.Accesses.Misses; (n == 2) != concerned {
			t.Errorf("the store was asked %d times", n)
		}
	})
}

// TestForgetUnderWay has a question under way, whose answer the store has given already, when its subject is forgotten:
// who has asked before may have it, who asks after must not, and neither must it be kept.
func TestForgetUnderWay(t *testing.T) {
	cases(t, func(t *testing.T, forget func(c *verdictcache.Cache), reason djangosession.Reason,
		ask func(t *testing.T, c *verdictcache.Cache) string, concerned bool,
	) {
		f := versioned(1, reason)
		f.hold = make(chan struct{})
		c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Minute, Entries: 1000, Now: time.Now})
		answer := func() <-chan string {
			out := make(chan string, 1)
			go func() { out <- ask(t, c) }()
			synctest.Wait()
			return out
		}
		first, early := answer(), answer()
		f.set(2, reason)
		forget(c)
		late := answer()
		close(f.hold)
		old := <-first
		if got := <-early; got != old {
			t.Errorf("who asked early got %q, the first %q", got, old)
		}
		if got := <-late; (got != old) != concerned {
			t.Errorf("who asked late got %q, the first %q", got, old)
		}
		if got := ask(t, c); (got != old) != concerned {
			t.Errorf("what is kept is %q, the first %q", got, old)
		}
		want := int64(1)
		if concerned {
			want = 2
		}
		wantAsked(t, f, want)
	})
}

// TestForgottenFlightsAreNotWaitedFor where it is known that they are about what was forgotten.
func TestForgottenFlightsAreNotWaitedFor(t *testing.T) {
	for name, forget := range map[string]func(c *verdictcache.Cache){
		"the session": func(c *verdictcache.Cache) { c.ForgetSession(keyhash.Of(key)) },
		"everything":  (*verdictcache.Cache).ForgetAll,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := versioned(1, "")
				f.hold = make(chan struct{})
				c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
				early := asking(t.Context(), c)
				synctest.Wait()
				forget(c)
				late := asking(t.Context(), c)
				synctest.Wait()
				wantAsked(t, f, 2)
				close(f.hold)
				<-early
				<-late
			})
		})
	}
}

// TestForgetUsersOfManySessions finds all of them among others.
func TestForgetUsersOfManySessions(t *testing.T) {
	const users, sessions = 50, 40
	c := newCache(t, verdictcache.Config{TTL: time.Hour, Entries: 10_000, Now: time.Now, Origin: usersOf(users)})
	keys := usualKeys(users * sessions)
	for _, key := range keys {
		verify(t, c, key)
	}
	for user := range users {
		if user%2 == 0 {
			c.ForgetUser(strconv.Itoa(user))
		}
	}
	for i, key := range keys {
		if _, ok := peek(c, key); ok != (i%users%2 == 1) {
			t.Errorf("session %d of user %d is kept: %v", i, i%users, ok)
		}
	}
	st := c.Stats()
	if st.Verdicts.Entries != users*sessions/2 || st.Verdicts.Forgotten != users*sessions/2 {
		t.Errorf("%+v", st)
	}
	c.ForgetAll()
	if after := c.Stats(); after.Verdicts.Entries != 0 || after.Bytes >= st.Bytes/2 {
		t.Errorf("%+v", after)
	}
}

// TestBusyJournal keeps what is asked while others are forgotten, as long as it can be known that it is others.
func TestBusyJournal(t *testing.T) {
	for _, tt := range []struct {
		forgotten int
		want      bool
	}{{0, true}, {1, true}, {4096, true}, {4097, false}, {9000, false}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{verdict: login("42", time.Now().Add(time.Hour)), hold: make(chan struct{})}
			c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
			a := asking(t.Context(), c)
			synctest.Wait()
			for i := range tt.forgotten {
				if i%2 == 0 {
					c.ForgetUser(strconv.Itoa(i + 1000))
				} else {
					c.ForgetSession(keyhash.Of(strconv.Itoa(i)))
				}
			}
			close(f.hold)
			<-a
			if _, ok := peek(c, key); ok != tt.want {
				t.Errorf("%d forgotten: kept %v", tt.forgotten, ok)
			}
			if n := c.Stats().Verdicts.Overtaken; (n == 0) != tt.want {
				t.Errorf("%d forgotten: %d overtaken", tt.forgotten, n)
			}
		})
	}
}

// TestFresh: what was asked before invalidation was fresh lives no longer for it, because its changes went untold.
func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("42", time.Now().Add(time.Hour)), access: djangosession.Access{Groups: []string{"g"}}}
		c := newCache(t, verdictcache.Config{
			Origin: f, Access: f, TTL: 5 * time.Second, MaxAge: time.Minute, Entries: 100, Now: time.Now,
		})
		ask := func(want int64) {
			t.Helper()
			verify(t, c, key)
			if _, err := c.AccessOf(t.Context(), "42"); err != nil {
				t.Fatal(err)
			}
			wantAsked(t, f, 2*want)
		}
		confirming(t, c)
		ask(1)
		c.SetFresh(true)
		ask(1)
		after(5 * time.Second)
		ask(2) // what was kept before is as old as it may be
		after(time.Minute - time.Nanosecond)
		ask(2)
		c.SetFresh(false)
		ask(3)
		after(5 * time.Second)
		ask(4)
		c.SetFresh(true)
		c.SetFresh(true)
		ask(4)
	})
}
