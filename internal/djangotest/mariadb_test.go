//go:build live

package djangotest_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

func TestMariaDBDatabases(t *testing.T) { testDatabases(t, djangotest.MariaDB(t), "YES|utf8mb4|10.") }

func TestMySQLDatabases(t *testing.T) { testDatabases(t, djangotest.MySQL(t), "DISABLED|utf8mb4|8.0.") }

func testDatabases(t *testing.T, server *djangotest.MariaDBServer, variables string) {
	t.Helper()
	first, second := server.Database(t), server.Database(t)
	first.Exec(t, "CREATE TABLE t (v text); INSERT INTO t VALUES ('é|😀')")
	if got := first.Exec(t, "SELECT v, 1 FROM t"); got != "é|😀|1" {
		t.Errorf("got %q", got)
	}
	if got := second.Exec(t, "SHOW TABLES"); got != "" {
		t.Errorf("the other database has %q", got)
	}
	if got := first.Exec(t, "SELECT CURRENT_USER()"); got != "django@%" {
		t.Errorf("the user is %q", got)
	}
	if got := server.ExecAsSuperuser(t, "SELECT @@have_ssl, @@character_set_server, version()"); !strings.HasPrefix(got, variables) {
		t.Errorf("got %q", got)
	}
	if got := djangotest.SharedServerOf(t, first.URL()); got != server {
		t.Errorf("the database is said to be of the server at %s", got.Addr())
	}
}

func TestPrivateMariaDBComesBack(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "max-connections=17")
	d := server.Database(t)
	d.Exec(t, "CREATE TABLE t (v int); INSERT INTO t VALUES (1)")
	for name, down := range map[string]func(testing.TB){"stopped": server.Stop, "killed": server.Kill} {
		down(t)
		server.Start(t)
		if got := d.Exec(t, "SELECT sum(v), @@max_connections FROM t"); got != "1|17" {
			t.Errorf("%s: got %q", name, got)
		}
	}
	server.Pause(t)
	server.Resume()
	if got := d.Exec(t, "SELECT 1"); got != "1" {
		t.Errorf("after a pause: got %q", got)
	}
}

func TestMariaDBAddresses(t *testing.T) {
	d := djangotest.MariaDB(t).Database(t)
	if u := d.URLAt("127.0.0.1:1"); !strings.HasPrefix(u, "mysql://django:") || !strings.Contains(u, "@127.0.0.1:1/"+d.Name()) {
		t.Errorf("URL is %s", u)
	}
	if u := d.SocketURL(); !strings.Contains(u, "unix_socket=%2F") {
		t.Errorf("SocketURL is %s", u)
	}
}
