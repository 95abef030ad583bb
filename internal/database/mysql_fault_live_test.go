//go:build live

package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
)

// The faults of fault_live_test.go, on MariaDB: the driver waits for an answer without any deadline but the context's.
func TestMySQLBlackHole(t *testing.T) {
	server := djangotest.MariaDB(t)
	for _, tt := range []struct {
		name, tls string
		mode      Prepare
	}{
		{"whole queries", "DISABLED", PrepareOff},
		{"prepared statements", "DISABLED", PrepareOn},
		{"whole queries, TLS", "REQUIRED", PrepareOff},
		{"prepared statements, TLS", "REQUIRED", PrepareOn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := server.Database(t)
			proxy := djangotest.NewFaultProxy(t, server.Addr())
			d := mustOpen(t, strings.Replace(db.URLAt(proxy.Addr()), "DISABLED", tt.tls, 1), Options{Timeout: faultTimeout, Conns: 2, Prepare: tt.mode})
			deployment := deployMariaDB(t, db, d)
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
						if err := deployment.loadWithin(t, faultTimeout); err == nil || errors.Is(err, djangosession.ErrNotFound) {
							t.Errorf("%s: an answer out of a black hole: %v", mode, err)
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

// Without a context's deadline, the timeout holds; and it is the caller's deadline that is left for the second query.
func TestMySQLBlackHoleWithoutADeadline(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, mode := range []Prepare{PrepareOff, PrepareOn} {
		d := mustOpen(t, db.URLAt(proxy.Addr()), Options{Timeout: ofTwo, Conns: 1, Prepare: mode})
		deployment := deployMariaDB(t, db, d)
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
		if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, ofTwo) }); err != nil {
			t.Fatal(err)
		}
		proxy.SetMode(djangotest.BlackHole())
		start = time.Now()
		if _, err := deployment.sessions.Load(context.Background(), "session0001"); err == nil {
			t.Error("an answer out of a black hole")
		}
		if took := time.Since(start); took > 2*ofTwo {
			t.Errorf("mode %d: took %v, with a timeout of %v", mode, took, ofTwo)
		}
		proxy.SetMode(djangotest.Pass())
	}
}

// An idle connection that ended or was reset costs no error: the query only reads, and is asked again on another.
func TestMySQLBrokenIdleConnections(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, tls := range []string{"DISABLED", "REQUIRED"} {
		for _, mode := range []Prepare{PrepareOff, PrepareOn} {
			d := mustOpen(t, strings.Replace(db.URLAt(proxy.Addr()), "DISABLED", tls, 1), Options{Timeout: liveTimeout, Conns: 4, Prepare: mode})
			deployment := deployMariaDB(t, db, d)
			for name, fault := range map[string]func(){
				"killed":  func() { server.ExecAsSuperuser(t, "KILL USER django") },
				"reset":   func() { proxy.SetMode(djangotest.Reset()); proxy.SetMode(djangotest.Pass()) },
				"refused": func() { proxy.SetMode(djangotest.Refuse()); proxy.SetMode(djangotest.Pass()) },
			} {
				t.Run(fmt.Sprintf("%s, mode %d, TLS %s", name, mode, tls), func(t *testing.T) {
					deployment.fill(t)
					fault()
					if failed := deployment.loadMany(t, 50); len(failed) > 0 {
						t.Errorf("%d of 50 loads failed, the first with: %v", len(failed), failed[0])
					}
				})
			}
		}
	}
}

// A server ends connections that are idle for long, which costs no error either.
func TestMySQLIdleTimeout(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "wait-timeout=1")
	db := server.Database(t)
	for _, tls := range []string{"DISABLED", "REQUIRED"} {
		for _, mode := range []Prepare{PrepareOff, PrepareOn} {
			d := mustOpen(t, strings.Replace(db.URL(), "DISABLED", tls, 1), Options{Timeout: liveTimeout, Conns: 4, Prepare: mode})
			deployment := deployMariaDB(t, db, d)
			deployment.fill(t)
			ended := func() error {
				if ids := server.ExecAsSuperuser(t, "SELECT id FROM information_schema.processlist WHERE db = '"+db.Name()+"'"); ids != "" {
					return fmt.Errorf("still connected: %s", strings.ReplaceAll(ids, "\n", ", "))
				}
				return nil
			}
			if err := eventually(t, 30*time.Second, ended); err != nil {
				t.Fatal(err)
			}
			if failed := deployment.loadMany(t, 50); len(failed) > 0 {
				t.Errorf("mode %d, TLS %s: %d of 50 loads failed, the first with: %v", mode, tls, len(failed), failed[0])
			}
		}
	}
}

// An answer that is cut, wherever that is, is an error or asked again, and never another answer.
func TestMySQLCutAnswers(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, mode := range []Prepare{PrepareOff, PrepareOn} {
		d := mustOpen(t, db.URLAt(proxy.Addr()), Options{Timeout: liveTimeout, Conns: 1, Prepare: mode})
		deployment := deployMariaDB(t, db, d)
		answers := map[bool]int{}
		for bytes := 1; bytes < 1200; bytes += 12 {
			deployment.fill(t)
			proxy.SetMode(djangotest.CutAfter(bytes))
			err := deployment.load(t.Context(), 1)
			answers[err == nil]++
			if err != nil && (strings.Contains(err.Error(), "wrong answer") || errors.Is(err, djangosession.ErrNotFound) || errors.Is(err, djangosession.ErrUserNotFound)) {
				t.Errorf("mode %d, cut after %d bytes: %v", mode, bytes, err)
			}
			proxy.SetMode(djangotest.Pass())
		}
		if answers[true] == 0 || answers[false] == 0 {
			t.Errorf("mode %d: %d loads were answered and %d not: cuts of both kinds are wanted", mode, answers[true], answers[false])
		}
	}
}

// A deadline that passes while the server is busy ends the query in the server too, if a little later.
func TestMySQLLockedTable(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	for _, mode := range []Prepare{PrepareOff, PrepareAuto} {
		t.Run(fmt.Sprintf("mode %d", mode), func(t *testing.T) {
			d := mustOpen(t, db.URL(), Options{Timeout: faultTimeout, Conns: 2, Prepare: mode})
			deployment := deployMariaDB(t, db, d)
			deployment.fill(t)
			other := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1, Prepare: PrepareOff})
			run := func(statement string) { // on the same connection each time
				t.Helper()
				if _, err := other.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			run("LOCK TABLES django_session WRITE")
			for range 5 {
				if err := deployment.loadWithin(t, faultTimeout); err == nil || errors.Is(err, djangosession.ErrNotFound) {
					t.Errorf("an answer from a locked table: %v", err)
				}
			}
			waiting := func() error {
				if n := server.ExecAsSuperuser(t, "SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting%lock%'"); n != "0" {
					return fmt.Errorf("%s queries still wait in the server", n)
				}
				return nil
			}
			if err := eventually(t, 30*time.Second, waiting); err != nil {
				t.Error(err)
			}
			run("UNLOCK TABLES")
			if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, faultTimeout) }); err != nil {
				t.Errorf("after the lock: %v", err)
			}
		})
	}
}

// A query for which nobody waits any more does not go on in the server.
func TestMySQLAbandonedQueries(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	d := mustOpen(t, db.URL(), Options{Timeout: faultTimeout, Conns: 2})
	ctx, cancel := context.WithTimeout(t.Context(), faultTimeout)
	defer cancel()
	var n int
	if err := d.QueryRowContext(ctx, "SELECT benchmark(2000000000, md5('x'))").Scan(&n); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's end", err)
	}
	running := func() error {
		if n := server.ExecAsSuperuser(t, "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT benchmark%'"); n != "0" {
			return errors.New("it still runs")
		}
		return nil
	}
	if err := eventually(t, 30*time.Second, running); err != nil {
		t.Error(err)
	}
}

// A server that goes away and comes back; in between, no answer is a "not found".
func TestMySQLOutages(t *testing.T) {
	server := djangotest.PrivateMariaDB(t)
	db := server.Database(t)
	for name, outage := range map[string]struct{ begin, end func() }{
		"stopped": {func() { server.Stop(t) }, func() { server.Start(t) }},
		"killed":  {func() { server.Kill(t) }, func() { server.Start(t) }},
		"paused":  {func() { server.Pause(t) }, server.Resume},
	} {
		for _, mode := range []Prepare{PrepareOff, PrepareOn} {
			t.Run(fmt.Sprintf("%s, mode %d", name, mode), func(t *testing.T) {
				d := mustOpen(t, db.URL(), Options{Timeout: faultTimeout, Conns: 2, Prepare: mode})
				deployment := deployMariaDB(t, db, d)
				deployment.fill(t)
				outage.begin()
				for range 3 {
					if err := deployment.loadWithin(t, faultTimeout); err == nil || errors.Is(err, djangosession.ErrNotFound) {
						t.Errorf("during the outage: %v", err)
					}
				}
				outage.end()
				if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, faultTimeout) }); err != nil {
					t.Errorf("after the outage: %v", err)
				}
				deployment.fill(t)
			})
		}
	}
}

// A server whose connections are used up says so.
func TestMySQLTooManyConnections(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "max-connections=10")
	db := server.Database(t)
	d := mustOpen(t, db.URL(), Options{Timeout: faultTimeout, Conns: 2})
	deployment := deployMariaDB(t, db, d)
	others := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 10})
	for range 10 {
		c, err := others.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // others is closed before
	}
	if err := deployment.loadWithin(t, faultTimeout); err == nil || !strings.Contains(err.Error(), "1040") {
		t.Errorf("got %v, want error 1040", err)
	}
	server.ExecAsSuperuser(t, "SET GLOBAL max_connections = 50")
	if err := eventually(t, 30*time.Second, func() error { return deployment.loadWithin(t, faultTimeout) }); err != nil {
		t.Errorf("with more connections: %v", err)
	}
}
