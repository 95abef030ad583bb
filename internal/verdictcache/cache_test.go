package verdictcache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

func TestNewRefuses(t *testing.T) {
	good := verdictcache.Config{Origin: &fake{}, Timeout: time.Second, TTL: time.Second, Entries: 1, Now: time.Now}
	newCache(t, good)
	for name, spoil := range map[string]func(c *verdictcache.Config){
		"no verifier":           func(c *verdictcache.Config) { c.Origin = nil },
		"no clock":              func(c *verdictcache.Config) { c.Now = nil },
		"no TTL":                func(c *verdictcache.Config) { c.TTL = 0 },
		"no timeout":            func(c *verdictcache.Config) { c.Timeout = 0 },
		"a MaxAge below TTL":    func(c *verdictcache.Config) { c.MaxAge = time.Millisecond },
		"no entries":            func(c *verdictcache.Config) { c.Entries = 0 },
		"fewer bytes than none": func(c *verdictcache.Config) { c.Bytes = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := verdictcache.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestAge holds every kind of verdict to how long it is told.
func TestAge(t *testing.T) {
	const ttl, maxAge = 5 * time.Second, time.Minute
	no := func(r djangosession.Reason) djangosession.Verdict {
		return djangosession.Verdict{Reason: r, Session: &djangosession.Session{}}
	}
	for _, tt := range []struct {
		name    string
		fresh   bool
		verdict djangosession.Verdict
		expires time.Duration // from now, 0 for not known
		want    time.Duration // the first moment at which it is asked for again
	}{
		{"a user for the TTL", false, login("1", time.Time{}), time.Hour, ttl},
		{"a user without an end for the TTL", false, login("1", time.Time{}), 0, ttl},
		{"a user for MaxAge while invalidation is fresh", true, login("1", time.Time{}), time.Hour, maxAge},
		{"a user without an end for the TTL all the same", true, login("1", time.Time{}), 0, ttl},
		{"a user until the end of the session", false, login("1", time.Time{}), 3 * time.Second, 3 * time.Second},
		{"a user until the end of the session, soundly", true, login("1", time.Time{}), 30 * time.Second, 30 * time.Second},
		{"a user whose session has ended, not at all", false, login("1", time.Time{}), -time.Nanosecond, 0},
		{"no session for a second", false, no(djangosession.NotFound), 0, time.Second},
		{"no session for a second, soundly", true, no(djangosession.NotFound), 0, time.Second},
		{"an ended session for a second", false, no(djangosession.Expired), 0, time.Second},
		{"a bad signature for a second", false, no(djangosession.BadSignature), 0, time.Second},
		{"an inactive user for a second", true, no(djangosession.UserInactive), 0, time.Second},
		{"nobody logged in for a second", false, no(djangosession.Anonymous), 0, time.Second},
		{"what no store was asked for, not at all", false, no(djangosession.BadSessionKey), 0, 0},
		{"no cookie, not at all", false, no(djangosession.NoCookie), 0, 0},
		{"what is neither yes nor no, not at all", false, no(""), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{verdict: tt.verdict}
				if tt.expires != 0 {
					f.verdict.Expires = time.Now().Add(tt.expires)
				}
				c := newCache(t, verdictcache.Config{Origin: f, TTL: ttl, MaxAge: maxAge, Entries: 100, Now: time.Now})
				c.SetFresh(tt.fresh)
				confirming(t, c) // which makes no difference where invalidation is not fresh
				want := f.verdict
				want.Session = nil
				verify(t, c, key)
				if tt.want > 0 {
					for _, d := range []time.Duration{0, tt.want - time.Nanosecond} {
						after(d)
						if got, ok := peek(c, key); !ok || !cmp.Equal(got, want) {
							t.Errorf("after %v: %+v, %v", d, got, ok)
						}
					}
					if got := verify(t, c, key); !cmp.Equal(got, want) {
						t.Error(cmp.Diff(want, got))
					}
					wantAsked(t, f, 1)
					after(time.Nanosecond)
				}
				if got, ok := peek(c, key); ok {
					t.Errorf("too old, and told: %+v", got)
				}
				if got := verify(t, c, key); !cmp.Equal(got, want) {
					t.Error(cmp.Diff(want, got))
				}
				wantAsked(t, f, 2)
			})
		})
	}
}

// TestConfirmation: what is older than the TTL is told only while the last confirmation is younger than that, or than a
// second where the TTL is shorter.
func TestConfirmation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ttl   time.Duration
		holds time.Duration
	}{
		{"by the TTL", 5 * time.Second, 5 * time.Second},
		{"by a second", 100 * time.Millisecond, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{verdict: login("42", time.Now().Add(time.Hour)), access: djangosession.Access{Groups: []string{"g"}}}
				c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: tt.ttl, MaxAge: time.Minute, Entries: 100, Now: time.Now})
				told := func() bool {
					t.Helper()
					_, verdict := peek(c, key)
					if _, access := c.PeekAccess("42"); access != verdict {
						t.Errorf("the verdict is told: %v, and the access: %v", verdict, access)
					}
					return verdict
				}
				c.SetFresh(true)
				begin := time.Now()
				verify(t, c, key)
				if _, err := c.AccessOf(t.Context(), "42"); err != nil {
					t.Fatal(err)
				}
				after(tt.ttl)
				if told() {
					t.Error("told after the TTL, and nobody has confirmed it")
				}
				// Between, so much time goes by that the second confirmation is the first that counts.
				for _, confirmed := range []time.Duration{tt.ttl / 2, 20 * time.Second, 10 * time.Second} {
					c.Confirm(begin.Add(confirmed))
				}
				after(20*time.Second + tt.holds - time.Nanosecond - time.Since(begin))
				if !told() {
					t.Error("not told, and a confirmation holds")
				}
				after(time.Nanosecond)
				if told() {
					t.Error("told when the confirmation holds no more")
				}
				c.Confirm(time.Now())
				if !told() {
					t.Error("not told, and it has been confirmed again")
				}
				after(time.Minute - time.Since(begin))
				c.Confirm(time.Now())
				if told() {
					t.Error("told after MaxAge")
				}
			})
		})
	}
}

// TestAgeBeginsWithTheQuestion has a store that takes its time, during which its answer may become untrue.
func TestAgeBeginsWithTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{verdict: login("1", time.Now().Add(time.Hour)), hold: make(chan struct{})}
		c := newCache(t, verdictcache.Config{Origin: f, TTL: 5 * time.Second, Entries: 100, Now: time.Now})
		time.AfterFunc(3*time.Second, func() { f.hold <- struct{}{} })
		verify(t, c, key)
		after(2*time.Second - time.Nanosecond)
		if _, ok := peek(c, key); !ok {
			t.Error("forgotten before its time")
		}
		after(time.Nanosecond)
		if _, ok := peek(c, key); ok {
			t.Error("told after its time")
		}
		time.AfterFunc(6*time.Second, func() { f.hold <- struct{}{} })
		verify(t, c, key)
		if n := c.Stats().Verdicts.Entries; n != 1 { // the one before
			t.Errorf("%d are kept, of which one was too old when it came", n)
		}
		if _, ok := peek(c, key); ok {
			t.Error("kept, and too old when it came")
		}
	})
}

// TestClockSetBack has a wall clock alone.
func TestClockSetBack(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := &fake{verdict: login("1", now.Add(time.Hour))}
	c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: func() time.Time { return now }})
	verify(t, c, key)
	now = now.Add(-time.Second)
	if _, ok := c.Peek(keyhash.Of(key), now); ok {
		t.Error("an answer from the future was told")
	}
	verify(t, c, key)
	wantAsked(t, f, 2)
	now = now.Add(2 * time.Hour) // a jump ends the session
	if _, ok := c.Peek(keyhash.Of(key), now); ok {
		t.Error("an ended session was told")
	}
}

// TestKept says of a verdict whether it was kept, or somebody had to wait for it.
func TestKept(t *testing.T) {
	f := &fake{verdict: login("1", time.Now().Add(time.Hour))}
	c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
	for _, tt := range []struct {
		key  string
		want bool
	}{{key, false}, {key, true}, {key + "x", false}, {"short", false}, {"short", false}} {
		if v, kept, err := c.Verify(t.Context(), keyhash.New(tt.key), time.Now()); kept != tt.want || err != nil || (v.User == nil) != (tt.key == "short") {
			t.Errorf("%s: %+v, kept %v, %v", tt.key, v, kept, err)
		}
	}
}

// TestAskedBeforeItWasKept: a request that was on its way while another one asked is told what that one has found.
func TestAskedBeforeItWasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, verdict := range []djangosession.Verdict{login("1", time.Now().Add(time.Hour)), {Reason: djangosession.NotFound}} {
			f := &fake{verdict: verdict}
			c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
			began := time.Now()
			after(time.Millisecond)
			verify(t, c, key)
			if v, kept, err := c.Verify(t.Context(), keyhash.New(key), began); !kept || err != nil || v.Reason != verdict.Reason {
				t.Errorf("%+v, kept %v, %v", v, kept, err)
			}
			wantAsked(t, f, 1)
		}
	})
}

// TestOneVerifierAVerdict: a verdict is resolved by the Origin that began it, also when another one is in force by then.
func TestOneVerifierAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, young := &fake{verdict: login("old", time.Now().Add(time.Hour)), hold: make(chan struct{})}, &rows{}
		c := newCache(t, verdictcache.Config{Origin: old, TTL: time.Minute, Entries: 100, Now: time.Now})
		a := asking(t.Context(), c)
		synctest.Wait()
		c.Use(young, nil)
		close(old.hold)
		if got := <-a; got.err != nil || got.verdict.User.ID != "old" || young.looked.Load() != 0 {
			t.Errorf("%+v; the new one was asked %d times", got, young.looked.Load())
		}
		if got := verify(t, c, sessionOf(1, 1)); got.User == nil || got.User.ID != "user1" {
			t.Errorf("%+v", got)
		}
	})
}

func TestErrorsAreNotKept(t *testing.T) {
	failure := errors.New("the database is gone")
	f := &fake{err: failure}
	c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Minute, Entries: 100, Now: time.Now})
	for n := range int64(3) {
		if v, err := ask(t.Context(), c, key); !errors.Is(err, failure) || v.User != nil {
			t.Fatalf("%+v, %v", v, err)
		}
		if _, err := c.AccessOf(t.Context(), "1"); !errors.Is(err, failure) {
			t.Fatal(err)
		}
		wantAsked(t, f, 2*n+2)
	}
	if _, ok := peek(c, key); ok {
		t.Error("an error was kept")
	}
}

// TestShortKeys: what cannot be a key is for the Origin to say, and nothing to remember.
func TestShortKeys(t *testing.T) {
	f := &fake{verdict: djangosession.Verdict{Reason: djangosession.NoCookie}}
	c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
	for _, short := range []string{"", "1234567"} {
		if v := verify(t, c, short); v.Reason != djangosession.NoCookie {
			t.Errorf("%q: %+v", short, v)
		}
	}
	wantAsked(t, f, 2)
	if got := c.Stats().Verdicts; got != (verdictcache.Counts{}) {
		t.Errorf("%+v", got)
	}
}

// TestUsersAreKeptWhole: what is told later is what was told at first, with columns that are not there, and no part of
// what the store holds.
func TestUsersAreKeptWhole(t *testing.T) {
	texts := []*string{nil, new(string), ptr("ä"), ptr(strings.Repeat("long", 500))}
	expires := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.FixedZone("", 3600))
	for _, id := range []string{"", "1", "2f4a0a1e-0000-4000-8000-000000000000"} {
		for _, username := range texts {
			for _, email := range texts {
				user := djangosession.User{ID: id, Username: username, Email: email, IsStaff: djangosession.NullFlag, IsSuperuser: djangosession.AbsentFlag}
				stored := user
				f := &fake{verdict: djangosession.Verdict{User: &stored, Expires: expires}}
				c := newCache(t, verdictcache.Config{Origin: f, TTL: time.Minute, Entries: 100, Now: time.Now})
				verify(t, c, key)
				stored = djangosession.User{ID: "another"}
				got, ok := peek(c, key)
				if !ok {
					t.Fatal("not kept")
				}
				if diff := cmp.Diff(djangosession.Verdict{User: &user, Expires: expires}, got); diff != "" {
					t.Error(diff)
				}
			}
		}
	}
}

func ptr(s string) *string { return &s }

// TestEndedContext: a client that has gone ends no question.
func TestEndedContext(t *testing.T) {
	f := &fake{verdict: login("1", time.Now().Add(time.Hour)), access: djangosession.Access{Groups: []string{"g"}}}
	c := newCache(t, verdictcache.Config{Origin: f, Access: f, TTL: time.Minute, Entries: 100, Now: time.Now})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // when it is asked for, and when it is kept
		if v, err := ask(ctx, c, key); err != nil || v.User == nil {
			t.Errorf("%+v, %v", v, err)
		}
		if a, err := c.AccessOf(ctx, "1"); err != nil || a.Groups == nil {
			t.Errorf("%+v, %v", a, err)
		}
	}
	wantAsked(t, f, 2)
}
