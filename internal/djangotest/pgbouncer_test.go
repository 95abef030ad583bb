//go:build live

package djangotest_test

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

func TestPgBouncer(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	db.Exec(t, "CREATE TABLE t (v text); INSERT INTO t VALUES ('behind pgbouncer')")
	bouncer := djangotest.PgBouncer(t, server, "transaction")
	pool := open(t, bouncer.URL(db)+"&binary_parameters=yes")
	wantValue(t, pool, "SELECT v FROM t", "behind pgbouncer")

	t.Run("many clients share three servers", func(t *testing.T) {
		const clients = 8
		pids := map[int]bool{}
		for range clients {
			conn, err := pool.Conn(t.Context()) // kept until the end, so that each is a client of its own
			if err != nil {
				t.Fatal(err)
			}
			defer closeQuietly(conn)
			var pid int
			if err := conn.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
				t.Fatal(err)
			}
			pids[pid] = true
		}
		if len(pids) > 3 {
			t.Errorf("%d clients had %d backends, want at most 3", clients, len(pids))
		}
	})
	t.Run("a fourth transaction waits", func(t *testing.T) {
		for range 3 {
			tx, err := pool.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback() //nolint:errcheck // only to free the connection
			if _, err := tx.ExecContext(t.Context(), "SELECT 1"); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := queryWithin(t, pool, 300*time.Millisecond, "SELECT v FROM t"); err == nil {
			t.Errorf("got %q while all servers were taken", got)
		}
	})
	t.Run("the password is wanted", func(t *testing.T) {
		wrong := strings.Replace(bouncer.URL(db), "django:", "django:x", 1)
		if got, err := queryWithin(t, open(t, wrong), time.Minute, "SELECT 1"); err == nil {
			t.Errorf("got %q with a wrong password", got)
		}
	})
}

// The trap that transaction pooling sets, and the reason for testing with the real thing: a statement is prepared on one
// server and executed on another.
func TestPgBouncerBreaksPreparedStatements(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	for mode, wantBroken := range map[string]bool{"transaction": true, "session": false} {
		t.Run(mode, func(t *testing.T) {
			pool := open(t, djangotest.PgBouncer(t, server, mode).URL(db))
			prepared, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer closeQuietly(prepared)
			statement, err := prepared.PrepareContext(t.Context(), "SELECT $1::int")
			if err != nil {
				t.Fatal(err)
			}
			defer closeQuietly(statement)

			// Another client takes the server on which it was prepared.
			tx, err := pool.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback() //nolint:errcheck // only to free the connection

			got, err := executeWithin(t, statement, time.Minute)
			switch {
			case wantBroken && (err == nil || !strings.Contains(err.Error(), "26000")): // invalid_sql_statement_name
				t.Errorf("got %q, %v; want a missing prepared statement", got, err)
			case !wantBroken && (err != nil || got != "7"):
				t.Errorf("got %q, %v; want 7", got, err)
			}
		})
	}
}

func executeWithin(t *testing.T, statement *sql.Stmt, limit time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var got int
	err := statement.QueryRowContext(ctx, 7).Scan(&got)
	return strconv.Itoa(got), err
}
