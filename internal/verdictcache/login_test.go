package verdictcache_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
	"django-sidecar/signing"
)

// rows is a store of users, whose sessions' keys begin with the user's name. What is behind that is the session's own, but for
// a "!", which says that its login is another one.
type rows struct {
	version  atomic.Int64 // of all users
	looked   atomic.Int64 // for rows of users
	sessions sync.Map     // by what they say of the login
}

// session is one that says who has logged in, as Django would have written it.
func (r *rows) session(user, hash string) (*djangosession.Session, error) {
	if s, ok := r.sessions.Load(user + hash); ok {
		return s.(*djangosession.Session), nil //nolint:errcheck,forcetypeassert // nothing else is in there
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: djangosession.NewestVersion(), SecretKey: signing.SecretKey("s3cret")})
	if err != nil {
		return nil, err
	}
	data, err := codec.Encode(map[string]any{"_auth_user_id": user, "_auth_user_backend": "backend", "_auth_user_hash": hash}, time.Now())
	if err != nil {
		return nil, err
	}
	s, err := codec.Decode(data)
	r.sessions.Store(user+hash, s)
	return s, err
}

func (r *rows) Begin(_ context.Context, key string) (djangosession.Claim, error) {
	name, rest, _ := strings.Cut(key, ".")
	hash := "hash"
	if strings.Contains(rest, "!") {
		hash = "another"
	}
	session, err := r.session(name, hash)
	return djangosession.Claim{Session: session, Expires: time.Now().Add(time.Hour)}, err
}

func (r *rows) Resolve(_ context.Context, c djangosession.Claim) (djangosession.Verdict, error) {
	r.looked.Add(1)
	name, _ := c.Session.AuthUserID.Text()
	email := strconv.FormatInt(r.version.Load(), 10)
	return djangosession.Verdict{User: &djangosession.User{ID: name, Email: &email}, Expires: c.Expires, Session: c.Session}, nil
}

func sessionOf(user, n int) string { return fmt.Sprintf("user%d.session%d", user, n) }

// TestKnownUser: who has a verdict on one session need not be looked for again for another one.
func TestKnownUser(t *testing.T) {
	for _, tt := range []struct {
		name    string
		between func(c *verdictcache.Cache)
		second  string
		known   bool
	}{
		{"another session", nil, sessionOf(1, 2), true},
		{"another user's session", nil, sessionOf(2, 2), false},
		{"another login of the user", nil, sessionOf(1, 2) + "!", false},
		{"the user has been forgotten", func(c *verdictcache.Cache) { c.ForgetUser("user1") }, sessionOf(1, 2), false},
		{"another user has been forgotten", func(c *verdictcache.Cache) { c.ForgetUser("user2") }, sessionOf(1, 2), true},
		{"the first session has been forgotten", func(c *verdictcache.Cache) { c.ForgetSession(keyhash.Of(sessionOf(1, 1))) }, sessionOf(1, 2), false},
		{"another session has been forgotten", func(c *verdictcache.Cache) { c.ForgetSession(keyhash.Of(sessionOf(2, 1))) }, sessionOf(1, 2), true},
		{"all has been forgotten", (*verdictcache.Cache).ForgetAll, sessionOf(1, 2), false},
		{"changes have gone by", func(c *verdictcache.Cache) { c.SetFresh(true); c.SetFresh(false) }, sessionOf(1, 2), false},
		{"a little time has gone by", func(*verdictcache.Cache) { after(4 * time.Second) }, sessionOf(1, 2), true},
		{"too much time has gone by", func(*verdictcache.Cache) { after(5 * time.Second) }, sessionOf(1, 2), false},
		{"the first session has been asked about again", func(c *verdictcache.Cache) {
			c.ForgetSession(keyhash.Of(sessionOf(1, 1)))
			_, _ = ask(context.Background(), c, sessionOf(1, 1))
		}, sessionOf(1, 2), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &rows{}
				c := newCache(t, verdictcache.Config{Origin: r, TTL: 5 * time.Second, MaxAge: time.Minute, Entries: 20_000, Now: time.Now})
				for i := range 2 {
					if got := verify(t, c, sessionOf(i+1, 1)); got.User.ID != fmt.Sprintf("user%d", i+1) {
						t.Fatalf("got %+v", got.User)
					}
				}
				c.ForgetSession(keyhash.Of(sessionOf(2, 1)))
				if tt.between != nil {
					tt.between(c)
				}
				before, stats := r.looked.Load(), c.Stats().Verdicts
				user, _, _ := strings.Cut(tt.second, ".")
				if got := verify(t, c, tt.second); got.User == nil || got.User.ID != user || !got.Expires.Equal(time.Now().Add(time.Hour)) {
					t.Errorf("got %+v", got)
				}
				looked, known := r.looked.Load()-before, c.Stats().Verdicts.Known-stats.Known
				if looked+int64(known) != 1 || known == 1 != tt.known {
					t.Errorf("looked %d times, known %d", looked, known)
				}
			})
		})
	}
}

// TestKnownUserAges: a user who was known stays no longer than if nobody had asked since, however many sessions follow each other.
func TestKnownUserAges(t *testing.T) {
	for _, tt := range []struct {
		name    string
		freshMu []bool // before each question
		old     time.Duration
	}{
		{"by the TTL", []bool{false, false}, 5 * time.Second},
		{"by the longest age", []bool{true, true}, time.Minute},
		{"by the TTL when the first was asked", []bool{false, true}, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &rows{}
				c := newCache(t, verdictcache.Config{Origin: r, TTL: 5 * time.Second, MaxAge: time.Minute, Entries: 100, Now: time.Now})
				confirming(t, c)
				begin := time.Now()
				for n := 0; time.Since(begin) < tt.old; n++ {
					if fresh := tt.freshMu[min(n, 1)]; fresh {
						c.SetFresh(true)
					}
					verify(t, c, sessionOf(1, n))
					after(tt.old / 10)
				}
				if n := r.looked.Load(); n != 1 {
					t.Errorf("looked %d times before it was too old", n)
				}
				for n := range 10 {
					if _, ok := peek(c, sessionOf(1, n)); ok {
						t.Errorf("session %d is told after %v", n, time.Since(begin))
					}
				}
				verify(t, c, sessionOf(1, 0))
				if n := r.looked.Load(); n != 2 {
					t.Errorf("looked %d times when it was too old", n)
				}
			})
		})
	}
}

// TestKnownUserJoined: who joins a question that has begun before is not told of a user who is too old for that one.
func TestKnownUserJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rows{}
		var slow atomic.Int64 // how many readings of the clock from now on are the last quick one
		c := newCache(t, verdictcache.Config{Origin: r, TTL: 5 * time.Second, Entries: 100, Now: func() time.Time {
			now := time.Now()
			if slow.Add(-1) == 0 { // a processor that has something else to do
				after(3 * time.Second)
			}
			return now
		}})
		verify(t, c, sessionOf(1, 1))
		after(4 * time.Second)
		slow.Store(1) // the question whether the user is known yet
		var wg sync.WaitGroup
		wg.Go(func() { verify(t, c, sessionOf(1, 2)) })
		after(2 * time.Second)
		r.version.Add(1)
		if got := verify(t, c, sessionOf(1, 2)); *got.User.Email != "1" {
			t.Errorf("what was 6 seconds old has been told")
		}
		wg.Wait()
		c.Wait()
		if st := c.Stats().Verdicts; st.Known != 1 || st.Joined != 1 {
			t.Errorf("it shows nothing: %+v", st)
		}
	})
}

// TestKnownUserWhileForgetting: a user who is being forgotten is known to nobody who asks meanwhile, or what they find is
// not kept.
func TestKnownUserWhileForgetting(t *testing.T) {
	r := &rows{}
	c := newCache(t, verdictcache.Config{Origin: r, TTL: time.Hour, Entries: 100_000, Now: time.Now})
	rounds := 2000
	for round := range rounds {
		var wg sync.WaitGroup
		begin := make(chan struct{})
		verify(t, c, sessionOf(1, 0))
		for asker := range 3 {
			wg.Go(func() {
				<-begin
				for n := range 8 {
					_, _ = ask(t.Context(), c, sessionOf(1, 1000*round+100*asker+n))
				}
			})
		}
		r.version.Add(1)
		close(begin)
		c.ForgetUser("user1")
		wg.Wait()
		c.Wait()
		want := strconv.FormatInt(r.version.Load(), 10)
		for asker := range 3 {
			for n := range 8 {
				if got := verify(t, c, sessionOf(1, 1000*round+100*asker+n)); *got.User.Email != want {
					t.Fatalf("round %d: told of version %s, which was forgotten: want %s", round, *got.User.Email, want)
				}
			}
		}
	}
	if known := c.Stats().Verdicts.Known; known < uint64(rounds) {
		t.Errorf("known %d times: that shows nothing", known)
	}
}
