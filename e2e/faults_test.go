//go:build live

package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// fault is one thing that happens to a database: begin, wait, end.
type fault struct {
	name string
	// begin starts it, and returns what ends it; nil where it has passed by itself.
	begin func(t *testing.T, r *rig) (end func())
	// total: while it lasts, there are answers of 503.
	total bool
	// silent: a question has no answer, not even a failure, until its time is over.
	silent bool
}

func proxied(mode djangotest.Mode) func(*testing.T, *rig) func() {
	return func(_ *testing.T, r *rig) func() {
		r.proxy.SetMode(mode)
		return func() { r.proxy.SetMode(djangotest.Pass()) }
	}
}

func stopped(mode djangotest.StopMode) func(*testing.T, *rig) func() {
	return func(t *testing.T, r *rig) func() {
		r.server.Stop(t, mode)
		return func() { r.server.Start(t) }
	}
}

// faults are what databases and networks do. All last longer than the timeout: until then a query that has lost its
// way is not told from one that takes its time.
func faults() []fault {
	return []fault{
		{"stopped", stopped(djangotest.Fast), true, false},
		{"stopped at once", stopped(djangotest.Immediate), true, false},
		{"restarted", func(t *testing.T, r *rig) func() { r.server.Restart(t, djangotest.Crash); return nil }, false, false},
		{"backends killed", killBackends, false, false},
		{"connections reset", proxied(djangotest.Reset()), true, false},
		{"connections refused", proxied(djangotest.Refuse()), true, false},
		{"black hole", proxied(djangotest.BlackHole()), true, true},
		{"slowed a little", proxied(djangotest.Slow(100 * time.Millisecond)), false, false},
		{"slowed", proxied(djangotest.Slow(5 * time.Second)), true, true},
		{"cut in mid-message", proxied(djangotest.CutAfter(60)), true, false},
		{"tables locked", lockTables, true, true},
		{"connections used up", useUpConnections, true, false},
		{"server paused", func(t *testing.T, r *rig) func() { r.server.Pause(t); return r.server.Resume }, true, true},
	}
}

func killBackends(t *testing.T, r *rig) func() {
	for range 5 {
		r.db.ExecAsSuperuser(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'django-sidecar'")
	}
	return nil
}

// other is somebody else's connection to the server, past the proxy.
func (r *rig) other(t *testing.T, user *url.Userinfo) *sql.DB {
	t.Helper()
	u, err := url.Parse(r.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	if user != nil {
		u.User = user
	}
	db, err := sql.Open("postgres", u.String())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func lockTables(t *testing.T, r *rig) func() {
	db := r.other(t, nil)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE django_session, auth_user"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// useUpConnections takes every connection that the server has, the sidecar's too.
func useUpConnections(t *testing.T, r *rig) func() {
	r.db.ExecAsSuperuser(t, "DO $$ BEGIN CREATE ROLE hog LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
	db := r.other(t, url.User("hog"))
	var taken []*sql.Conn
	takeAll := func() {
		for {
			conn, err := db.Conn(t.Context())
			if err != nil {
				if !strings.Contains(err.Error(), "53300") && !strings.Contains(err.Error(), "reserved") {
					t.Errorf("using up connections: %v", err)
				}
				return
			}
			taken = append(taken, conn)
		}
	}
	takeAll()
	waitFor(t, 30*time.Second, "all connections taken", func() bool { // whoever is faster has the places that become free
		killBackends(t, r)
		takeAll()
		return r.backends(t) == "0"
	})
	return func() { giveBack(t, db, taken) }
}

// giveBack closes connections that were taken from a server, and what opened them.
func giveBack(t *testing.T, db *sql.DB, taken []*sql.Conn) {
	t.Helper()
	for _, conn := range taken {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// load is 16 clients that ask again and again: for live sessions and for dead ones.
type load struct {
	r *rig
	// healthy: the database has been well for long enough that a 503 is an error.
	healthy atomic.Bool
	// begun counts the faults, so that only answers to requests of one period are held against it.
	begun atomic.Int64
	// stood is for how long, in all, this process did not run when it ought to: nobody can be in time then.
	stood   atomic.Int64
	running sync.WaitGroup
	stop    context.CancelFunc

	mu      sync.Mutex
	counts  map[int]int
	took    latencies
	quick   int // how often that was the answer in less than half of the time
	last503 time.Time
}

func (r *rig) load(t *testing.T) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{r: r, stop: stop, counts: map[int]int{}}
	l.healthy.Store(true)
	goroutines, heap := runtime.NumGoroutine(), heapBytes()
	t.Cleanup(func() { // when the clients have gone, and the sidecar has not
		// There were no connections to stores yet, and the proxies before them have some goroutines for each. Thousands of
		// questions have failed meanwhile.
		waitFor(t, 30*time.Second, fmt.Sprintf("about %d goroutines again", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines+60 })
		if after := heapBytes(); after > heap+r.log.room()+16<<20 {
			t.Errorf("the heap grew from %d to %d bytes", heap, after)
		}
	})
	l.running.Go(func() {
		for ctx.Err() == nil {
			const rest = 20 * time.Millisecond
			start := time.Now()
			during(rest)
			l.stood.Add(int64(time.Since(start) - rest))
		}
	})
	dead := slices.Collect(maps.Keys(r.dead))
	for n, key := range r.live {
		l.running.Go(func() {
			client, closeIdle := newClient(r.timeout + time.Minute)
			defer closeIdle()
			// Two cores also run the server, and other tests: answers ought to wait for the fault, and not for each other.
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				l.ask(context.WithoutCancel(ctx), t, client, key, http.StatusOK, fmt.Sprintf(`"id":"%d"`, n+1))
				if i%2 == 0 {
					l.ask(context.WithoutCancel(ctx), t, client, dead[i/2%len(dead)], http.StatusUnauthorized, `"result":false`)
				}
				<-tick.C
			}
		})
	}
	return l
}

// ask fails the test on a wrong or late answer, and on a 503 while all is well.
func (l *load) ask(ctx context.Context, t *testing.T, client *http.Client, key string, want int, wantText string) {
	begun, before := l.begun.Load(), l.stood.Load()
	healthy := l.healthy.Load() // after begun, for a fault sets it before: no question is asked of a new fault while all was well
	start := time.Now()
	status, answer, err := l.r.ask(ctx, client, key)
	took := time.Since(start)
	stood := time.Duration(l.stood.Load() - before)
	healthy = healthy && stood < l.r.timeout/2
	switch {
	case err != nil:
		t.Errorf("no answer: %v", err)
	case status == want && strings.Contains(answer, wantText):
	case status == http.StatusServiceUnavailable && (!healthy || begun != l.begun.Load()):
	default:
		t.Errorf("got %d %s, want %d with %s", status, answer, want, wantText)
	}
	if took > l.r.timeout+time.Second+stood {
		t.Errorf("%d after %v, with a timeout of %v; the process stood for %v of it", status, took, l.r.timeout, stood)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[status]++
	l.took = append(l.took, took)
	if status == http.StatusServiceUnavailable {
		if took < l.r.timeout/2 {
			l.quick++
		}
		l.last503 = time.Now()
	}
}

// latencies are how long answers took.
type latencies []time.Duration

// String implements fmt.Stringer.
func (l latencies) String() string {
	if len(l) == 0 {
		return "no answer"
	}
	slices.Sort(l)
	of := func(percent int) time.Duration { return l[(len(l)-1)*percent/100].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v, p99 %v, the slowest after %v", of(50), of(99), of(100))
}

// take returns the counts since the last call.
func (l *load) take() (counts map[int]int, took latencies, last503 time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts, took = l.counts, l.took
	l.counts, l.took = map[int]int{}, nil
	return counts, took, l.last503
}

// endure lets a fault happen under load, and wants the database's return seen within a second, not counting what this
// process stood for.
func (l *load) endure(t *testing.T, f fault, lasts time.Duration) {
	t.Helper()
	l.take()
	l.healthy.Store(false)
	l.begun.Add(1)
	l.mu.Lock()
	l.quick = 0
	l.mu.Unlock()
	end := f.begin(t, l.r)
	if end != nil {
		during(lasts)
		counts, took, _ := l.take()
		t.Logf("meanwhile: %v, %v", counts, took)
		if f.total && counts[http.StatusServiceUnavailable] == 0 {
			t.Error("no 503: it was no fault")
		}
		if f.silent { // who waited for the store would be told when the time is over, and never at once
			waitFor(t, 30*time.Second, "80 answers of 503 that wait for nobody", func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				return l.quick >= 80
			})
		}
		end()
	}
	ended, stood := time.Now(), l.stood.Load()
	during(time.Second)
	during(time.Duration(l.stood.Load() - stood))
	l.healthy.Store(true)
	during(300 * time.Millisecond) // what is asked from now on must be right
	counts, took, last503 := l.take()
	t.Logf("afterwards: %v, %v, the last 503 at %v", counts, took, max(0, last503.Sub(ended)).Round(time.Millisecond))
	if counts[http.StatusOK] == 0 || counts[http.StatusUnauthorized] == 0 {
		t.Error("nothing was asked")
	}
	var backends string
	waitFor(t, 30*time.Second, "as few connections as SIDECAR_DB_CONNS says", func() bool {
		backends = l.r.backends(t)
		return len(backends) == 1 && backends <= fmt.Sprint(rigConns)
	})
	if t.Failed() {
		t.Logf("connections to the server: %s", backends)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		prepare string
		faults  []fault
	}{
		{"one second", time.Second, "auto", faults()},
		{"the default timeout, prepared statements", 2 * time.Second, "on", slices.DeleteFunc(faults(), func(f fault) bool {
			// Those that leave queries without an answer: the others are the same, however queries are sent.
			return !slices.Contains([]string{"backends killed", "black hole", "slowed", "tables locked", "connections used up", "server paused"}, f.name)
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newRig(t, tt.timeout, map[string]string{"SIDECAR_DB_PREPARE": tt.prepare}).endureAll(t, tt.faults)
		})
	}
}

// endureAll lets one fault after the other happen under load.
func (r *rig) endureAll(t *testing.T, faults []fault) {
	t.Helper()
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	during(300 * time.Millisecond)
	for _, f := range faults {
		lasts := r.timeout + 500*time.Millisecond
		if f.silent {
			lasts += r.timeout // after the first, one table may be known to be silent, and the other not yet
		}
		t.Run(f.name, func(t *testing.T) { l.endure(t, f, lasts) })
	}
}
