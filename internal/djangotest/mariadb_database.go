package djangotest

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

// MariaDBDatabase is a database of one test.
type MariaDBDatabase struct {
	server *MariaDBServer
	name   string
}

// Database makes an empty database, and drops it when the test ends.
func (s *MariaDBServer) Database(tb testing.TB) *MariaDBDatabase {
	tb.Helper()
	d := &MariaDBDatabase{server: s, name: fmt.Sprintf("test_%d", s.databases.Add(1))}
	s.ExecAsSuperuser(tb, "CREATE DATABASE "+d.name+"; GRANT ALL ON "+d.name+".* TO "+roleName+"@'%'")
	if !s.private { // that goes with its server, which may be down by then
		tb.Cleanup(func() { s.ExecAsSuperuser(tb, "DROP DATABASE "+d.name) })
	}
	return d
}

// Name returns the database's name.
func (d *MariaDBDatabase) Name() string { return d.name }

// URL returns the database's address over TCP, as DATABASE_URL would have it.
func (d *MariaDBDatabase) URL() string { return d.URLAt(d.server.Addr()) }

// URLAt is URL with another host:port, such as that of a proxy.
func (d *MariaDBDatabase) URLAt(addr string) string {
	u := url.URL{
		Scheme: "mysql", User: url.UserPassword(roleName, rolePassword), Host: addr, Path: "/" + d.name,
		RawQuery: "ssl_mode=DISABLED",
	}
	return u.String()
}

// SocketURL returns the database's address over the unix socket.
func (d *MariaDBDatabase) SocketURL() string {
	u := url.URL{
		Scheme: "mysql", User: url.UserPassword(roleName, rolePassword), Path: "/" + d.name,
		RawQuery: url.Values{"unix_socket": {d.server.socket()}}.Encode(),
	}
	return u.String()
}

// Django returns the entry of Django's DATABASES setting.
func (d *MariaDBDatabase) Django() map[string]any {
	return map[string]any{
		"ENGINE": "django.db.backends.mysql", "NAME": d.name, "USER": roleName, "PASSWORD": rolePassword,
		"HOST": "127.0.0.1", "PORT": strconv.Itoa(d.server.port),
		// Django's own default is utf8 to 4.2, which has no room for emoji.
		"OPTIONS": map[string]any{"charset": "utf8mb4"},
	}
}

// Exec runs SQL statements as the database's user, and returns their rows, a line each, fields separated by |.
func (d *MariaDBDatabase) Exec(tb testing.TB, sql string) string {
	tb.Helper()
	rows, err := d.server.client(context.WithoutCancel(tb.Context()), roleName, rolePassword, d.name, sql)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}
