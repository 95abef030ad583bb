//go:build live

package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// mariaDB is a database of a MariaDB that a rig's sidecar reads.
type mariaDB struct {
	*djangotest.MariaDBDatabase
	server *djangotest.MariaDBServer
}

// newMariaDBRig makes a database in a MariaDB, which has no sidecar yet.
func newMariaDBRig(t *testing.T, timeout time.Duration, server *djangotest.MariaDBServer) *rig {
	t.Helper()
	return &rig{
		maria: &mariaDB{server.Database(t), server}, proxy: djangotest.NewFaultProxy(t, server.Addr()),
		timeout: timeout, log: new(logBuffer), stopped: make(chan struct{}),
	}
}

// kill ends each connection of the sidecar.
func (m *mariaDB) kill(t *testing.T) {
	t.Helper()
	m.server.ExecAsSuperuser(t, "KILL USER django")
}

// other is somebody else's way to a database of the server, past the proxy.
func (m *mariaDB) other(t *testing.T, name string) *sql.DB {
	t.Helper()
	u, err := url.Parse(m.URL())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s", u.User.Username(), password, u.Host, name))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// holdMariaDB has somebody else hold locks.
func holdMariaDB(statement string) func(t *testing.T, r *rig) func() {
	return func(t *testing.T, r *rig) func() {
		db := r.maria.other(t, r.maria.Name())
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		return func() {
			_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "UNLOCK TABLES")
			if err := errors.Join(err, conn.Close(), db.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// useUpMariaDB takes every connection that the server has, the sidecar's too.
func useUpMariaDB(t *testing.T, r *rig) func() {
	db := r.maria.other(t, "")
	var taken []*sql.Conn
	waitFor(t, 30*time.Second, "all connections taken", func() bool {
		for {
			conn, err := db.Conn(t.Context())
			if err != nil {
				if !strings.Contains(err.Error(), "1040") {
					t.Errorf("using up connections: %v", err)
				}
				break
			}
			taken = append(taken, conn)
		}
		// root would need a connection that is left. Whoever is faster has the places that become free.
		id, left := int64(0), false
		for taken[0].QueryRowContext(t.Context(), "SELECT id FROM information_schema.processlist WHERE db = ? AND id > ? ORDER BY id", r.maria.Name(), id).Scan(&id) == nil {
			left = true
			_, _ = taken[0].ExecContext(t.Context(), fmt.Sprint("KILL ", id)) // it may have ended
		}
		return !left
	})
	return func() { giveBack(t, db, taken) }
}

// globally sets a variable of the server, and its value of before in the end.
func globally(name, value string) func(t *testing.T, r *rig) func() {
	return func(t *testing.T, r *rig) func() {
		before := r.maria.server.ExecAsSuperuser(t, "SELECT @@GLOBAL."+name)
		set := func(value string) { r.maria.server.ExecAsSuperuser(t, fmt.Sprintf("SET GLOBAL %s = %s", name, value)) }
		set(value)
		return func() { set(before) }
	}
}

// TestFaultsOfMariaDB is TestFaults for a MariaDB.
func TestFaultsOfMariaDB(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "max-connections=20")
	r := newMariaDBRig(t, time.Second, server.MariaDBServer)
	r.run(t, nil)
	r.endureAll(t, []fault{
		{"stopped", func(t *testing.T, _ *rig) func() { server.Stop(t); return func() { server.Start(t) } }, true, false},
		{"killed, and started again", func(t *testing.T, _ *rig) func() { server.Kill(t); server.Start(t); return nil }, false, false},
		{"connections killed", func(t *testing.T, r *rig) func() {
			for range 5 {
				r.maria.kill(t)
			}
			return nil
		}, false, false},
		{"questions are to end at once", func(t *testing.T, r *rig) func() {
			end := globally("max_statement_time", "0.001")(t, r)
			r.maria.kill(t) // a connection has the value of its beginning
			client, closeIdle := newClient(time.Minute)
			defer closeIdle()
			waitFor(t, 30*time.Second, "an answer", func() bool { return r.status(t, client, r.live[0]) == http.StatusOK })
			end()
			return nil
		}, false, false},
		{"connections used up", useUpMariaDB, true, false},
		{"cut in mid-message", proxied(djangotest.CutAfter(60)), true, false},
		{"tables locked", holdMariaDB("LOCK TABLES django_session WRITE, auth_user WRITE"), true, true},
		{"server paused", func(t *testing.T, _ *rig) func() { server.Pause(t); return server.Resume }, true, true},
	})
}
