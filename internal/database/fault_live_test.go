//go:build live

package database

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const (
	faultTimeout = time.Second
	// ofTwo is the deadline of two queries, of which the first takes two fifths.
	ofTwo = 6 * time.Second
)

// loadWithin runs one load with the deadline of a request, and fails the test if it outlives that by some seconds.
func (d *deployed) loadWithin(t *testing.T, timeout time.Duration) error {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	err := d.load(ctx, 1)
	if took := time.Since(start); took > timeout+5*time.Second {
		t.Errorf("a load took %v, with a deadline of %v", took, timeout)
	}
	return err
}

// eventually polls until f returns nil, and returns its last error past the limit.
func eventually(t *testing.T, limit time.Duration, f func() error) error {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-deadline:
			return err
		case <-tick.C:
		}
	}
}

// TestBlackHole is the trap that lib/pq sets alone: it waits for an answer without any deadline. Prepared statements
// and TLS are each their own code in it.
func TestBlackHole(t *testing.T) {
	plain := djangotest.Postgres(t)
	encrypted := tlsServer(t)
	for _, tt := range []struct {
		name    string
		server  *djangotest.PostgresServer
		sslmode string
		mode    Prepare
	}{
		{"whole queries", plain, "disable", PrepareOff},
		{"prepared statements", plain, "disable", PrepareOn},
		{"whole queries, TLS", encrypted.PostgresServer, "require", PrepareOff},
		{"prepared statements, TLS", encrypted.PostgresServer, "require", PrepareOn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := tt.server.Database(t)
			proxy := djangotest.NewFaultProxy(t, tt.server.Addr())
			p := partsOf(t, db)
			d := mustOpen(t, fmt.Sprintf("postgres://%s@%s/%s?sslmode=%s", p.user, proxy.Addr(), p.name, tt.sslmode),
				Options{Timeout: faultTimeout, Conns: 2, Prepare: tt.mode})
			deployment := deploy(t, db, d.DB, d.Prepares)
			healthy := func() error { return deployment.loadWithin(t, faultTimeout) }
			if err := eventually(t, 30*time.Second, healthy); err != nil {
				t.Fatal(err)
			}
			for _, mode := range []string{"established", "new"} {
				proxy.SetMode(djangotest.BlackHole())
				// As many at once as there are connections, and one that waits for its turn.
				var running sync.WaitGroup
				for range 3 {
					running.Go(func() {
						if err := deployment.loadWithin(t, faultTimeout); err == nil {
							t.Errorf("%s: an answer out of a black hole", mode)
						}
					})
				}
				running.Wait()
				if mode == "established" {
					continue // what follows meets no connection that stands
				}
				proxy.SetMode(djangotest.Pass())
				start := time.Now()
				if err := eventually(t, 30*time.Second, healthy); err != nil {
					t.Errorf("after the black hole: %v", err)
				}
				t.Logf("healed within %v", time.Since(start))
			}
		})
	}
}

// The deadline is the caller's, whatever of it is left for the second query.
func TestBlackHoleBetweenTwoQueries(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, mode := range []Prepare{PrepareOff, PrepareOn} {
		d := mustOpen(t, db.URLAt(proxy.Addr()), Options{Timeout: ofTwo, Conns: 1, Prepare: mode})
		deployment := deploy(t, db, d.DB, d.Prepares)
		if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, ofTwo) }); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), ofTwo)
		defer cancel()
		proxy.SetMode(djangotest.Slow(ofTwo / 5))
		if _, err := deployment.sessions.Load(ctx, "session0001"); err != nil {
			t.Errorf("mode %d, the slow query: %v", mode, err)
		}
		proxy.SetMode(djangotest.BlackHole())
		if _, err := deployment.sessions.Load(ctx, "session0001"); err == nil {
			t.Error("an answer out of a black hole")
		}
		if took := time.Since(start); took > ofTwo+2*time.Second {
			t.Errorf("mode %d: took %v, with a deadline of %v", mode, took, ofTwo)
		}
		proxy.SetMode(djangotest.Pass())
	}
}

// An idle connection that ended or was reset costs no error: the query only reads, and is asked again on another.
func TestBrokenIdleConnections(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, mode := range []Prepare{PrepareOff, PrepareOn} {
		d := mustOpen(t, db.URLAt(proxy.Addr()), Options{Timeout: liveTimeout, Conns: 4, Prepare: mode})
		deployment := deploy(t, db, d.DB, d.Prepares)
		for name, fault := range map[string]func(){
			"killed":  func() { terminateAll(t, db) },
			"reset":   func() { proxy.SetMode(djangotest.Reset()); proxy.SetMode(djangotest.Pass()) },
			"refused": func() { proxy.SetMode(djangotest.Refuse()); proxy.SetMode(djangotest.Pass()) },
		} {
			t.Run(fmt.Sprintf("%s, mode %d", name, mode), func(t *testing.T) {
				deployment.fill(t)
				fault()
				if failed := deployment.loadMany(t, 50); len(failed) > 0 {
					t.Errorf("%d of 50 loads failed, the first with: %v", len(failed), failed[0])
				}
			})
		}
	}
}

// fill opens all connections, and prepares what is prepared.
func (d *deployed) fill(t *testing.T) {
	t.Helper()
	if failed := d.loadMany(t, 50); len(failed) > 0 {
		t.Fatal(failed[0])
	}
	// One that database/sql is still opening in the background would fail somebody's query when it is broken.
	opened := func() error {
		if s := d.db.Stats(); s.Idle != s.OpenConnections {
			return fmt.Errorf("%d of %d connections are idle", s.Idle, s.OpenConnections)
		}
		return nil
	}
	if err := eventually(t, 30*time.Second, opened); err != nil {
		t.Fatal(err)
	}
}

func terminateAll(t *testing.T, db *djangotest.TestDatabase) {
	t.Helper()
	db.ExecAsSuperuser(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'django-sidecar'")
}

// A deadline that passes while the server is busy ends the query in the server too, and not the connection's use.
func TestLockedTable(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	for _, mode := range []Prepare{PrepareOff, PrepareAuto} {
		t.Run(fmt.Sprintf("mode %d", mode), func(t *testing.T) {
			d := mustOpen(t, db.URL(), Options{Timeout: faultTimeout, Conns: 2, Prepare: mode})
			deployment := deploy(t, db, d.DB, d.Prepares)
			deployment.fill(t)
			other := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1})
			lock, err := other.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Rollback() //nolint:errcheck // only if the test fails first
			if _, err := lock.ExecContext(t.Context(), "LOCK TABLE django_session"); err != nil {
				t.Fatal(err)
			}
			if err := deployment.loadWithin(t, faultTimeout); err == nil {
				t.Error("an answer from a locked table")
			}
			waiting := func() error {
				if n := db.Exec(t, "SELECT count(*) FROM pg_locks WHERE NOT granted"); n != "0" {
					return fmt.Errorf("%s queries still wait in the server", n)
				}
				return nil
			}
			if err := eventually(t, 30*time.Second, waiting); err != nil {
				t.Error(err)
			}
			if err := lock.Rollback(); err != nil {
				t.Fatal(err)
			}
			if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, faultTimeout) }); err != nil {
				t.Errorf("after the lock: %v", err)
			}
		})
	}
}
