//go:build live

package database

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const liveTimeout = 10 * time.Second // a busy machine is no fault of the connection's

func valueOf(t *testing.T, d *Database, query string) string {
	t.Helper()
	var got string
	if err := d.QueryRowContext(t.Context(), query).Scan(&got); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

// parts are what a URL of the kit's is made of.
type parts struct{ user, dir, port, name, address string }

func partsOf(t *testing.T, db *djangotest.TestDatabase) parts {
	t.Helper()
	socket, err := url.Parse(db.SocketURL())
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	return parts{
		user: escapedUser(socket), dir: socket.Query().Get("host"), port: socket.Query().Get("port"),
		name: db.Name(), address: tcp.Host,
	}
}

// escapedUser is user:password with every character of the password encoded.
func escapedUser(u *url.URL) string {
	password, _ := u.User.Password()
	var hex strings.Builder
	for _, b := range []byte(password) {
		fmt.Fprintf(&hex, "%%%02X", b)
	}
	return u.User.Username() + ":" + hex.String()
}

func TestConnect(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	db.Exec(t, "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 'in s' AS v")
	p := partsOf(t, db)
	password := strings.SplitN(p.user, ":", 2)[1]
	dir := url.QueryEscape(p.dir)
	for name, rawURL := range map[string]string{
		"TCP, as the kit writes it":    db.URL(),
		"TCP, all encoded":             fmt.Sprintf("postgres://%s@%s/%s", p.user, p.address, p.name),
		"prefer without TLS":           fmt.Sprintf("postgres://%s@%s/%s?sslmode=prefer", p.user, p.address, p.name),
		"allow without TLS":            fmt.Sprintf("postgres://%s@%s/%s?sslmode=allow", p.user, p.address, p.name),
		"socket, as the kit writes it": db.SocketURL(),
		"socket as host":               fmt.Sprintf("postgres://%s@%s:%s/%s", p.user, url.PathEscape(p.dir), p.port, p.name),
		"socket in the query":          fmt.Sprintf("postgres://%s@/%s?host=%s&port=%s", p.user, p.name, p.dir, p.port),
		"socket before the name":       fmt.Sprintf("postgres://%s@/%s/%s?port=%s", p.user, p.dir, p.name, p.port),
		"all in the query":             fmt.Sprintf("postgres:///?dbname=%s&host=%s&port=%s&user=django&password=%s", p.name, dir, p.port, password),
		"the second host":              fmt.Sprintf("postgres://%s@127.0.0.1:1,%s/%s?target_session_attrs=read-write", p.user, p.address, p.name),
		"a socket, then TCP":           fmt.Sprintf("postgres://%s@/%s?host=/nowhere,127.0.0.1&port=%s", p.user, p.name, p.port),
		"pgbouncer":                    djangotest.PgBouncer(t, server, "transaction").URL(db),
		"what psycopg takes": fmt.Sprintf("postgres://%s@%s/%s?connect_timeout=5&keepalives_idle=60&channel_binding=prefer&gssencmode=disable&CONN_MAX_AGE=60",
			p.user, p.address, p.name),
	} {
		t.Run(name, func(t *testing.T) {
			d := mustOpen(t, rawURL, Options{Timeout: liveTimeout, Conns: 2})
			if got := valueOf(t, d, "SELECT current_database()"); got != db.Name() {
				t.Errorf("connected to %s", got)
			}
			if !strings.Contains(d.Location, db.Name()) || strings.Contains(d.Location, "p@ss") {
				t.Errorf("Location is %q", d.Location)
			}
		})
	}
	t.Run("options", func(t *testing.T) {
		for _, query := range []string{"options=-c%20search_path%3Ds", "currentSchema=s"} {
			d := mustOpen(t, db.URL()+"&"+query, Options{Timeout: liveTimeout, Conns: 1})
			if got := valueOf(t, d, "SELECT v FROM t"); got != "in s" {
				t.Errorf("%s: got %q", query, got)
			}
		}
	})
	t.Run("nobody on standby", func(t *testing.T) {
		d := mustOpen(t, db.URL()+"&target_session_attrs=standby", Options{Timeout: liveTimeout, Conns: 1})
		if err := d.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "standby") {
			t.Errorf("got %v, want an error about hot standby", err)
		}
	})
}

// What the server or the network says to a wrong URL must not tell the right one.
func TestErrorsOfConnecting(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	p := partsOf(t, db)
	for name, rawURL := range map[string]string{
		"wrong password": fmt.Sprintf("postgres://django:%sx@%s/%s", "S3CR3T", p.address, p.name),
		"no such name":   fmt.Sprintf("postgres://%s@%s/nowhere", p.user, p.address),
		"nobody there":   fmt.Sprintf("postgres://%s@127.0.0.1:1/%s", p.user, p.name),
		"no such host":   fmt.Sprintf("postgres://%s@host.invalid/%s", p.user, p.name),
		"TLS is needed":  fmt.Sprintf("postgres://%s@%s/%s?sslmode=require", p.user, p.address, p.name),
	} {
		t.Run(name, func(t *testing.T) {
			err := mustOpen(t, rawURL, Options{Timeout: liveTimeout, Conns: 1}).PingContext(t.Context())
			if err == nil {
				t.Fatal("connected")
			}
			for _, part := range []string{"S3CR3T", "p@ss", "w/rd", "p%40", "postgres://"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("%q holds %q", err, part)
				}
			}
		})
	}
}
