package djangotest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

// TestDatabase is a database of one test, owned by a role that has a password.
type TestDatabase struct {
	server *PostgresServer
	name   string
}

// Database makes an empty database, and drops it when the test ends, whoever is still connected.
func (s *PostgresServer) Database(tb testing.TB) *TestDatabase {
	tb.Helper()
	d := &TestDatabase{server: s, name: fmt.Sprintf("test_%d", s.databases.Add(1))}
	admin := s.superuserURL(superuser)
	if _, err := s.psql(tb.Context(), admin, "CREATE DATABASE "+d.name+" OWNER "+roleName); err != nil {
		tb.Fatal(err)
	}
	if s.private {
		return d // it goes with its cluster, which may be down by then
	}
	tb.Cleanup(func() {
		// Not the test's context: that ends before its cleanup.
		if _, err := s.psql(context.Background(), admin, "DROP DATABASE "+d.name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// Name returns the database's name.
func (d *TestDatabase) Name() string { return d.name }

// URL returns the database's address over TCP, as DATABASE_URL would have it.
func (d *TestDatabase) URL() string { return d.URLAt(d.server.Addr()) }

// URLAt is URL with another host:port, such as that of a proxy.
func (d *TestDatabase) URLAt(addr string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(roleName, rolePassword), Host: addr, Path: "/" + d.name,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SocketURL returns the database's address over the unix socket.
func (d *TestDatabase) SocketURL() string {
	return d.server.socketURL(url.UserPassword(roleName, rolePassword), d.name)
}

// Django returns the entry of Django's DATABASES setting.
func (d *TestDatabase) Django() map[string]any {
	return map[string]any{
		"ENGINE": "django.db.backends.postgresql", "NAME": d.name, "USER": roleName, "PASSWORD": rolePassword,
		"HOST": "127.0.0.1", "PORT": strconv.Itoa(d.server.port),
	}
}

// Exec runs SQL statements as the database's owner, and returns their rows, a line each, fields separated by |.
func (d *TestDatabase) Exec(tb testing.TB, sql string) string {
	tb.Helper()
	return d.exec(tb, d.SocketURL(), sql)
}

// ExecAsSuperuser is Exec for what the owner may not do. It gets through when the connections are used up, too.
func (d *TestDatabase) ExecAsSuperuser(tb testing.TB, sql string) string {
	tb.Helper()
	return d.exec(tb, d.server.superuserURL(d.name), sql)
}

func (d *TestDatabase) exec(tb testing.TB, dsn, sql string) string {
	tb.Helper()
	rows, err := d.server.psql(context.WithoutCancel(tb.Context()), dsn, sql) // so that a cleanup can call it
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}
