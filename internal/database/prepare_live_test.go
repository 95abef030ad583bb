//go:build live

package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

func TestPreparedOrNot(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	bouncer := djangotest.PgBouncer(t, server, "transaction").URL(db)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	for _, tt := range []struct {
		name, url string
		mode      Prepare
		want      bool
	}{
		{"auto, direct", db.URL(), PrepareAuto, true},
		{"auto, through pgbouncer", bouncer, PrepareAuto, false},
		{"auto, through a proxy", db.URLAt(proxy.Addr()), PrepareAuto, false},
		{"auto, over a socket", db.SocketURL(), PrepareAuto, false},
		{"off, direct", db.URL(), PrepareOff, false},
		{"on, through pgbouncer", bouncer, PrepareOn, true},
		{"on, over a socket", db.SocketURL(), PrepareOn, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := mustOpen(t, tt.url, Options{Timeout: liveTimeout, Conns: 2, Prepare: tt.mode})
			if d.Prepares() != (tt.mode == PrepareOn) {
				t.Errorf("before the first connection: prepares is %v", d.Prepares())
			}
			valueOf(t, d, "SELECT 'connected'")
			if d.Prepares() != tt.want {
				t.Errorf("prepares is %v, want %v", d.Prepares(), tt.want)
			}
			// Behind a pooler, what we set would be somebody else's too.
			mode := "auto"
			if tt.want && tt.mode == PrepareAuto {
				mode = "force_generic_plan"
			}
			if got := valueOf(t, d, "SELECT current_setting('plan_cache_mode')"); got != mode {
				t.Errorf("plan_cache_mode is %v, want %s", got, mode)
			}
		})
	}
	t.Run("auto refuses to prepare on what is not direct", func(t *testing.T) {
		d := mustOpen(t, bouncer, Options{Timeout: liveTimeout, Conns: 1})
		_, err := d.PrepareContext(t.Context(), "SELECT 1") //nolint:sqlclosecheck // it fails
		if !errors.Is(err, noStatementsError{}) {
			t.Errorf("got %v, want %v", err, noStatementsError{})
		}
	})
}

// deployed is a Django deployment's tables with users and their sessions: user n is called "user n", and has the
// session "session000n".
type deployed struct {
	db       *sql.DB
	codec    *djangosession.Codec
	sessions *dbstore.Sessions
	users    *dbstore.Users
	count    int
}

const secretKey = "a secret key for tests of databases"

func deploy(t *testing.T, db *djangotest.TestDatabase, d *sql.DB, prepares func() bool) *deployed {
	t.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		t.Fatal(err)
	}
	const count = 20
	var rows strings.Builder
	for n := range count {
		data, err := codec.Encode(map[string]any{"_auth_user_id": fmt.Sprint(n)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rows, "INSERT INTO auth_user VALUES (%d, 'pw', 'user %d', true);\n", n, n)
		fmt.Fprintf(&rows, "INSERT INTO django_session VALUES ('session%04d', '%s', now() + interval '1 day');\n", n, data)
	}
	db.Exec(t, `DROP TABLE IF EXISTS auth_user, django_session;
		CREATE TABLE auth_user (id bigint PRIMARY KEY, password text, username text, is_active bool);
		CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date timestamptz);`+rows.String())
	return &deployed{
		db: d, codec: codec, count: count,
		sessions: dbstore.NewSessions(d, codec, dbstore.SessionsConfig{Dialect: dbstore.Postgres, Prepare: prepares}),
		users:    dbstore.NewUsers(d, dbstore.UsersConfig{Dialect: dbstore.Postgres, Version: version, Prepare: prepares}),
	}
}

// load looks up session n and its user, and fails unless they are found and are the right ones.
func (d *deployed) load(ctx context.Context, n int) error {
	n %= d.count
	session, err := d.sessions.Load(ctx, fmt.Sprintf("session%04d", n))
	if err != nil {
		return err
	}
	if got := session.AuthUserID.JSON(); got != fmt.Sprintf("%q", fmt.Sprint(n)) {
		return fmt.Errorf("wrong answer: session %d is user %s's", n, got)
	}
	user, err := d.users.UserByID(ctx, session.AuthUserID)
	if err != nil {
		return err
	}
	if user.Username == nil || *user.Username != fmt.Sprintf("user %d", n) {
		return fmt.Errorf("wrong answer: user %d is %+v", n, user.User)
	}
	return nil
}

// loadMany runs count loads from 8 goroutines, and returns their errors.
func (d *deployed) loadMany(t *testing.T, count int) []error {
	t.Helper()
	var (
		running sync.WaitGroup
		next    atomic.Int64
		mu      sync.Mutex
		failed  []error
	)
	for range 8 {
		running.Go(func() {
			for n := next.Add(1); n <= int64(count); n = next.Add(1) {
				ctx, cancel := context.WithTimeout(t.Context(), liveTimeout)
				if err := d.load(ctx, int(n)); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
				cancel()
			}
		})
	}
	running.Wait()
	return failed
}

func TestLoadsThroughPgBouncer(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	bouncer := djangotest.PgBouncer(t, server, "transaction").URL(db)
	for _, tt := range []struct {
		name       string
		mode       Prepare
		wantErrors bool
	}{{"auto", PrepareAuto, false}, {"off", PrepareOff, false}, {"on", PrepareOn, true}} {
		t.Run(tt.name, func(t *testing.T) {
			d := mustOpen(t, bouncer, Options{Timeout: liveTimeout, Conns: 8, Prepare: tt.mode})
			failed := deploy(t, db, d.DB, d.Prepares).loadMany(t, 2000)
			t.Logf("%d of 2000 loads failed", len(failed))
			if (len(failed) > 0) != tt.wantErrors {
				t.Errorf("%d errors, the first of them %v", len(failed), errors.Join(failed[:min(1, len(failed))]...))
			}
		})
	}
}

// switchedDialer dials elsewhere than it is told.
type switchedDialer struct {
	dialer
	addr atomic.Pointer[string]
}

func (d *switchedDialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return d.dialer.DialContext(ctx, network, *d.addr.Load())
}

// A name or an address that leads to the server, and then to a pooler.
func TestDirectConnectionsBecomePooled(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	bouncer := djangotest.PgBouncer(t, server, "transaction").URL(db)
	config, err := configOf(db.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	base, err := pq.NewConnectorConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	to := &switchedDialer{dialer: dialer{liveTimeout}}
	base.Dialer(to)
	c := &connector{pq: base, timeout: liveTimeout, prepares: new(atomic.Int32)}
	pool := sql.OpenDB(c)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	deployment := deploy(t, db, pool, c.Prepares)

	behind, err := url.Parse(bouncer)
	if err != nil {
		t.Fatal(err)
	}
	direct, pooled := partsOf(t, db).address, behind.Host
	load := func(where string, count int, wantPrepared bool) {
		t.Helper()
		if failed := deployment.loadMany(t, count); len(failed) > 0 {
			t.Errorf("%s: %d of %d loads failed, the first with: %v", where, len(failed), count, failed[0])
		}
		if c.Prepares() != wantPrepared {
			t.Errorf("%s: prepares is %v", where, c.Prepares())
		}
	}
	to.addr.Store(&direct)
	load("direct", 500, true)
	if prepared := db.Exec(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'django-sidecar'"); prepared == "0" {
		t.Error("nothing is connected")
	}

	to.addr.Store(&pooled)
	pool.SetConnMaxLifetime(50 * time.Millisecond) // connections end one by one, in the middle of the load
	load("while they become pooled", 400, false)
	pool.SetConnMaxLifetime(0)
	load("pooled", 500, false)
	to.addr.Store(&direct)
	pool.SetMaxIdleConns(-1) // none: each query connects anew
	load("direct again: off for good", 50, false)
}

// A pooler may come to use the very port that we do. Then a connection looks direct, until a statement is lost.
func TestLostStatementsTurnPreparingOff(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	d := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1})
	deployment := deploy(t, db, d.DB, d.Prepares)
	for n := range 3 {
		if err := deployment.load(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if !d.Prepares() {
		t.Fatal("nothing has been prepared")
	}
	var rows int
	if err := d.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&rows); err != nil || rows < 2 {
		t.Fatalf("%d statements are prepared, %v; want those of sessions and of users", rows, err)
	}
	if _, err := d.ExecContext(t.Context(), "DEALLOCATE ALL"); err != nil {
		t.Fatal(err)
	}
	if err := deployment.load(t.Context(), 4); err != nil {
		t.Errorf("the load after the loss: %v", err)
	}
	if d.Prepares() {
		t.Error("it still prepares")
	}
}
