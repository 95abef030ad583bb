//go:build live

package database

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// deployMariaDB is deploy for MariaDB.
func deployMariaDB(t *testing.T, db *djangotest.MariaDBDatabase, d *Database) *deployed {
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
		fmt.Fprintf(&rows, "INSERT INTO django_session VALUES ('session%04d', '%s', utc_timestamp() + interval 1 day);\n", n, data)
	}
	db.Exec(t, `DROP TABLE IF EXISTS auth_user, django_session;
		CREATE TABLE auth_user (id bigint PRIMARY KEY, password text, username text, is_active bool);
		CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data longtext, expire_date datetime(6));
		BEGIN; `+rows.String()+" COMMIT")
	return &deployed{
		db: d.DB, codec: codec, count: count,
		sessions: dbstore.NewSessions(d.DB, codec, dbstore.SessionsConfig{Dialect: d.Dialect, Zone: dbstore.Zone{UseTZ: true}, Prepare: d.Prepares}),
		users:    dbstore.NewUsers(d.DB, dbstore.UsersConfig{Dialect: d.Dialect, Version: version, Prepare: d.Prepares}),
	}
}

// mariaDBParts are what a URL of the kit's is made of.
func mariaDBParts(t *testing.T, db *djangotest.MariaDBDatabase) parts {
	t.Helper()
	socket, err := url.Parse(db.SocketURL())
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	return parts{user: escapedUser(socket), dir: socket.Query().Get("unix_socket"), port: tcp.Port(), name: db.Name(), address: tcp.Host}
}

func TestMySQLConnect(t *testing.T) {
	db := djangotest.MariaDB(t).Database(t)
	p := mariaDBParts(t, db)
	for name, rawURL := range map[string]string{
		"TCP, as the kit writes it":       db.URL(),
		"TCP, all encoded":                fmt.Sprintf("mysql://%s@%s/%s", p.user, p.address, p.name),
		"by name":                         fmt.Sprintf("mariadb://%s@localhost:%s/%s", p.user, p.port, p.name),
		"socket, as the kit writes it":    db.SocketURL(),
		"socket as host":                  fmt.Sprintf("mysql2://%s@%s/%s", p.user, url.PathEscape(p.dir), p.name),
		"socket before the name":          fmt.Sprintf("mysql://%s@/%s/%s", p.user, p.dir, p.name),
		"socket, whatever is said of TLS": db.SocketURL() + "&ssl_mode=VERIFY_IDENTITY",
		"what mysqlclient takes": fmt.Sprintf("mysql://%s@%s/%s?charset=utf8mb4&connect_timeout=5&sql_mode=TRADITIONAL&CONN_MAX_AGE=60&init_command=%s",
			p.user, p.address, p.name, url.QueryEscape("SET default_storage_engine=INNODB, sql_mode='STRICT_TRANS_TABLES'")),
	} {
		for _, mode := range []Prepare{PrepareAuto, PrepareOff} {
			t.Run(fmt.Sprintf("%s, mode %d", name, mode), func(t *testing.T) {
				d := mustOpen(t, rawURL, Options{Timeout: liveTimeout, Conns: 2, Prepare: mode})
				if got := valueOf(t, d, "SELECT database()"); got != db.Name() {
					t.Errorf("connected to %s", got)
				}
				if got := valueOf(t, d, "SELECT concat(@@autocommit, @@sql_mode, @@character_set_client, @@max_statement_time, '/', @@lock_wait_timeout)"); got != "ONSTRICT_ALL_TABLESutf8mb410.250000/11" {
					t.Errorf("the session has %s", got)
				}
				now, ok, err := dbstore.ServerTime(t.Context(), d.DB, d.Dialect)
				if err != nil || !ok || time.Since(now).Abs() > time.Minute {
					t.Errorf("the server's time is %v, %v, %v", now, ok, err)
				}
				if !strings.Contains(d.Location, db.Name()) || strings.Contains(d.Location, "p@ss") {
					t.Errorf("Location is %q", d.Location)
				}
			})
		}
	}
	t.Run("what does not fit", func(t *testing.T) {
		d := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1})
		if _, err := d.ExecContext(t.Context(), "CREATE TABLE narrow (hash varchar(3), more int NOT NULL)"); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"INSERT INTO narrow VALUES ('long', 1)", "INSERT INTO narrow (hash) VALUES ('abc')"} {
			if _, err := d.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s is no error", statement)
			}
		}
	})
	t.Run("init_command", func(t *testing.T) {
		d := mustOpen(t, db.URL()+"&init_command="+url.QueryEscape("SET @x = 'set'"), Options{Timeout: liveTimeout, Conns: 1})
		if got := valueOf(t, d, "SELECT @x"); got != "set" {
			t.Errorf("got %q", got)
		}
	})
}

// TestMySQLSession: MySQL reads the other of the two comments that limit queries, and ends one that nobody waits for.
func TestMySQLSession(t *testing.T) {
	server := djangotest.MySQL(t)
	db := server.Database(t)
	for _, mode := range []Prepare{PrepareAuto, PrepareOff} {
		t.Run(fmt.Sprintf("mode %d", mode), func(t *testing.T) {
			d := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1, Prepare: mode})
			if got := valueOf(t, d, "SELECT concat(@@autocommit, @@sql_mode, @@character_set_client, @@max_execution_time, '/', @@lock_wait_timeout)"); got != "1STRICT_ALL_TABLESutf8mb410250/11" {
				t.Errorf("the session has %s", got)
			}
		})
	}
	t.Run("a query that nobody waits for", func(t *testing.T) {
		d := mustOpen(t, db.URL(), Options{Timeout: time.Second, Conns: 1})
		const query = "SELECT benchmark(100000000000, 1 + 1)"
		_, _ = d.ExecContext(t.Context(), query) // whichever of the two limits comes first
		const running = "SELECT count(*) FROM information_schema.processlist WHERE info = '" + query + "'"
		for began := time.Now(); server.ExecAsSuperuser(t, running) != "0"; {
			if time.Since(began) > 30*time.Second {
				t.Fatal("the server goes on with it")
			}
		}
	})
}

// What the server or the network says to a wrong URL must not tell the right one.
func TestMySQLErrorsOfConnecting(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	p := mariaDBParts(t, db)
	for name, tt := range map[string]struct{ url, want string }{
		"wrong password":       {fmt.Sprintf("mysql://django:S3CR3T@%s/%s", p.address, p.name), "1045"},
		"no such name":         {fmt.Sprintf("mysql://%s@%s/nowhere", p.user, p.address), "1044"},
		"nobody there":         {fmt.Sprintf("mysql://%s@127.0.0.1:1/%s", p.user, p.name), "refused"},
		"no socket there":      {fmt.Sprintf("mysql://%s@/%s?unix_socket=/nowhere", p.user, p.name), "no such file"},
		"no such host":         {fmt.Sprintf("mysql://%s@host.invalid/%s", p.user, p.name), "host.invalid"},
		"a wrong init_command": {db.URL() + "&init_command=nonsense", "1064"},
	} {
		t.Run(name, func(t *testing.T) {
			err := mustOpen(t, tt.url, Options{Timeout: liveTimeout, Conns: 1}).PingContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
			for _, part := range []string{"S3CR3T", "p@ss", "w/rd", "p%40", "mysql://"} {
				if strings.Contains(err.Error(), part) {
					t.Errorf("%q holds %q", err, part)
				}
			}
		})
	}
}

func TestMySQLTLS(t *testing.T) {
	server := djangotest.MariaDB(t)
	db := server.Database(t)
	p := mariaDBParts(t, db)
	server.ExecAsSuperuser(t, "CREATE USER tls_only@'%' REQUIRE SSL; GRANT ALL ON "+p.name+".* TO tls_only@'%'")
	server.ExecAsSuperuser(t, "CREATE USER certified@'%' REQUIRE X509; GRANT ALL ON "+p.name+".* TO certified@'%'")
	t.Cleanup(func() { server.ExecAsSuperuser(t, "DROP USER tls_only, certified") })
	stranger, _ := selfSigned(t)
	root := "&ssl_ca=" + url.QueryEscape(server.CertificateFile())
	otherRoot := "&ssl-ca=" + url.QueryEscape(fileOf(t, stranger))
	for _, tt := range []struct {
		name, user, host, options string
		want                      string // whether the connection is encrypted, or a part of the error
	}{
		{"PREFERRED is the default", p.user, "127.0.0.1", "", "1"},
		{"DISABLED", p.user, "127.0.0.1", "ssl_mode=DISABLED", "0"},
		{"DISABLED, where the server insists", "tls_only", "127.0.0.1", "ssl_mode=DISABLED", "denied"},
		{"PREFERRED, where the server insists", "tls_only", "127.0.0.1", "", "1"},
		{"REQUIRED", p.user, "127.0.0.1", "ssl-mode=REQUIRED", "1"},
		{"ssl", p.user, "127.0.0.1", "ssl=true", "1"},
		{"VERIFY_CA", p.user, "127.0.0.1", "ssl_mode=VERIFY_CA" + root, "1"},
		{"an authority alone is to be verified", p.user, "127.0.0.1", root[1:], "1"},
		{"an authority alone, the wrong one", p.user, "127.0.0.1", otherRoot[1:], "certificate"},
		{"VERIFY_CA, the wrong authority", p.user, "127.0.0.1", "ssl_mode=VERIFY_CA" + otherRoot, "certificate"},
		{"VERIFY_IDENTITY", p.user, "127.0.0.1", "ssl_mode=VERIFY_IDENTITY" + root, "1"},
		{"VERIFY_IDENTITY by name", p.user, "localhost", "ssl_mode=VERIFY_IDENTITY" + root, "1"},
		{"VERIFY_IDENTITY, the wrong authority", p.user, "127.0.0.1", "ssl_mode=VERIFY_IDENTITY" + otherRoot, "certificate"},
		{"VERIFY_IDENTITY, the system's authorities", p.user, "127.0.0.1", "ssl_mode=VERIFY_IDENTITY", "certificate"},
		{"VERIFY_IDENTITY, another name", p.user, "127.0.0.2", "ssl_mode=VERIFY_IDENTITY" + root, "127.0.0.2"},
		{"VERIFY_CA, another name", p.user, "127.0.0.2", "ssl_mode=VERIFY_CA" + root, "1"},
		{"TLS 1.3", p.user, "127.0.0.1", "tls_version=TLSv1.3", "1"},
		{"a certificate of our own", "certified", "127.0.0.1", "ssl_cert=" + url.QueryEscape(server.CertificateFile()) + "&ssl_key=" + url.QueryEscape(server.KeyFile()), "1"},
		{"no certificate of our own", "certified", "127.0.0.1", "ssl_mode=REQUIRED", "denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := tt.host + ":" + p.port
			if tt.host == "127.0.0.2" { // the server listens on 127.0.0.1 only
				addr = forwarded(t, "127.0.0.2", p.address)
			}
			d := mustOpen(t, fmt.Sprintf("mysql://%s@%s/%s?%s", tt.user, addr, p.name, tt.options), Options{Timeout: liveTimeout, Conns: 1})
			var got string
			err := d.QueryRowContext(t.Context(),
				"SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'").Scan(&got)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) || err != nil && (tt.want == "1" || tt.want == "0") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A server without TLS; PREFERRED does without, for each of several connections, and REQUIRED does not.
func TestMySQLServerWithoutTLS(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "skip-ssl")
	db := server.Database(t)
	u := strings.Replace(db.URL(), "ssl_mode=DISABLED", "ssl_mode=", 1)
	d := mustOpen(t, u+"PREFERRED", Options{Timeout: liveTimeout, Conns: 4})
	deployMariaDB(t, db, d).fill(t)
	d = mustOpen(t, u+"REQUIRED", Options{Timeout: liveTimeout, Conns: 1})
	if err := d.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("REQUIRED: got %v, want an error about TLS", err)
	}
}

// A server whose defaults are all against us: transactions that do not end, backslashes that mean nothing, double
// quotes for names, blanks at the end of texts, a strange collation, and another time zone.
func TestMySQLServersDefaults(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "autocommit=0", "sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH",
		"transaction-isolation=REPEATABLE-READ", "default-time-zone=-11:00", "collation-server=utf8mb4_turkish_ci")
	db := server.Database(t)
	for _, mode := range []Prepare{PrepareOn, PrepareOff} {
		d := mustOpen(t, db.URL(), Options{Timeout: liveTimeout, Conns: 1, Prepare: mode})
		deployment := deployMariaDB(t, db, d)
		db.Exec(t, `COMMIT; CREATE OR REPLACE TABLE people (id char(40) PRIMARY KEY, password text, username text, is_active bool);
			INSERT INTO people VALUES ('a\b''c"d', 'pw', 'odd', 1); COMMIT`)
		version, err := djangosession.ParseVersion("5.2")
		if err != nil {
			t.Fatal(err)
		}
		users := dbstore.NewUsers(d.DB, dbstore.UsersConfig{Dialect: d.Dialect, Version: version, Prepare: d.Prepares, Table: "people"})
		for id, want := range map[string]bool{`a\b'c"d`: true, `x\' OR 1=1 -- `: false, `' OR 1=1 -- `: false, `\`: false} {
			user, err := users.UserByID(t.Context(), sessionValue(t, deployment, id))
			if want && (err != nil || user.ID != id) || !want && !errors.Is(err, djangosession.ErrUserNotFound) {
				t.Errorf("mode %d, %s: got %+v, %v", mode, id, user, err)
			}
		}
		if err := deployment.load(t.Context(), 1); err != nil {
			t.Errorf("mode %d: %v", mode, err)
		}
		db.Exec(t, "DELETE FROM django_session WHERE session_key = 'session0001'; COMMIT") // a logout
		if _, err := deployment.sessions.Load(t.Context(), "session0001"); !errors.Is(err, djangosession.ErrNotFound) {
			t.Errorf("mode %d, after the logout: got %v, want ErrNotFound", mode, err)
		}
	}
}

// sessionValue is what a session has that Django stored v in.
func sessionValue(t *testing.T, d *deployed, v any) djangosession.Value {
	t.Helper()
	data, err := d.codec.Encode(map[string]any{"v": v}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	session, err := d.codec.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return session.Lookup("v")
}

// MariaDB's own way to authenticate.
func TestMySQLEd25519(t *testing.T) {
	server := djangotest.PrivateMariaDB(t, "plugin-load-add=auth_ed25519")
	db := server.Database(t)
	server.ExecAsSuperuser(t, "CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('p w'); GRANT ALL ON "+db.Name()+".* TO ed")
	for password, want := range map[string]string{"p%20w": "", "wrong": "1045"} {
		d := mustOpen(t, "mysql://ed:"+password+"@"+server.Addr()+"/"+db.Name(), Options{Timeout: liveTimeout, Conns: 1})
		if err := d.PingContext(t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", password, err)
		}
	}
	// The driver misreads one in 256 of the server's nonces.
	d := mustOpen(t, "mysql://ed:p%20w@"+server.Addr()+"/"+db.Name(), Options{Timeout: liveTimeout, Conns: 1})
	d.SetMaxIdleConns(-1) // each is a connection of its own
	for range 1000 {
		if err := d.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
