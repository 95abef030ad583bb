//go:build bench

package sidebyside

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// curvesName is a copy of the seeded database, which may be changed.
const curvesName = "curves"

// moreSettings come after clusterSettings: a hundred sidecars listen, each on a connection of its own.
const moreSettings = "max_connections=300 shared_buffers=2GB"

// seeded starts a cluster with so many sessions, of which base are different people's. It shares its directory with startCluster.
func (c *curves) seeded(t *testing.T, count, base int) {
	t.Helper()
	s := &cluster{bin: postgresPrograms(t), port: freePort(t)}
	s.chooseDirectory(t, fmt.Sprintf("%d-%d", count, *users))
	complete := filepath.Join(s.dir, "complete")
	stamp, err := os.ReadFile(complete)
	fresh := err != nil || string(stamp) != s.stamp()
	if fresh {
		s.create(t)
	}
	s.startWide(t)
	if fresh {
		start := time.Now()
		s.seed(t, base, *users)
		s.repeatSessions(t, count/base)
		t.Logf("seeded %d sessions into %s in %.0f s, once", count, s.dir, time.Since(start).Seconds())
		if err := os.WriteFile(complete, []byte(s.stamp()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.psql(t, nil, "CREATE EXTENSION IF NOT EXISTS pg_prewarm")
	s.warm(t, databaseName)
	c.cluster = s
}

// repeatSessions gives everybody so many sessions. Nothing in a session's data depends on its key.
func (c *cluster) repeatSessions(t *testing.T, times int) {
	t.Helper()
	if times == 1 {
		return
	}
	c.psql(t, nil, fmt.Sprintf(`INSERT INTO django_session SELECT (left(session_key, 9)::bigint + block)::text || substr(session_key, 10), session_data, expire_date
		FROM django_session, generate_series(1, %d) AS block WHERE session_key <> '%s'`, times-1, forgedKey))
	c.psql(t, nil, "VACUUM (ANALYZE) django_session")
	c.psql(t, nil, "CHECKPOINT")
}

// warm reads all tables and indexes of a database.
func (c *cluster) warm(t *testing.T, database string) {
	t.Helper()
	const sql = "SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
	if _, err := c.ask(t.Context(), database, nil, sql); err != nil {
		t.Fatal(err)
	}
}

// startWide is start with moreSettings.
func (c *cluster) startWide(t *testing.T) {
	t.Helper()
	args := []string{"taskset", "-c", *serverCore, filepath.Join(c.bin, "postgres"), "-D", filepath.Join(c.dir, "data"), "-c", "port=" + strconv.Itoa(c.port)}
	for setting := range strings.FieldsSeq(clusterSettings + " " + moreSettings) {
		args = append(args, "-c", setting)
	}
	cmd := c.command(context.WithoutCancel(t.Context()), "postgres")
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = taskset, args
	c.process = djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		_, err := c.ask(ctx, "postgres", nil, "SELECT 1")
		return err
	})
	t.Cleanup(func() {
		if err := c.process.Stop(syscall.SIGINT); err != nil { // whoever is still connected
			t.Error(err)
		}
	})
}

// copied is seeded, and makes a copy that may be changed, with the triggers. It returns its address.
func (c *curves) copied(t *testing.T, count int) string {
	t.Helper()
	c.seeded(t, count, count)
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + curvesName,
		"CREATE DATABASE " + curvesName + " TEMPLATE " + databaseName + " OWNER " + roleName,
	} {
		if _, err := c.cluster.ask(t.Context(), "postgres", nil, sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if _, err := c.cluster.ask(context.Background(), "postgres", nil, "DROP DATABASE "+curvesName+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	triggers := exec.Command(c.sidecar, "sql")
	triggers.Env = []string{}
	sql, err := triggers.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.cluster.ask(t.Context(), curvesName, nil, string(sql)); err != nil {
		t.Fatal(err)
	}
	c.cluster.warm(t, curvesName)
	return strings.Replace(c.cluster.url(), "/"+databaseName, "/"+curvesName, 1)
}

const bouncerPool = 20 // connections, which all sidecars share

const bouncerSettings = `[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s
admin_users = postgres
pool_mode = transaction
max_client_conn = 1000
default_pool_size = %d
`

// bouncer is a pgbouncer in transaction mode.
type bouncer struct {
	running

	console *cluster // whose port is pgbouncer's
}

func (c *curves) startBouncer(t *testing.T) bouncer {
	t.Helper()
	addr := c.address(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	users, settings := filepath.Join(c.cluster.dir, "pgbouncer.users"), filepath.Join(c.cluster.dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users:    fmt.Sprintf("\"%s\" \"\"\n\"postgres\" \"\"\n", roleName),
		settings: fmt.Sprintf(bouncerSettings, c.cluster.port, port, users, bouncerPool),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := c.cluster.command(context.WithoutCancel(t.Context()), "pgbouncer", settings)
	for _, name := range []string{"/usr/sbin/pgbouncer", "pgbouncer"} { // sbin is on root's PATH alone
		if path, err := exec.LookPath(name); err == nil {
			cmd.Path = path
		}
	}
	console := *c.cluster
	if console.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return bouncer{running: c.start(t, cmd, addr), console: &console}
}

// count is how many clients or servers pgbouncer has for the copy.
func (b bouncer) count(t *testing.T, what string) int {
	t.Helper()
	out, err := b.console.ask(t.Context(), "pgbouncer", nil, "SHOW "+what)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(out, "|"+curvesName+"|")
}

// stop ends a cluster before its test does.
func (c *cluster) stop(t *testing.T) {
	t.Helper()
	if err := c.process.Stop(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}
