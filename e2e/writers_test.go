//go:build live

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
)

// writers are two Djangos, the library and a sidecar, which change the same sessions.
type writers struct {
	*writingSite

	djangos []*djangotest.Conversation
	library *djangosite.Site
}

// TestTwoWriters: Djangos, the library and the sidecar write one session at the same time. A save of Django is one of the
// whole session, and the last one wins. So each state that anybody sees is one that somebody has left whole, and none is
// older than a save which nobody else's went along with. Two Djangos alone are held to the same.
func TestTwoWriters(t *testing.T) {
	for _, tt := range []struct {
		engine
		on func(*testing.T) serverDatabase // nil: SQLite
	}{
		{engine{"5.2", "db", ""}, loginOnPostgres},
		{engine{"4.2", "db", ""}, loginOnMariaDB},
		{engine{"6.1", "cached_db", "RedisCache"}, loginOnPostgres},
		{engine{"5.2", "cache", "django-redis"}, loginOnPostgres},
		{engine{"6.1", "cache", "PyMemcacheCache"}, loginOnPostgres},
		{engine{"5.2", "cache", "DatabaseCache"}, loginOnPostgres},
		{engine{"4.2", "cache", "DatabaseCache"}, loginOnMariaDB},
		{engine{"5.2", "db", ""}, loginOnMySQL},
		{engine{"6.1", "file", ""}, nil},
	} {
		t.Run(tt.String(), func(t *testing.T) {
			tt.set(t)
			var database serverDatabase
			if tt.on != nil {
				database = tt.on(t)
			}
			w := newWriters(t, tt.version, database)
			t.Run("one after the other", w.testWriting)
			t.Run("two Djangos", func(t *testing.T) { w.race(t, 40, 0) })
			t.Run("two Djangos and the library", func(t *testing.T) { w.race(t, 80, 2) })
			t.Run("logouts", func(t *testing.T) { w.testLogouts(t, tt.engine) })
		})
	}
}

func newWriters(t *testing.T, version string, database serverDatabase) *writers {
	t.Helper()
	w := &writers{writingSite: newWritingSiteOn(t, version, database, map[string]string{
		"SIDECAR_WRITE": "touch,logout,login", "SIDECAR_TOUCH_INTERVAL": "1ms",
		"DJANGO_PASSWORD_HASHERS": "django.contrib.auth.hashers.MD5PasswordHasher", "SIDECAR_LOGIN_TRIES": "0",
	})}
	for range 2 {
		w.addDjango()
	}
	w.open(t)
	return w
}

// addDjango starts one with the settings of the environment.
func (w *writers) addDjango() { w.djangos = append(w.djangos, w.site.Converse("testdata/writers.py")) }

// open opens the library.
func (w *writers) open(t *testing.T) {
	t.Helper()
	var err error
	if w.library, err = djangosite.FromEnv(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.library.Close)
}

// seen is what somebody finds in a session: which change has left it, whether its user is there, and all of what the
// change has written and of what nobody changes.
type seen struct {
	Change      string
	User, Whole bool
	Exception   string
}

// begin has a Django log its user in.
func (w *writers) begin(t *testing.T) (key string) {
	t.Helper()
	var said struct{ Key string }
	w.djangos[0].Ask(t, map[string]string{"op": "begin"}, &said)
	return said.Key
}

// django has one of them do something with a session.
func (w *writers) django(t *testing.T, i int, op, key, change string) (s seen) {
	t.Helper()
	w.djangos[i].Ask(t, map[string]string{"op": op, "key": key, "change": change}, &s)
	if s.Exception != "" {
		t.Errorf("%s in Django: %s", change, s.Exception)
	}
	return s
}

// update has the library change a session.
func (w *writers) update(t *testing.T, key, change string) (s seen, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	err = w.library.Update(httptest.NewRecorder(), r, func(session *djangosession.Session) error {
		s.Change, _ = session.Lookup("change").Text()
		again, _ := session.Lookup("again").Text()
		odd := strings.ReplaceAll(session.Lookup("odd").JSON(), ", ", ",")
		s.User = session.AuthUserID.Kind() != djangosession.Missing
		s.Whole = s.User && again == strings.Repeat(s.Change, 50) &&
			odd == `[Infinity,1000000000000000000000000000000,"\ud800 \u00e9"]`
		return errors.Join(session.Set("change", change), session.Set("again", strings.Repeat(change, 50)))
	})
	return s, err
}

// loggedIn has the sidecar log the user in.
func (w *writers) loggedIn(t *testing.T) (key string) {
	t.Helper()
	status, lines := w.login(t, "")
	if status != http.StatusOK || len(lines) != 2 {
		t.Fatalf("logging in: %d %q", status, lines)
	}
	return sessionCookie(lines[1])
}

// testWriting: what the sidecar and the library write, each Django reads.
func (w *writers) testWriting(t *testing.T) {
	t.Helper()
	key := w.begin(t)
	if status, lines := w.post(t, "/touch", key); status != http.StatusOK || len(lines) != 1 {
		t.Errorf("touching: %d %q", status, lines)
	}
	if s, err := w.update(t, key, "library"); err != nil || !s.Whole {
		t.Errorf("the library: %+v, %v", s, err)
	}
	if s := w.django(t, 1, "look", key, ""); !s.Whole || s.Change != "library" {
		t.Errorf("after an update: %+v", s)
	}
	logged := w.loggedIn(t)
	if s, err := w.update(t, logged, ""); err != nil || s.Change != "" {
		t.Errorf("updating a session that was begun here: %+v, %v", s, err)
	}
	if s := w.django(t, 1, "look", logged, ""); !s.User {
		t.Errorf("after a login: %+v", s)
	}
	for _, key := range []string{key, logged} {
		if status, _ := w.post(t, "/logout", key); status != http.StatusNoContent {
			t.Errorf("logging out: %d", status)
		}
		if s := w.django(t, 1, "look", key, ""); s.User {
			t.Errorf("after a logout: %+v", s)
		}
		if status, _ := w.post(t, "/touch", key); status != http.StatusUnauthorized {
			t.Errorf("a touch after a logout: %d", status)
		}
	}
}

// timeline is what was done with one session, by one clock.
type timeline struct {
	mu      sync.Mutex
	start   time.Time
	changes map[string]saved
	looks   []sight
}

// saved is a change that was saved: from what, and between which times.
type saved struct {
	from       string
	begin, end time.Duration
}

// sight is what somebody has seen who began to look then.
type sight struct {
	what  string
	begin time.Duration
}

// note keeps what somebody has seen who began then; and, if he has changed it, that.
func (h *timeline) note(t *testing.T, who string, s seen, begin time.Duration, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !s.Whole {
		t.Errorf("%s sees half of %q", who, s.Change)
	}
	h.looks = append(h.looks, sight{s.Change, begin})
	if changed {
		h.changes[who] = saved{s.Change, begin, time.Since(h.start)}
	}
}

// race has Djangos change a session so many times each, one after the other, and so many of the library's goroutines
// beside them. Others look at the session and touch it meanwhile.
func (w *writers) race(t *testing.T, times, goroutines int) {
	key := w.begin(t)
	h := &timeline{start: time.Now(), changes: map[string]saved{"": {}}}
	var changing, beside sync.WaitGroup
	var done atomic.Bool
	for i := range w.djangos {
		changing.Go(func() {
			for n := range times {
				begin, name := time.Since(h.start), fmt.Sprintf("Django %d, %d", i, n)
				h.note(t, name, w.django(t, i, "change", key, name), begin, true)
				begin = time.Since(h.start)
				h.note(t, name, w.django(t, i, "look", key, ""), begin, false)
			}
		})
	}
	for i := range goroutines {
		beside.Go(func() {
			for n := 0; !done.Load(); n++ {
				begin, name := time.Since(h.start), fmt.Sprintf("library %d, %d", i, n)
				s, err := w.update(t, key, name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				h.note(t, name, s, begin, true)
			}
		})
	}
	touches := 0
	if goroutines > 0 {
		beside.Go(func() {
			for ; !done.Load(); touches++ {
				if status, _ := w.post(t, "/touch", key); status != http.StatusOK {
					t.Errorf("touch %d: %d", touches, status)
				}
			}
		})
	}
	changing.Wait()
	done.Store(true)
	beside.Wait()
	last := w.django(t, 0, "look", key, "").Change
	h.check(t, last)
	t.Logf("%d touches; of %d changes, these are in no later state, since others went along with them: %v",
		touches, len(h.changes)-1, h.overwritten(last))
}

// check: whoever looks sees no state that nobody has left, and none that is older than another which was there before he
// began, and which was begun after that one had ended.
func (h *timeline) check(t *testing.T, last string) {
	t.Helper()
	stale := 0
	for _, l := range append(h.looks, sight{last, time.Since(h.start)}) {
		saw, known := h.changes[l.what]
		if !known {
			t.Errorf("somebody sees %q, which nobody has left", l.what)
		}
		for name, other := range h.changes {
			if other.begin > saw.end && other.end < l.begin {
				if stale++; stale <= 5 {
					t.Errorf("somebody sees %q after %q was saved", l.what, name)
				}
				break
			}
		}
	}
	if stale > 0 {
		t.Errorf("%d of %d looks are at what was over", stale, len(h.looks))
	}
}

// overwritten counts the changes that the last state does not come from, by who has made them.
func (h *timeline) overwritten(last string) map[string]int {
	kept := map[string]bool{}
	for name := last; name != "" && !kept[name]; name = h.changes[name].from {
		kept[name] = true
	}
	lost := map[string]int{}
	for name := range h.changes {
		if name != "" && !kept[name] {
			who, _, _ := strings.Cut(name, " ")
			lost[who]++
		}
	}
	return lost
}

// testLogouts: who changes and touches a session that somebody ends meanwhile does not revive it. Of two Djangos, one that
// saves can do so, but for the engine db: so Django saves with that alone.
func (w *writers) testLogouts(t *testing.T, e engine) {
	for round := range 12 {
		key := w.begin(t)
		var beside sync.WaitGroup
		var ended atomic.Bool
		updated := make(chan struct{}, 1)
		for i := range 2 {
			beside.Go(func() {
				for n := 0; ; n++ {
					after := ended.Load()
					s, err := w.update(t, key, fmt.Sprintf("library %d, %d", i, n))
					if errors.Is(err, djangosite.ErrSessionInterrupted) || err == nil && !s.User { // another session was begun
						return
					}
					if err != nil || after {
						t.Errorf("round %d, after the logout: %v: %v", round, after, err)
						return
					}
					select {
					case updated <- struct{}{}:
					default:
					}
				}
			})
		}
		beside.Go(func() {
			for {
				after := ended.Load()
				if status, _ := w.post(t, "/touch", key); status == http.StatusUnauthorized {
					return
				} else if status != http.StatusOK || after {
					t.Errorf("round %d, after the logout: %v: a touch is answered %d", round, after, status)
					return
				}
			}
		})
		beside.Go(func() {
			for n := 0; !ended.Load(); n++ {
				if e.name == "db" {
					var s seen
					w.djangos[1].Ask(t, map[string]string{"op": "change", "key": key, "change": "Django"}, &s)
				} else {
					w.djangos[1].Ask(t, map[string]string{"op": "look", "key": key})
				}
			}
		})
		for range 3 {
			<-updated
		}
		if round%2 == 0 {
			w.djangos[0].Ask(t, map[string]string{"op": "end", "key": key})
		} else if status, _ := w.post(t, "/logout", key); status != http.StatusNoContent {
			t.Errorf("round %d: the logout is answered %d", round, status)
		}
		ended.Store(true)
		beside.Wait()
		if s := w.django(t, 0, "look", key, ""); s.Whole {
			t.Errorf("round %d: Django finds the session that was ended", round)
		}
		if status, _ := w.ask(t, http.MethodGet, "/authenticate", "sessionid="+key); status != http.StatusUnauthorized {
			t.Errorf("round %d: /authenticate says %d of a session that was ended", round, status)
		}
	}
}
