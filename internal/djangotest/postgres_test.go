//go:build live

package djangotest_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/lib/pq"

	"django-sidecar/internal/djangotest"
)

// open opens a pool of lib/pq and closes it with the test.
func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// queryWithin asks for one value, for at most the given time. lib/pq can ignore the deadline of a context while a
// server is silent, hence the goroutine, which ends when the pool's connections do.
func queryWithin(t *testing.T, db *sql.DB, limit time.Duration, query string) (string, error) {
	t.Helper()
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	go func() {
		var a answer
		a.err = db.QueryRowContext(ctx, query).Scan(&a.value)
		answers <- a
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func wantValue(t *testing.T, db *sql.DB, query, want string) {
	t.Helper()
	got, err := queryWithin(t, db, time.Minute, query)
	if err != nil || got != want {
		t.Errorf("%s: got %q, %v; want %q", query, got, err, want)
	}
}

func TestDatabasesAreSeparate(t *testing.T) {
	server := djangotest.Postgres(t)
	if again := djangotest.Postgres(t); again != server {
		t.Error("the second call started another cluster")
	}
	one, two := server.Database(t), server.Database(t)
	one.Exec(t, "CREATE TABLE t (v text); INSERT INTO t VALUES ('of one')")
	two.Exec(t, "CREATE TABLE t (v text); INSERT INTO t VALUES ('of two')")

	wantValue(t, open(t, one.URL()), "SELECT v FROM t", "of one")
	wantValue(t, open(t, two.URL()), "SELECT v FROM t", "of two")
	if got, want := two.Exec(t, "SELECT 1, v FROM t"), "1|of two"; got != want {
		t.Errorf("Exec returned %q, want %q", got, want)
	}
}

func TestDatabaseConnections(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	const peer = "SELECT current_user || ' ' || coalesce(host(inet_client_addr()), 'socket')"
	wantValue(t, open(t, db.URL()), peer, "django 127.0.0.1")
	wantValue(t, open(t, db.SocketURL()), peer, "django socket")
	if got, want := db.ExecAsSuperuser(t, peer), "postgres socket"; got != want {
		t.Errorf("superuser: got %q, want %q", got, want)
	}

	u, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"ENGINE": "django.db.backends.postgresql", "NAME": db.Name(), "USER": u.User.Username(), "PASSWORD": password,
		"HOST": host, "PORT": port,
	}
	if diff := cmp.Diff(want, db.Django()); diff != "" {
		t.Errorf("Django() and URL() differ (-URL +Django):\n%s", diff)
	}
}

func TestDatabaseWantsThePassword(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	for name, dsn := range map[string]string{"TCP": db.URL(), "socket": db.SocketURL()} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(dsn)
			if err != nil {
				t.Fatal(err)
			}
			u.User = url.UserPassword(u.User.Username(), "wrong")
			_, err = queryWithin(t, open(t, u.String()), time.Minute, "SELECT 1")
			if err == nil || !strings.Contains(err.Error(), "28P01") { // invalid_password
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
}

func TestDatabaseIsDroppedUnderItsClients(t *testing.T) {
	server := djangotest.Postgres(t)
	witness := server.Database(t)
	const count = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'"
	before := witness.Exec(t, count)
	var pool *sql.DB
	t.Run("inner test", func(inner *testing.T) {
		pool = open(t, server.Database(inner).URL())
		wantValue(inner, pool, "SELECT 1", "1")
	})
	if after := witness.Exec(t, count); after != before {
		t.Errorf("%s databases before the test, %s after", before, after)
	}
	if _, err := queryWithin(t, pool, time.Minute, "SELECT 1"); err == nil {
		t.Error("a client of the dropped database goes on")
	}
}

func TestExecReportsErrors(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	log, failed := record(t, func(tb testing.TB) { db.Exec(tb, "SELECT * FROM missing; SELECT 1") })
	if !failed || !strings.Contains(log, `relation "missing" does not exist`) {
		t.Errorf("failed %v, printed %q", failed, log)
	}
}

func TestMissingServerIsAFailure(t *testing.T) {
	t.Setenv("DJANGO_SIDECAR_PGBIN", t.TempDir())
	log, failed := record(t, func(tb testing.TB) { djangotest.PrivatePostgres(tb) })
	if !failed || !strings.Contains(log, "apt-get install postgresql") || !strings.Contains(log, "DJANGO_SIDECAR_PGBIN") {
		t.Errorf("failed %v, printed %q; want what to install", failed, log)
	}
}

func TestPrivatePostgres(t *testing.T) {
	server := djangotest.PrivatePostgres(t)
	if server.Addr() == djangotest.Postgres(t).Addr() {
		t.Fatal("the private cluster is the shared one")
	}
	db := server.Database(t)
	db.Exec(t, "CREATE TABLE t (v text); INSERT INTO t VALUES ('')")
	pool := open(t, db.URL())
	pool.SetMaxOpenConns(1)

	for name, mode := range map[string]djangotest.StopMode{
		"fast": djangotest.Fast, "immediate": djangotest.Immediate, "crash": djangotest.Crash,
	} {
		t.Run(name, func(t *testing.T) {
			wantValue(t, pool, "SELECT current_database()", db.Name())
			db.Exec(t, "UPDATE t SET v = 'kept through "+name+"'")
			server.Stop(t, mode) // at once: what was committed must not wait for anything
			if got, err := queryWithin(t, pool, time.Minute, "SELECT v FROM t"); err == nil {
				t.Errorf("a stopped server answered %q", got)
			}
			if conn, err := net.DialTimeout("tcp", server.Addr(), time.Minute); err == nil {
				t.Error("a stopped server takes connections", conn.Close())
			}
			server.Start(t)
			wantValue(t, pool, "SELECT v FROM t", "kept through "+name)
		})
	}
	t.Run("restart", func(t *testing.T) {
		started := db.ExecAsSuperuser(t, "SELECT pg_postmaster_start_time()")
		server.Restart(t, djangotest.Fast)
		if got := db.ExecAsSuperuser(t, "SELECT pg_postmaster_start_time()"); got == started {
			t.Error("the server is still the same process")
		}
	})
	t.Run("pause", func(t *testing.T) {
		standing, fresh := open(t, db.URL()), open(t, db.URL())
		wantValue(t, standing, "SELECT 1", "1")
		server.Pause(t)
		for name, pool := range map[string]*sql.DB{"standing": standing, "fresh": fresh} {
			got, err := queryWithin(t, pool, 300*time.Millisecond, "SELECT 1")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s connection: got %q, %v; want no answer", name, got, err)
			}
		}
		server.Resume()
		wantValue(t, open(t, db.URL()), "SELECT 1", "1")
	})
}

// The cleanup must reach a cluster that a failing test has left frozen.
func TestPausedServerIsRemoved(t *testing.T) {
	var addr string
	log, failed := record(t, func(tb testing.TB) {
		server := djangotest.PrivatePostgres(tb)
		addr = server.Addr()
		server.Pause(tb)
	})
	if failed {
		t.Fatal(log)
	}
	if conn, err := net.DialTimeout("tcp", addr, time.Minute); err == nil {
		t.Error("the server takes connections after its test", conn.Close())
	}
}
