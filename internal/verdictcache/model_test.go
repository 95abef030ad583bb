package verdictcache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/verdictcache"
)

// history is what something has been in the course of time. Its states are all different, but for the one of not being
// there.
type history struct {
	mu     sync.Mutex
	states []string
	ended  []time.Time  // of all states but the last
	told   atomic.Int64 // the first state that the cache may know of: it has been told to forget those before
}

func (h *history) now() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[len(h.states)-1]
}

// become returns the number of the new state.
func (h *history) become(state func(n int) string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.states)
	h.states, h.ended = append(h.states, state(n)), append(h.ended, time.Now())
	return int64(n)
}

// tell notes that the cache has forgotten all states before the one numbered n.
func (h *history) tell(n int64) {
	for {
		old := h.told.Load()
		if n <= old || h.told.CompareAndSwap(old, n) {
			return
		}
	}
}

// was reports whether h has been in a state at since or later, and not in one that the cache has been told to forget.
func (h *history) was(state string, since time.Time, told int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := len(h.states) - 1; n >= int(told); n-- {
		if n < len(h.ended) && h.ended[n].Before(since) {
			return false
		}
		if h.states[n] == state {
			return true
		}
	}
	return false
}

const nothing = ""

// world is a deployment: its sessions and its users, of which each has a session and more.
type world struct {
	t        *testing.T
	cache    *verdictcache.Cache
	limit    time.Duration            // of answers with a user
	sessions []*history               // the session's end, or nothing
	users    []*history               // the address, or nothing for those who are not active
	logins   []*djangosession.Session // of each user
	tells    bool                     // whether the cache is told
	telling  chan struct{}            // has room for as many as make changes: one is in it from a change until it has been told
	untold   atomic.Int64             // changes that the cache is not told of, and whose loss has not been found yet
	losses   atomic.Int64             // of all time
	late     atomic.Int64             // answers that were not the state of the moment
	lookups  atomic.Int64             // of users
}

func (w *world) user(session int) int { return session % len(w.users) }

// pause lets a random time go by.
func pause(most time.Duration) { after(time.Duration(rand.Int64N(int64(most)))) }

// Begin is a verifier that takes its time before, between and after its two queries.
func (w *world) Begin(_ context.Context, key string) (djangosession.Claim, error) {
	i, err := strconv.Atoi(key)
	if err != nil {
		return djangosession.Claim{}, err
	}
	pause(20 * time.Millisecond)
	session, read := w.sessions[i].now(), time.Now() // a database compares expire_date with the time of the query
	pause(20 * time.Millisecond)
	if session == nothing {
		return djangosession.Claim{Reason: djangosession.NotFound}, nil
	}
	expires, err := time.Parse(time.RFC3339Nano, session)
	if err != nil {
		return djangosession.Claim{}, err
	}
	if !expires.After(read) {
		return djangosession.Claim{Reason: djangosession.Expired}, nil
	}
	return djangosession.Claim{Session: w.logins[w.user(i)], Expires: expires}, nil
}

func (w *world) Resolve(_ context.Context, c djangosession.Claim) (djangosession.Verdict, error) {
	if c.Reason != "" {
		return djangosession.Verdict{Reason: c.Reason}, nil
	}
	id, _ := c.Session.AuthUserID.Text()
	i, err := strconv.Atoi(id)
	if err != nil {
		return djangosession.Verdict{}, err
	}
	w.lookups.Add(1)
	user := w.users[i].now()
	pause(20 * time.Millisecond)
	if user == nothing {
		return djangosession.Verdict{Reason: djangosession.UserInactive}, nil
	}
	return djangosession.Verdict{User: &djangosession.User{ID: id, Email: &user}, Expires: c.Expires}, nil
}

// AccessOf tells the same of a user.
func (w *world) AccessOf(_ context.Context, userID string) (djangosession.Access, error) {
	i, err := strconv.Atoi(userID)
	if err != nil {
		return djangosession.Access{}, err
	}
	pause(20 * time.Millisecond)
	user := w.users[i].now()
	pause(20 * time.Millisecond)
	return djangosession.Access{Groups: []string{user}}, nil
}

// change changes a session or a user, and tells the cache a little later, as a notification does.
func (w *world) change() {
	w.telling <- struct{}{}
	defer func() { <-w.telling }()
	var h *history
	var n int64
	var forget func()
	if i := rand.IntN(len(w.sessions) + len(w.users)); i < len(w.sessions) {
		h = w.sessions[i]
		n = h.become(func(n int) string {
			if n%3 == 0 {
				return nothing
			}
			return time.Now().Add(time.Duration(rand.Int64N(int64(3 * time.Second)))).Format(time.RFC3339Nano)
		})
		forget = func() { w.cache.ForgetSession(keyhash.Of(usualKeys(i + 1)[i])) }
	} else {
		i -= len(w.sessions)
		h = w.users[i]
		n = h.become(func(n int) string {
			if n%3 == 0 {
				return nothing
			}
			return fmt.Sprintf("%d.%d@example.com", i, n)
		})
		forget = func() { w.cache.ForgetUser(strconv.Itoa(i)) }
	}
	if !w.tells {
		return
	}
	if rand.IntN(20) == 0 {
		w.untold.Add(1)
		return
	}
	pause(10 * time.Millisecond)
	if rand.IntN(50) == 0 {
		forget = w.cache.ForgetAll
	}
	forget()
	h.tell(n)
}

// look confirms what the cache keeps, as those who listen do: each change from before it began has been told, or it is
// found now that some have not.
func (w *world) look() {
	began := time.Now()
	pause(50 * time.Millisecond)
	for range cap(w.telling) {
		w.telling <- struct{}{}
		defer func() { <-w.telling }()
	}
	if lost := w.untold.Swap(0); lost > 0 {
		w.losses.Add(lost)
		w.cache.SetFresh(false)
		w.cache.SetFresh(true)
	}
	w.cache.Confirm(began)
}

// ask puts a question, and judges the answer.
func (w *world) ask(keys []string) {
	i := rand.IntN(len(keys))
	session, user := w.sessions[i], w.users[w.user(i)]
	toldSession, toldUser := session.told.Load(), user.told.Load()
	asked := time.Now()
	if rand.IntN(4) == 0 {
		a, err := w.cache.AccessOf(w.t.Context(), strconv.Itoa(w.user(i)))
		if err != nil {
			w.t.Error(err)
		} else if !user.was(a.Groups[0], asked.Add(-w.limit), toldUser) {
			w.t.Errorf("asked at %v, the access is %q", asked, a.Groups[0])
		}
		return
	}
	v, _, err := w.cache.Verify(w.t.Context(), keyhash.New(keys[i]), asked)
	if err != nil {
		w.t.Error(err)
		return
	}
	since, absentSince := asked.Add(-w.limit), asked.Add(-min(w.limit, time.Second))
	good := false
	switch {
	case v.User != nil:
		end := v.Expires.Format(time.RFC3339Nano)
		good = session.was(end, since, toldSession) && user.was(*v.User.Email, since, toldUser) && v.Expires.After(asked)
		if session.now() != end || user.now() != *v.User.Email {
			w.late.Add(1)
		}
	case v.Reason == djangosession.NotFound:
		good = session.was(nothing, absentSince, toldSession)
	case v.Reason == djangosession.UserInactive:
		good = user.was(nothing, absentSince, toldUser)
	case v.Reason == djangosession.Expired: // time alone makes sessions so, and each change makes a new one
		good = session.wasExpired(absentSince, toldSession)
	}
	if !good {
		w.t.Errorf("asked at %v, the verdict on session %d is %+v", asked, i, v)
	}
}

// wasExpired is was for a session that had ended.
func (h *history) wasExpired(since time.Time, told int64) bool {
	h.mu.Lock()
	states, ended := slices.Clone(h.states), slices.Clone(h.ended)
	h.mu.Unlock()
	for n := len(states) - 1; n >= int(told); n-- {
		until := time.Now()
		if n < len(ended) {
			if until = ended[n]; until.Before(since) {
				return false
			}
		}
		if expires, err := time.Parse(time.RFC3339Nano, states[n]); err == nil && !expires.After(until) {
			return true
		}
	}
	return false
}

// TestPromise has 64 goroutines ask and 4 change what they ask about. No answer may be older than has been promised: the TTL,
// whether or not there are notifications, and whether or not all of them arrive.
func TestPromise(t *testing.T) {
	for _, tt := range []struct {
		name        string
		ttl, maxAge time.Duration
		tells       bool
		entries     int
		pause       time.Duration // between changes; a change that is told hides an earlier one that was not
		lasts       time.Duration
	}{
		{"by the TTL alone", 500 * time.Millisecond, 0, false, 1000, 60 * time.Millisecond, 10 * time.Second},
		{"by a TTL longer than what is absent is kept", 2 * time.Second, 0, false, 1000, 60 * time.Millisecond, 10 * time.Second},
		{"by notifications, soundly", time.Second, time.Hour, true, 1000, 800 * time.Millisecond, time.Minute},
		{"by notifications, with too little room", time.Second, time.Hour, true, 10, 60 * time.Millisecond, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const sessions, users, changers = 40, 15, 4
				w := &world{t: t, limit: tt.ttl, tells: tt.tells, telling: make(chan struct{}, changers)}
				for range sessions {
					w.sessions = append(w.sessions, &history{states: []string{nothing}})
				}
				for i := range users {
					w.users = append(w.users, &history{states: []string{nothing}})
					login, err := new(rows).session(strconv.Itoa(i), "hash")
					if err != nil {
						t.Fatal(err)
					}
					w.logins = append(w.logins, login)
				}
				w.cache = newCache(t, verdictcache.Config{
					Origin: w, Access: w, TTL: tt.ttl, MaxAge: tt.maxAge, Entries: tt.entries, Bytes: 1 << 20, Now: time.Now,
				})
				w.cache.SetFresh(tt.tells)
				keys := usualKeys(sessions)
				end := time.Now().Add(tt.lasts)
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						for time.Now().Before(end) && !t.Failed() {
							w.ask(keys)
							pause(30 * time.Millisecond)
						}
					})
				}
				if tt.tells {
					wg.Go(func() {
						for n := 1; time.Now().Before(end); n++ {
							w.look()
							pause(300 * time.Millisecond)
							if n%5 == 0 { // it comes late, and what is older than the TTL must not be told meanwhile
								after(2 * tt.ttl)
							}
						}
					})
				}
				for range changers {
					wg.Go(func() {
						for time.Now().Before(end) {
							w.change()
							pause(tt.pause)
						}
					})
				}
				wg.Wait()
				w.cache.Wait()
				st := w.cache.Stats()
				t.Logf("%d answers were late; %+v", w.late.Load(), st)
				if st.Verdicts.Hits < st.Verdicts.Misses/4 || st.Verdicts.Joined == 0 || w.late.Load() == 0 || st.Verdicts.Known < 10 || w.lookups.Load() < 100 {
					t.Errorf("nothing is shown by %d late answers and %+v", w.late.Load(), st)
				}
				if tt.tells && w.losses.Load() < 5 {
					t.Errorf("only %d changes went untold", w.losses.Load())
				}
			})
		})
	}
}
