//go:build bench

package sidebyside

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver of whoever changes sessions
)

const (
	manySessions = 100_000 // in the copy that is changed
	manyRate     = 400     // requests a second, over all sidecars
	changeRate   = 50      // sessions that are changed in a second
	mostChanges  = 200     // sessions for each second of a point that are changed as fast as it goes
	settled      = 100 * time.Millisecond
)

// times are processor times.
type times struct{ database, bouncer, sidecars time.Duration }

// fleet are sidecars beside one PostgreSQL.
type fleet struct {
	*curves

	bouncer  bouncer
	sidecars []running
	direct   *sql.DB // past pgbouncer
}

func (f *fleet) times(t *testing.T) times {
	t.Helper()
	all := times{database: f.databaseTime(t)}
	if f.bouncer.Process != nil {
		all.bouncer = processorTime(t, f.bouncer.Pid())
	}
	for _, r := range f.sidecars {
		all.sidecars += processorTime(t, r.Pid())
	}
	return all
}

// since returns the processor times since others.
func (f *fleet) since(t *testing.T, before times) times {
	t.Helper()
	after := f.times(t)
	return times{after.database - before.database, after.bouncer - before.bouncer, after.sidecars - before.sidecars}
}

// each is a share of a time, in microseconds.
func each(total time.Duration, count int) float64 {
	return float64(total) / float64(time.Microsecond) / float64(count)
}

func (c *curves) overSidecars(t *testing.T) *numbers {
	count := min(*sessions, manySessions)
	url := c.copied(t, count)
	stayOffServers(t)
	direct, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close() //nolint:errcheck // nothing is left to lose
	direct.SetMaxOpenConns(1)
	n := newNumbers("sidecars", "connections", "from_pgbouncer", "listening", "clients_of_pgbouncer", "requests_per_second", "p50_ms", "p99_ms",
		"database_us_a_request", "pgbouncer_us_a_request", "sidecars_us_a_request", "rss_mib", "idle_database_ms_a_second", "idle_sidecars_ms_a_second",
		"most_changes_per_second", "database_us_a_change", "sidecars_us_a_change", "forgotten_p50_ms", "forgotten_p99_ms")
	asked := int(changeRate * *pointSeconds) // sessions, from the first on; what was changed or deleted is not asked for again
	alone, _ := (&fleet{curves: c, direct: direct}).change(t, 0, asked, changeRate)
	n.notes = append(n.notes, fmt.Sprintf("Where nobody listens, PostgreSQL's time of a change is %.0f µs.", each(alone.database, asked)))
	for _, sidecars := range few([]int{1, 10, 100}) {
		f := c.startFleet(t, sidecars, url, direct)
		asked = f.measure(t, n, asked, count)
		for _, r := range append(f.sidecars, f.bouncer.running) {
			r.stop(t)
		}
	}
	return n
}

// startFleet returns when all sidecars are told of changes.
func (c *curves) startFleet(t *testing.T, count int, url string, direct *sql.DB) *fleet {
	t.Helper()
	f := &fleet{curves: c, bouncer: c.startBouncer(t), direct: direct}
	pooled := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", roleName, f.bouncer.addr, curvesName)
	for range count {
		f.sidecars = append(f.sidecars, c.startSidecar(t, "DATABASE_URL="+pooled, "SIDECAR_DB_PREPARE=off", "SIDECAR_CACHE_LISTEN_URL="+url, "SIDECAR_CACHE_TTL=1h"))
	}
	for _, r := range f.sidecars {
		r.awaitMetric(t, "django_sidecar_cache_sound", 1)
	}
	return f
}

// measure puts the sidecars through all that there is. It takes the sessions after first, and returns the last one that it took.
func (f *fleet) measure(t *testing.T, n *numbers, first, sessions int) int {
	idleSeconds := max(2, *pointSeconds)
	before := f.times(t)
	until(t.Context(), time.Now().Add(time.Duration(idleSeconds*float64(time.Second))))
	idle := f.since(t, before)

	requests, changes, most := int(manyRate**pointSeconds), int(changeRate**pointSeconds), int(mostChanges**pointSeconds)
	deletions := 100
	if *quick {
		deletions = 10
	}
	if first+manyRate+requests+deletions > sessions {
		t.Fatalf("%d sessions are too few for %g s a point", sessions, *pointSeconds)
	}
	f.ask(t, first, manyRate) // for a second: connections are opened
	first += manyRate
	before = f.times(t)
	result := f.ask(t, first, requests)
	loaded, all := f.since(t, before), f.connections(t)
	servers, clients := f.bouncer.count(t, "SERVERS"), f.bouncer.count(t, "CLIENTS")
	rss := 0.0
	for _, r := range f.sidecars {
		rss += residentMiB(t, r.Pid(), "VmRSS")
	}
	changed, _ := f.change(t, first, changes, changeRate)
	_, rate := f.change(t, first+changes, most, 0)
	delays := f.forgotten(t, first+requests, deletions)
	n.add(len(f.sidecars), all, servers, all-servers, clients, float64(result.requests)/result.seconds, milliseconds(result.percentile(50)), milliseconds(result.percentile(99)),
		each(loaded.database, requests), each(loaded.bouncer, requests), each(loaded.sidecars, requests), rss,
		milliseconds(idle.database)/idleSeconds, milliseconds(idle.sidecars)/idleSeconds, rate, each(changed.database, changes), each(changed.sidecars, changes),
		milliseconds(percentile(delays, 50)), milliseconds(percentile(delays, 99)))
	return first + requests + deletions
}

// ask asks for so many sessions after the first, all sidecars in turn.
func (f *fleet) ask(t *testing.T, first, count int) *driven {
	t.Helper()
	load := &drive{connections: max(len(f.sidecars), 20), rate: manyRate, count: count, key: func(i int) string { return sessionKey(first + i + 1) }}
	for _, r := range f.sidecars {
		load.addrs = append(load.addrs, r.addr)
	}
	result, err := load.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// connections are those of all sidecars to PostgreSQL, pgbouncer's included.
func (f *fleet) connections(t *testing.T) int {
	t.Helper()
	out, err := f.cluster.ask(t.Context(), "postgres", nil,
		"SELECT count(*) FROM pg_stat_activity WHERE datname = '"+curvesName+"' AND usename = '"+roleName+"' AND application_name = 'django-sidecar'")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(out)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// change saves sessions that the sidecars have kept, so many in a second or as fast as it goes, and returns what that cost
// until all have heard of all, and how many they were in a second. Nothing is subtracted: who hears something every few
// milliseconds does not ask whether the server is there.
func (f *fleet) change(t *testing.T, first, count int, perSecond time.Duration) (times, float64) {
	t.Helper()
	heard := func() (total float64) {
		for _, r := range f.sidecars {
			total += r.metric(t, "django_sidecar_cache_forgotten_total")
		}
		return total
	}
	heardBefore, before := heard(), f.times(t)
	start := time.Now()
	for i := range count {
		if perSecond > 0 {
			until(t.Context(), start.Add(time.Duration(i)*time.Second/perSecond))
		}
		// One message, as Django's driver sends it.
		sql := "UPDATE django_session SET expire_date = expire_date + interval '1 second' WHERE session_key = '" + sessionKey(first+i+1) + "'"
		if _, err := f.direct.ExecContext(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rate := float64(count) / time.Since(start).Seconds()
	if len(f.sidecars) == 0 {
		return f.since(t, before), rate
	}
	// Each was kept by the one sidecar that was asked for it. Where they are slower than the changes come, they still hear.
	for range 100 {
		until(t.Context(), time.Now().Add(settled))
		cost := f.since(t, before)
		if heard()-heardBefore == float64(count) {
			return cost, rate
		}
	}
	t.Fatalf("%v sessions were forgotten, %d were changed", heard()-heardBefore, count)
	return times{}, 0
}

// forgotten deletes sessions, one at a time, and returns how long a few sidecars still let them in after it.
func (f *fleet) forgotten(t *testing.T, first, count int) []time.Duration {
	t.Helper()
	watched := f.sidecars[:min(3, len(f.sidecars))]
	askers := make([]*asker, len(watched))
	for i, r := range watched {
		var err error
		if askers[i], err = dial(t.Context(), r.addr); err != nil {
			t.Fatal(err)
		}
		defer askers[i].Close() //nolint:errcheck // it was read to the end of an answer
	}
	var delays []time.Duration
	for i := range count {
		delays = append(delays, logOut(t, f.direct, sessionKey(first+i+1), askers)...)
	}
	slices.Sort(delays)
	return delays
}

// logOut deletes a session that is known to all who are asked, and returns how long each still lets it in.
func logOut(t *testing.T, db *sql.DB, key string, askers []*asker) []time.Duration {
	t.Helper()
	for _, a := range askers {
		for range 2 { // the second answer is from the cache
			if status, err := a.ask(key); err != nil || status != http.StatusOK {
				t.Fatalf("a session to log out: got %d, %v", status, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, "DELETE FROM django_session WHERE session_key = '"+key+"'"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	delays, failures := make([]time.Duration, len(askers)), make([]error, len(askers))
	var running sync.WaitGroup
	for i, a := range askers {
		running.Go(func() {
			for status := http.StatusOK; status == http.StatusOK && failures[i] == nil; {
				if failures[i] = ctx.Err(); failures[i] == nil {
					status, failures[i] = a.ask(key)
				}
				if failures[i] == nil && status != http.StatusOK && status != http.StatusUnauthorized {
					failures[i] = fmt.Errorf("got %d", status)
				}
			}
			delays[i] = time.Since(start)
		})
	}
	running.Wait()
	for _, err := range failures {
		if err != nil {
			t.Fatalf("after a logout: %v", err)
		}
	}
	return delays
}
