package database

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mysqlOf(rawURL string) (*mysqlSettings, error) {
	a, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return mysqlSettingsOf(a, 2*time.Second)
}

// Compared with what dj-database-url 3.1.2 and django-environ 0.14.0 make of them.
func TestMySQLURLForms(t *testing.T) {
	tcp := mysqlSettings{
		network: "tcp", addr: "h:3306", host: "h", user: "u", password: "p", name: "d",
		tls: mysqlTLS{mode: tlsPreferred}, connectTimeout: 2 * time.Second,
	}
	with := func(change func(*mysqlSettings)) mysqlSettings {
		changed := tcp
		change(&changed)
		return changed
	}
	const path = "/run/mysqld/x.sock"
	socket := with(func(s *mysqlSettings) { s.network, s.addr, s.host, s.tls.mode = "unix", path, "", tlsDisabled })
	mode := func(mode string) mysqlSettings { return with(func(s *mysqlSettings) { s.tls.mode = mode }) }
	for _, tt := range []struct {
		name, url string
		want      mysqlSettings
	}{
		{"plain", "mysql://u:p@h:3306/d", tcp},
		{"no port", "mysql://u:p@h/d", tcp},
		{"another port", "mysql://u:p@h:3307/d", with(func(s *mysqlSettings) { s.addr = "h:3307" })},
		{"mysql2", "mysql2://u:p@h/d", tcp},
		{"mysqlgis", "mysqlgis://u:p@h/d", tcp},
		{"mysql-connector", "mysql-connector://u:p@h/d", tcp},
		{"mariadb, in capitals", "MariaDB://u:p@h/d", tcp},
		{"no password", "mysql://u@h/d", with(func(s *mysqlSettings) { s.password = "" })},
		{"password encoded", "mysql://u:p%40%3A%2F%3F%23%25@h/d", with(func(s *mysqlSettings) { s.password = "p@:/?#%" })},
		{"user and name encoded", "mysql://u%40srv:p@h/a%20b", with(func(s *mysqlSettings) { s.user, s.name = "u@srv", "a b" })},
		{"IPv6", "mysql://u:p@[::1]:3307/d", with(func(s *mysqlSettings) { s.addr, s.host = "[::1]:3307", "::1" })},
		{"localhost with a port is not the socket", "mysql://u:p@localhost:3306/d", with(func(s *mysqlSettings) {
			s.addr, s.host = "localhost:3306", "localhost"
		})},

		{"socket as host, encoded", "mysql://u:p@%2Frun%2Fmysqld%2Fx.sock/d", socket},
		{"socket as host, with a port that is no matter", "mysql://u:p@%2Frun%2Fmysqld%2Fx.sock:3306/d", socket},
		{"socket in the query", "mysql://u:p@/d?unix_socket=/run/mysqld/x.sock", socket},
		{"socket in the query, and a host", "mysql://u:p@localhost:3306/d?unix_socket=%2Frun%2Fmysqld%2Fx.sock", socket},
		{"socket before the name, as in django-environ", "mysql://u:p@//run/mysqld/x.sock/d", socket},
		{"a socket needs no TLS, whatever is said", "mysql://u:p@/d?unix_socket=/run/mysqld/x.sock&ssl_mode=REQUIRED", socket},

		{"ssl-mode", "mysql://u:p@h/d?ssl-mode=REQUIRED", mode(tlsRequired)},
		{"ssl_mode, in small letters", "mysql://u:p@h/d?ssl_mode=verify_identity", mode(tlsVerifyIdentity)},
		{"no TLS", "mysql://u:p@h/d?ssl-mode=DISABLED", mode(tlsDisabled)},
		{"ssl", "mysql://u:p@h/d?ssl=true", mode(tlsRequired)},
		{"ssl, not wanted", "mysql://u:p@h/d?ssl=false", tcp},
		{"ssl, and more", "mysql://u:p@h/d?ssl_verify_identity=True&ssl=1", mode(tlsVerifyIdentity)},
		{"TLS 1.3 needs TLS", "mysql://u:p@h/d?tls_version=TLSv1.3", with(func(s *mysqlSettings) { s.tls = mysqlTLS{mode: tlsRequired, only13: true} })},

		{"init_command", "mysql://u:p@h/d?init_command=SET%20sql_mode%3D%27STRICT_TRANS_TABLES%27", with(func(s *mysqlSettings) {
			s.initCommand = "SET sql_mode='STRICT_TRANS_TABLES'"
		})},
		{"connect_timeout shortens", "mysql://u:p@h/d?connect_timeout=1", with(func(s *mysqlSettings) { s.connectTimeout = time.Second })},
		{"connect_timeout does not lengthen", "mysql://u:p@h/d?connect_timeout=10", tcp},
		{"connect_timeout for ever", "mysql://u:p@h/d?connect_timeout=0", tcp},
		{
			"what Django's drivers take",
			"mysql://u:p@h/d?charset=utf8mb4&use_unicode=true&sql_mode=TRADITIONAL&isolation_level=read%20committed&read_timeout=5&CONN_MAX_AGE=60&conn_health_checks=true&local_infile=1",
			tcp,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mysqlOf(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *got, cmp.AllowUnexported(mysqlSettings{}, mysqlTLS{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: want -, got +:\n%s", tt.url, diff)
			}
		})
	}
}

func TestMySQLURLsThatAreRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ url, want string }{
		"no user":                            {"mysql://h/d", "no user"},
		"no database":                        {"mysql://u:p@h", "no database"},
		"several hosts":                      {"mysql://u:p@h1,h2/d", "several hosts"},
		"port 0":                             {"mysql://u:p@h:0/d", "1 to 65535"},
		"a port that is too large":           {"mysql://u:p@h:65536/d", "1 to 65535"},
		"a misspelt option":                  {"mysql://u:p@h/d?sslmode=require", `"sslmode"`},
		"an option twice":                    {"mysql://u:p@h/d?ssl_ca=a&ssl_ca=b", "2 times"},
		"a mode that is none":                {"mysql://u:p@h/d?ssl_mode=require", "DISABLED, PREFERRED, REQUIRED"},
		"VERIFY_CA without an authority":     {"mysql://u:p@h/d?ssl_mode=VERIFY_CA", "ssl_ca"},
		"an authority that is not asked":     {"mysql://u:p@h/d?ssl_mode=REQUIRED&ssl_ca=/ca.pem", "VERIFY_CA or VERIFY_IDENTITY"},
		"an authority without TLS":           {"mysql://u:p@h/d?ssl_mode=DISABLED&ssl_ca=/ca.pem", "VERIFY_CA or VERIFY_IDENTITY"},
		"a certificate without a key":        {"mysql://u:p@h/d?ssl_cert=/c.pem", "need each other"},
		"a key without a certificate":        {"mysql://u:p@h/d?ssl_key=/c.pem", "need each other"},
		"an authority that is not there":     {"mysql://u:p@h/d?ssl_ca=/no/such/file", "option ssl_ca: no such file"},
		"a certificate that is not there":    {"mysql://u:p@h/d?ssl_cert=/no/such/file&ssl_key=/no/such/file", "no such file"},
		"an authority that is empty":         {"mysql://u:p@h/d?ssl_ca=" + empty, "no certificate"},
		"an old version of TLS":              {"mysql://u:p@h/d?tls_version=TLSv1", "TLSv1.2"},
		"a directory of authorities":         {"mysql://u:p@h/d?ssl_capath=/etc/ssl", "ssl_ca"},
		"a revocation list":                  {"mysql://u:p@h/d?ssl_crl=/crl.pem", "revocation"},
		"another character set":              {"mysql://u:p@h/d?charset=latin1", "utf8mb4"},
		"a file of options":                  {"mysql://u:p@h/d?read_default_file=/etc/my.cnf", "DATABASE_URL"},
		"a socket that is no path":           {"mysql://u:p@h/d?unix_socket=x", "slash"},
		"a time zone of the connection":      {"mysql://u:p@h/d?TIME_ZONE=Europe/Paris", "DJANGO_TIME_ZONE"},
		"a timeout that is a word":           {"mysql://u:p@h/d?connect_timeout=soon", "seconds"},
		"a switch that is neither on or off": {"mysql://u:p@h/d?ssl=maybe", "true, false"},
		"a / in the password":                {"mysql://u:1/q@h/d", "percent-encoded"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mysqlOf(tt.url)
			if err == nil {
				t.Fatalf("%s was taken as %+v", tt.url, got)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "u:p") {
				t.Errorf("got %q, want something with %q", err, tt.want)
			}
		})
	}
}

// The default is the socket where there is one, as libmysqlclient's is.
func TestMySQLWithoutAHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mysqld.sock")
	before := mysqlSockets
	mysqlSockets = []string{filepath.Join(t.TempDir(), "nowhere.sock"), path}
	t.Cleanup(func() { mysqlSockets = before })
	for _, rawURL := range []string{"mysql://u:p@/d", "mysql://u:p@localhost/d"} {
		s, err := mysqlOf(rawURL)
		if err != nil || s.network != "tcp" || s.addr != "localhost:3306" {
			t.Errorf("%s without a socket: got %+v, %v", rawURL, s, err)
		}
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, rawURL := range []string{"mysql://u:p@/d", "mysql://u:p@localhost/d"} {
		s, err := mysqlOf(rawURL)
		if err != nil || s.network != "unix" || s.addr != path {
			t.Errorf("%s with a socket: got %+v, %v", rawURL, s, err)
		}
	}
}

// What would let a server read files, or anybody the password, stays off; and nothing is written to stderr.
func TestMySQLDriverIsKeptStrict(t *testing.T) {
	s, err := mysqlOf("mysql://u:p@h/d?allow_local_infile=1&auth_plugin=mysql_clear_password")
	if err != nil {
		t.Fatal(err)
	}
	c := mysqlConfig(s)
	if c.AllowAllFiles || c.AllowCleartextPasswords || c.AllowOldPasswords || c.MultiStatements || c.InterpolateParams {
		t.Errorf("got %+v", c)
	}
	if setup := mysqlSetup(2 * time.Second); !strings.Contains(setup, "autocommit = 1") || !strings.Contains(setup, "lock_wait_timeout = 3 ") {
		t.Errorf("got %q", setup)
	}
}

// Until the first byte of the handshake, and after it.
func TestSilentMySQL(t *testing.T) {
	for _, mode := range []string{"DISABLED", "PREFERRED", "REQUIRED"} {
		addr := serverOf(t, silent)
		d := mustOpen(t, "mysql://u:p@"+addr+"/d?ssl_mode="+mode, Options{Timeout: time.Second, Conns: 1})
		start := time.Now()
		if err := d.PingContext(t.Context()); err == nil {
			t.Error("connected")
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("took %v, with a timeout of a second", took)
		}
	}
}

// A server that drips: each byte in time, the answer never.
func TestDrippingMySQL(t *testing.T) {
	addr := serverOf(t, dripping([]byte{0xff, 0xff, 0, 0}))
	d := mustOpen(t, "mysql://u:p@"+addr+"/d", Options{Timeout: time.Second, Conns: 1})
	start := time.Now()
	if err := d.PingContext(t.Context()); err == nil {
		t.Error("connected")
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v, with a timeout of a second", took)
	}
}

// A server without TLS, where TLS is needed, learns nothing of the password.
func TestMySQLWithoutTLSIsRefused(t *testing.T) {
	heard := make(chan string, 1)
	for _, mode := range []string{"REQUIRED", "VERIFY_IDENTITY"} {
		addr := serverOf(t, greeting(heard))
		d := mustOpen(t, "mysql://u:S3CR3T@"+addr+"/d?ssl_mode="+mode, Options{Timeout: 20 * time.Second, Conns: 1})
		if err := d.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: got %v, want an error about TLS", mode, err)
		}
		if told := <-heard; told != "" {
			t.Errorf("%s: the server was told %q", mode, told)
		}
	}
}

// A server that asks for the password in clear text does not get it.
func TestMySQLKeepsThePassword(t *testing.T) {
	for plugin, want := range map[string]string{
		"mysql_clear_password": "others could read", "mysql_old_password": "others could read", "dialog": "does not have",
	} {
		heard := make(chan string, 1)
		addr := serverOf(t, asking(heard, plugin))
		d := mustOpen(t, "mysql://u:S3CR3T@"+addr+"/d", Options{Timeout: 20 * time.Second, Conns: 1})
		if err := d.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", plugin, err, want)
		}
		if told := <-heard; strings.Contains(told, "S3CR3T") {
			t.Errorf("%s: the server was told %q", plugin, told)
		}
	}
}
