//go:build live

package dbopen_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbopen"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(djangotest.Suite{M: m}) }

func newCodec(t *testing.T) *djangosession.Codec {
	t.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey("a secret key for tests of opening")})
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// fill makes a table of live sessions, session00000 and on.
func fill(t *testing.T, db *djangotest.TestDatabase, count int) {
	t.Helper()
	data, err := newCodec(t).Encode(map[string]any{"a": "b"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	db.Exec(t, fmt.Sprintf(`CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
		INSERT INTO django_session SELECT 'session' || lpad(n::text, 5, '0'), '%s', now() + interval '1 day' FROM generate_series(0, %d) AS n`, data, count-1))
}

func open(t *testing.T, url string, o dbopen.Options) *dbopen.Database {
	t.Helper()
	d, err := dbopen.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestThroughPgBouncer: every one of 10,000 live sessions is found through a pooler that hands three servers around.
// Both ways to configure a store do: with what Open gives, and with the dialect alone.
func TestThroughPgBouncer(t *testing.T) {
	const count, workers = 10_000, 32
	server := djangotest.Postgres(t)
	db := server.Database(t)
	fill(t, db, count)
	bouncer := djangotest.PgBouncer(t, server, "transaction").URL(db)
	for name, config := range map[string]func(*dbopen.Database) dbstore.SessionsConfig{
		"all that Open gives": func(d *dbopen.Database) dbstore.SessionsConfig {
			return dbstore.SessionsConfig{Dialect: d.Dialect, Prepare: d.Prepare, Batcher: d.Batcher}
		},
		"the dialect alone": func(d *dbopen.Database) dbstore.SessionsConfig { return dbstore.SessionsConfig{Dialect: d.Dialect} },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, bouncer, dbopen.Options{Timeout: 20 * time.Second, Conns: workers})
			sessions := dbstore.NewSessions(d.DB, newCodec(t), config(d))
			var running sync.WaitGroup
			var next atomic.Int64
			for range workers {
				running.Go(func() {
					for n := next.Add(1) - 1; n < count; n = next.Add(1) - 1 {
						if _, err := sessions.Load(t.Context(), fmt.Sprintf("session%05d", n)); err != nil {
							t.Errorf("session %d: %v", n, err)
						}
					}
				})
			}
			running.Wait()
			if _, err := sessions.Load(t.Context(), "nobodys0"); !errors.Is(err, djangosession.ErrNotFound) {
				t.Errorf("a session that is not there: %v", err)
			}
		})
	}
}

// TestSilentNetwork: a context ends a question on a network that carries nothing any more.
func TestSilentNetwork(t *testing.T) {
	const patience = time.Second
	server := djangotest.Postgres(t)
	db := server.Database(t)
	fill(t, db, 1)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	d := open(t, db.URLAt(proxy.Addr()), dbopen.Options{Timeout: 10 * time.Second, Conns: 2})
	sessions := dbstore.NewSessions(d.DB, newCodec(t), dbstore.SessionsConfig{Dialect: d.Dialect, Prepare: d.Prepare})
	if _, err := sessions.Load(t.Context(), "session00000"); err != nil {
		t.Fatal(err)
	}
	proxy.SetMode(djangotest.BlackHole())
	for _, connection := range []string{"that stands", "that is new"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		began := time.Now()
		_, err := sessions.Load(ctx, "session00000")
		if took := time.Since(began); err == nil || djangosession.IsAnswer(err) || took > 10*patience {
			t.Errorf("on a connection %s: %v after %v, with a deadline of %v", connection, err, took, patience)
		}
		cancel()
	}
	if _, err := dbopen.Open(t.Context(), db.URLAt(proxy.Addr()), dbopen.Options{Timeout: patience}); err == nil {
		t.Error("opened through a network that carries nothing")
	}
}
