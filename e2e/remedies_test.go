//go:build live

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// A failure is a store that does not answer as it should, and what check says of it.
type failure struct {
	name string
	url  string // of the store
	want string // in the line that fails
}

// tablesSQL are Django's tables as far as a verdict needs them.
const tablesSQL = `
	CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date %s NOT NULL);
	CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128) NOT NULL, username varchar(150) NOT NULL, is_active bool NOT NULL);`

// wantRemedies runs check for each failure: the line that fails says what happened, and what to do, and no password.
func wantRemedies(t *testing.T, setting string, env map[string]string, failures []failure) {
	t.Helper()
	t.Setenv("DJANGO_SECRET_KEY", rigSecret)
	t.Setenv("SIDECAR_LISTEN", "127.0.0.1:0")
	t.Setenv("SIDECAR_ADMIN_LISTEN", "127.0.0.1:0")
	t.Setenv("SIDECAR_STORE_TIMEOUT", "8s")
	for name, value := range env {
		t.Setenv(name, value)
	}
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			t.Setenv(setting, f.url)
			out := wantCheck(t, exitNo)
			found := false
			for line := range strings.SplitSeq(out, "\n") {
				found = found || strings.HasPrefix(line, "FAIL") && strings.Contains(line, f.want)
			}
			if !found {
				t.Errorf("no line fails with %q:\n%s", f.want, out)
			}
			for _, secret := range []string{"wr0ng", "p@ss:w", "p%40ss"} {
				if strings.Contains(out, secret) {
					t.Errorf("it shows the password:\n%s", out)
				}
			}
		})
	}
}

// changed is a URL with other parts.
func changed(t *testing.T, raw string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

func as(user, password string) func(*url.URL) {
	return func(u *url.URL) { u.User = url.UserPassword(user, password) }
}

func at(host string) func(*url.URL) { return func(u *url.URL) { u.Host = host } }

func named(name string) func(*url.URL) { return func(u *url.URL) { u.Path = "/" + name } }

func optioned(options string) func(*url.URL) { return func(u *url.URL) { u.RawQuery = options } }

func TestRemediesForPostgres(t *testing.T) {
	server := djangotest.PrivatePostgres(t)
	db := server.Database(t)
	db.Exec(t, fmt.Sprintf(tablesSQL, "timestamptz"))
	name := db.Name()
	db.ExecAsSuperuser(t, `
		CREATE ROLE limited LOGIN CONNECTION LIMIT 0; CREATE ROLE reader LOGIN; CREATE ROLE columns LOGIN; CREATE ROLE outsider LOGIN; CREATE ROLE stranger LOGIN; CREATE ROLE slow LOGIN;
		GRANT SELECT ON auth_user TO reader, columns, slow; GRANT SELECT (session_key, expire_date) ON django_session TO columns;
		CREATE SCHEMA slow AUTHORIZATION slow; CREATE SCHEMA hidden; CREATE TABLE hidden.django_session (LIKE django_session); GRANT SELECT ON hidden.django_session TO reader;
		ALTER ROLE slow SET statement_timeout = '100ms'; ALTER ROLE slow SET search_path = slow, public;
		CREATE VIEW slow.django_session AS SELECT 'k'::varchar AS session_key, 'd'::text AS session_data, now() + interval '1 hour' AS expire_date FROM pg_sleep(3);
		ALTER VIEW slow.django_session OWNER TO slow;`)
	closed := server.Database(t)
	closed.ExecAsSuperuser(t, "REVOKE CONNECT ON DATABASE "+closed.Name()+" FROM PUBLIC")
	rules := db.ExecAsSuperuser(t, "SHOW hba_file")
	db.ExecAsSuperuser(t, fmt.Sprintf(`COPY (SELECT unnest(ARRAY['host all stranger 127.0.0.1/32 reject', 'hostssl all outsider 127.0.0.1/32 trust', 'host all outsider 127.0.0.1/32 reject',
		'host all django 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 trust', 'local all all trust'])) TO '%s'`, strings.TrimSpace(rules)))
	db.ExecAsSuperuser(t, "SELECT pg_reload_conf()")
	hole := djangotest.NewFaultProxy(t, server.Addr())
	hole.SetMode(djangotest.BlackHole())
	db.ExecAsSuperuser(t, `CREATE ROLE waiting LOGIN; CREATE SCHEMA waiting AUTHORIZATION waiting; ALTER ROLE waiting SET search_path = waiting, public; ALTER ROLE waiting SET lock_timeout = '50ms';
		CREATE TABLE waiting.django_session (LIKE django_session); ALTER TABLE waiting.django_session OWNER TO waiting; GRANT SELECT ON auth_user TO waiting;
		CREATE ROLE impatient LOGIN; GRANT SELECT ON auth_user, django_session TO impatient; ALTER ROLE impatient SET idle_session_timeout = '1ms'`)
	slow := djangotest.NewFaultProxy(t, server.Addr())
	slow.SetMode(djangotest.Slow(50 * time.Millisecond))
	base := db.URL()
	db.ExecAsSuperuser(t, "GRANT waiting TO django")
	defer hold("LOCK TABLE waiting.django_session")(t, &rig{db: db})()
	waitFor(t, 30*time.Second, "refusing the stranger", func() bool {
		t.Setenv("DJANGO_SECRET_KEY", rigSecret)
		t.Setenv("DATABASE_URL", changed(t, base, as("stranger", "")))
		_, said := command(t, "", "check")
		return strings.Contains(said, "pg_hba.conf")
	})
	wantRemedies(t, "DATABASE_URL", nil, []failure{
		{"wrong password", changed(t, base, as("django", "wr0ng")), "refuses this user or password: compare DATABASE_URL"},
		{"no such user", changed(t, base, as("nobody_here", "wr0ng")), "the server has no such user"},
		{"no such database", changed(t, base, named("nowhere")), "the server has no such database"},
		{"rejected by pg_hba.conf", changed(t, base, as("stranger", "")), "pg_hba.conf has no line"},
		{"TLS demanded", changed(t, base, as("outsider", "")), "with or without TLS as here"},
		{"TLS not offered", changed(t, base, optioned("sslmode=require")), "the server has no TLS, and DATABASE_URL demands it"},
		{"too many connections", changed(t, base, as("limited", "")), "lower SIDECAR_DB_CONNS"},
		{"may not connect", strings.Replace(closed.URL(), "django:", "reader:", 1), "GRANT CONNECT ON its DATABASE"},
		{"nobody listens", changed(t, base, at(djangotest.FreeAddr(t))), "check host and port in DATABASE_URL"},
		{"no such host", changed(t, base, at("nowhere.invalid:5432")), "does not resolve"},
		{"no answer", changed(t, base, at(hole.Addr())), "nothing answers at this address in time"},
		{"no such socket", "postgres://django@/" + name + "?host=/no/such/folder", "there is no socket at this path"},
		{"table without rights", changed(t, base, as("reader", "")), "GRANT SELECT (session_key, session_data, expire_date) ON django_session TO the user in DATABASE_URL"},
		{"column without rights", changed(t, base, as("columns", "")), "GRANT SELECT (session_key, session_data, expire_date)"},
		{"statement timeout", changed(t, base, as("slow", "")), "statement_timeout"},
		{"lock timeout", changed(t, base, as("waiting", "")), "lock_timeout"},
		{"idle sessions are ended at once", changed(t, changed(t, base, as("impatient", "")), at(slow.Addr())), "idle_session_timeout"},
		{"no such schema", changed(t, base, optioned("sslmode=disable&currentSchema=elsewhere")), "DJANGO_SESSION_DATABASE_URL, where a database router"},
	})
	t.Run("schema without rights", func(t *testing.T) {
		wantRemedies(t, "DATABASE_URL", map[string]string{"DJANGO_SESSION_TABLE": "hidden.django_session"}, []failure{
			{"no USAGE", changed(t, base, as("reader", "")), "USAGE ON its SCHEMA"},
		})
	})
	t.Run("pgbouncer", func(t *testing.T) {
		bouncer := djangotest.PgBouncer(t, server.PostgresServer, "transaction")
		wantRemedies(t, "DATABASE_URL", nil, []failure{
			{"options", changed(t, bouncer.URL(db), optioned("sslmode=disable&options=-csearch_path%3Dx")), "pgbouncer takes no options at the start of a connection"},
			{"current schema", changed(t, bouncer.URL(db), optioned("sslmode=disable&currentSchema=x")), "pgbouncer takes no options at the start of a connection"},
			{"wrong password", changed(t, bouncer.URL(db), as("django", "wr0ng")), "refuses this user or password"},
			{"no such user", changed(t, bouncer.URL(db), as("nobody_here", "wr0ng")), "refuses this user or password"},
			{"no such database", changed(t, bouncer.URL(db), named("nowhere")), "has no such database"},
			{"TLS not offered", changed(t, bouncer.URL(db), optioned("sslmode=require")), "the server has no TLS"},
		})
	})
}

func TestRemediesForMariaDB(t *testing.T) {
	server := djangotest.PrivateMariaDB(t)
	db := server.Database(t)
	db.Exec(t, "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data longtext NOT NULL, expire_date datetime(6) NOT NULL)")
	server.ExecAsSuperuser(t, "CREATE USER reader@'%' IDENTIFIED BY ''; CREATE USER needstls@'%' IDENTIFIED BY '' REQUIRE X509; CREATE USER locked@'%' IDENTIFIED BY '' ACCOUNT LOCK;"+
		"CREATE TABLE "+db.Name()+".other (a int); GRANT SELECT ON "+db.Name()+".other TO reader@'%'")
	hole := djangotest.NewFaultProxy(t, server.Addr())
	hole.SetMode(djangotest.BlackHole())
	redis := djangotest.Redis(t, djangotest.RedisConfig{TLS: true}) // for its certificate
	base := db.URL()
	wantRemedies(t, "DATABASE_URL", nil, []failure{
		{"wrong password", changed(t, base, as("django", "wr0ng")), "refuses this user or password, for this address: compare DATABASE_URL"},
		{"no such user", changed(t, base, as("nobody_here", "wr0ng")), "refuses this user or password"},
		{"no such database", changed(t, base, named("nowhere")), "database"},
		{"a certificate demanded", changed(t, base, as("needstls", "")), "refuses this user or password"},
		{"locked account", changed(t, base, as("locked", "")), "account"},
		{"another authority", changed(t, base, optioned("ssl-mode=VERIFY_CA&ssl-ca="+redis.CertFile)), "the server's certificate is not trusted"},
		{"nobody listens", changed(t, base, at(djangotest.FreeAddr(t))), "check host and port in DATABASE_URL"},
		{"no such host", changed(t, base, at("nowhere.invalid:3306")), "does not resolve"},
		{"no answer", changed(t, base, at(hole.Addr())), "nothing answers at this address in time"},
		{"no such socket", changed(t, base, optioned("unix_socket=/no/such/socket")), "there is no socket at this path"},
		{"table without rights", changed(t, base, as("reader", "")), "django_session"},
	})
	plain := djangotest.PrivateMariaDB(t, "skip-ssl", "max-connections=10")
	demanding := djangotest.PrivateMariaDB(t, "require-secure-transport=ON")
	plainDB, demandingDB := plain.Database(t), demanding.Database(t)
	wantRemedies(t, "DATABASE_URL", nil, []failure{
		{"TLS not offered", changed(t, plainDB.URL(), optioned("ssl-mode=REQUIRED")), "the server has no TLS, and DATABASE_URL demands it"},
		{"TLS demanded", changed(t, demandingDB.URL(), optioned("ssl-mode=DISABLED")), "demands TLS"},
	})
}

func TestRemediesForSQLite(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("text"), []byte(strings.Repeat("no database at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	locked, err := sql.Open("sqlite", path("locked"))
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Close() //nolint:errcheck // it goes with the folder
	conn, err := locked.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the same
	for _, statement := range []string{strings.ReplaceAll(fmt.Sprintf(tablesSQL, "datetime"), "\n", " "), "BEGIN EXCLUSIVE"} {
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatal(err)
		}
	}
	wantRemedies(t, "DATABASE_URL", nil, []failure{
		{"no file", "sqlite:///" + path("gone"), "the file is not there"},
		{"no folder", "sqlite:///" + path("no/such/folder"), "the file is not there"},
		{"a folder", "sqlite:///" + dir, "a folder"},
		{"no database", "sqlite:///" + path("text"), "the file is no SQLite database"},
		{"locked", "sqlite:///" + path("locked"), "another process holds the file's lock"},
	})
}

func TestRemediesForCaches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "db.sqlite3")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf(tablesSQL, "datetime")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATABASE_URL": "sqlite:///" + file, "DJANGO_SESSION_ENGINE": "cache"}
	redis := func(settings ...string) *djangotest.RedisServer {
		return djangotest.Redis(t, djangotest.RedisConfig{Settings: settings})
	}
	plain := redis("user reader on >p4ss ~other:* +get +ping +select +client +hello")
	secured := redis("requirepass p4ss")
	orphan := redis()
	orphan.Do("CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 "+portOf(t, djangotest.FreeAddr(t)))
	cluster := djangotest.Redis(t, djangotest.RedisConfig{Cluster: true})
	sentinel := djangotest.Redis(t, djangotest.RedisConfig{Sentinel: true, Settings: []string{"sentinel monitor shop 127.0.0.1 " + portOf(t, plain.Addr) + " 1"}})
	encrypted := djangotest.Redis(t, djangotest.RedisConfig{TLS: true})
	hole := djangotest.NewFaultProxy(t, plain.Addr)
	hole.SetMode(djangotest.BlackHole())
	closed := closedMemcached(t)
	wantRemedies(t, "DJANGO_CACHE_URL", maps.Clone(env), []failure{
		{"password demanded", "redis://" + secured.Addr + "/0", "the server wants a password"},
		{"wrong password", "redis://:wr0ng@" + secured.Addr + "/0", "refuses this user or password"},
		{"no such user", "redis://who:wr0ng@" + plain.Addr + "/0", "refuses this user or password"},
		{"no rights on the keys", "redis://reader:p4ss@" + plain.Addr + "/0", "may not read these keys"},
		{"no such number", "redis://" + plain.Addr + "/99", "the server has no database of this number"},
		{"a replica without its master", "redis://" + orphan.Addr + "/0", "a replica that has lost its master"},
		{"a node of a cluster", "redis://" + cluster.Addr + "/0", "a node of a Redis Cluster"},
		{"a Sentinel", "redis://" + sentinel.Addr + "/0", "perhaps a Redis Sentinel"},
		{"TLS not offered", "rediss://" + plain.Addr + "/0", "disagree about TLS"},
		{"TLS demanded", "redis://" + encrypted.Addr + "/0", "disagree about TLS"},
		{"another authority", "rediss://" + encrypted.Addr + "/0", "certificate is not trusted"},
		{"nobody listens", "redis://" + djangotest.FreeAddr(t) + "/0", "compare DJANGO_CACHE_URL with LOCATION"},
		{"no such host", "redis://nowhere.invalid:6379/0", "does not resolve"},
		{"no answer", "redis://" + hole.Addr() + "/0", "nothing answers in time"},
		{"no such socket", "unix:///no/such/socket?db=0", "there is no socket at this path"},
		{"a Memcached with a password", "memcached://" + closed, "no Memcached without a password"},
		{"no Memcached there", "memcached://" + djangotest.FreeAddr(t), "compare DJANGO_CACHE_URL with LOCATION"},
		{"a Redis taken for a Memcached", "memcached://" + plain.Addr, "it is another service"},
		{"no such table", "db://nowhere", "createcachetable"},
	})
}

func portOf(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// closedMemcached starts a memcached that wants every client to authenticate.
func closedMemcached(t *testing.T) string {
	t.Helper()
	addr := djangotest.FreeAddr(t)
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("user:wr0ng\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-Y", users, "-U", "0", "-l", "127.0.0.1", "-p", portOf(t, addr)}
	if os.Getuid() == 0 {
		args = append(args, "-u", "root") // it refuses to be root unasked
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "memcached", args...)
	djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return addr
}
