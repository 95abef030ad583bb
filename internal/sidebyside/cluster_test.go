//go:build bench

package sidebyside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const (
	databaseName = "sidebyside"
	roleName     = "django"

	// seedVersion changes with what is seeded, so that an older directory is made again.
	seedVersion = "2"

	// clusterSettings keep all of a million sessions in memory, and do no work of their own while others are measured.
	clusterSettings = "listen_addresses=127.0.0.1 unix_socket_directories= shared_buffers=1GB fsync=off full_page_writes=off " +
		"max_connections=100 max_wal_size=4GB autovacuum=off logging_collector=off"
)

// cluster is a PostgreSQL whose data stay for the next run.
type cluster struct {
	bin, dir string
	port     int
	server   *syscall.Credential // who PostgreSQL runs as; nil for ourselves
	process  *djangotest.Process
}

// startCluster starts the cluster, pinned to a core, and seeds it unless an earlier run has.
func startCluster(t *testing.T, core string, sessions, users int) *cluster {
	t.Helper()
	c := &cluster{bin: postgresPrograms(t), port: freePort(t)}
	c.chooseDirectory(t, fmt.Sprintf("%d-%d", sessions, users))
	complete := filepath.Join(c.dir, "complete")
	stamp, err := os.ReadFile(complete)
	seeded := err == nil && string(stamp) == c.stamp()
	if !seeded {
		c.create(t)
	}
	c.start(t, core)
	if !seeded {
		start := time.Now()
		t.Logf("seeding %d sessions and %d users into %s, once", sessions, users, c.dir)
		c.seed(t, sessions, users)
		t.Logf("seeded in %.0f s", time.Since(start).Seconds())
		if err := os.WriteFile(complete, []byte(c.stamp()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.psql(t, nil, "CREATE EXTENSION IF NOT EXISTS pg_prewarm")
	c.psql(t, nil, "SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace")
	return c
}

func (c *cluster) stamp() string { return seedVersion + " " + c.bin + "\n" }

// chooseDirectory takes the cache of whoever runs this. Root cannot be PostgreSQL, and PostgreSQL's account cannot read
// root's cache: for root it is a directory that outlives a restart, and belongs to that account.
func (c *cluster) chooseDirectory(t *testing.T, name string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	base, uid := filepath.Join(cache, "django-sidecar", "bench"), os.Getuid()
	if uid == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			t.Fatalf("PostgreSQL does not run as root: %v", err)
		}
		var gid int
		if uid, err = strconv.Atoi(account.Uid); err == nil {
			gid, err = strconv.Atoi(account.Gid)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.server = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		base = "/var/tmp/django-sidecar-bench"
	}
	c.dir = filepath.Join(base, name)
	err = os.MkdirAll(c.dir, 0o755)
	if c.server != nil && err == nil {
		err = c.claim(base)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// claim gives the directory to PostgreSQL's account, if nobody else has made it before us, where everybody may.
func (c *cluster) claim(base string) error {
	info, err := os.Lstat(base)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || owner.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is somebody else's", base)
	}
	return os.Chown(c.dir, int(c.server.Uid), int(c.server.Gid))
}

// postgresPrograms is the newest PostgreSQL, or the one that tools/setup.sh has downloaded.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("DJANGO_SIDECAR_PGBIN"); dir != "" {
		return dir
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no PostgreSQL: run tools/setup.sh (%v)", err)
	}
	return slices.MaxFunc(dirs, func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) }) // 15 is after 9.6
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nobody has used it
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", listener.Addr())
	}
	return addr.Port
}

func (c *cluster) create(t *testing.T) {
	t.Helper()
	data := filepath.Join(c.dir, "data")
	if err := errors.Join(os.RemoveAll(filepath.Join(c.dir, "complete")), os.RemoveAll(data)); err != nil {
		t.Fatal(err)
	}
	cmd := c.command(t.Context(), "initdb", "--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
}

// command prepares one of PostgreSQL's programs to run as its account.
func (c *cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...)
	cmd.Dir = c.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PG") })
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	if c.server != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.server}
	}
	return cmd
}

func (c *cluster) start(t *testing.T, core string) {
	t.Helper()
	args := []string{"-c", core, filepath.Join(c.bin, "postgres"), "-D", filepath.Join(c.dir, "data"), "-c", "port=" + strconv.Itoa(c.port)}
	for setting := range strings.FieldsSeq(clusterSettings) {
		args = append(args, "-c", setting)
	}
	cmd := c.command(context.WithoutCancel(t.Context()), "postgres")
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = taskset, append([]string{"taskset"}, args...)
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

// url is the database's address over TCP. There is no password: SCRAM would cost those who connect for each request
// more than the request.
func (c *cluster) url() string {
	u := url.URL{
		Scheme: "postgres", User: url.User(roleName), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		Path: "/" + databaseName, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// ask runs SQL as the superuser.
func (c *cluster) ask(ctx context.Context, database string, stdin io.Reader, sql string) (string, error) {
	cmd := c.command(ctx, "psql", "-XqAt", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--port="+strconv.Itoa(c.port),
		"--username=postgres", "--dbname="+database, "-c", sql)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func (c *cluster) psql(t *testing.T, stdin io.Reader, sql string) string {
	t.Helper()
	out, err := c.ask(t.Context(), databaseName, stdin, sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// transactions is how many the servers have made. It waits until they are gone: a connection tells at its end.
func (c *cluster) transactions(t *testing.T) int {
	t.Helper()
	for _, sql := range []string{
		"DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE usename = '" + roleName + "') LOOP PERFORM pg_sleep(0.02), pg_stat_clear_snapshot(); END LOOP; END $$",
		"SELECT xact_commit FROM pg_stat_database WHERE datname = '" + databaseName + "'",
	} {
		out, err := c.ask(t.Context(), "postgres", nil, sql)
		if err != nil {
			t.Fatal(err)
		}
		if out == "" {
			continue
		}
		n, err := strconv.Atoi(out)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	t.Fatal("PostgreSQL does not count")
	return 0
}

// seed has Django make its tables, and fills two of them.
func (c *cluster) seed(t *testing.T, sessions, users int) {
	t.Helper()
	for _, sql := range []string{"CREATE ROLE " + roleName + " LOGIN", "CREATE DATABASE " + databaseName + " OWNER " + roleName} {
		if _, err := c.ask(t.Context(), "postgres", nil, sql); err != nil {
			t.Fatal(err)
		}
	}
	migrate := exec.Command(djangotest.Python(t, djangoVersion), filepath.Join(testdata(t), "sidebyside_site.py"), "migrate", "--verbosity=0")
	migrate.Env = c.djangoEnvironment()
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	w, err := newWriter(users, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c.copy(t, "auth_user (id, password, last_login, is_superuser, username, last_name, email, is_staff, is_active, date_joined, first_name)", w.users)
	c.copy(t, "django_session (session_key, session_data, expire_date)", func(out io.Writer) error { return w.sessions(out, sessions) })
	c.psql(t, nil, "VACUUM (ANALYZE)")
	c.psql(t, nil, "CHECKPOINT")
}

func (c *cluster) copy(t *testing.T, into string, rows func(io.Writer) error) {
	t.Helper()
	in, out := io.Pipe()
	go func() { out.CloseWithError(rows(out)) }()
	c.psql(t, in, "COPY "+into+" FROM STDIN")
}

// djangoEnvironment is what testdata/sidebyside_site.py reads.
func (c *cluster) djangoEnvironment(more ...string) []string {
	return append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "BENCH_SECRET_KEY="+secretKey, "BENCH_DATABASE="+databaseName,
		"BENCH_ROLE="+roleName, "BENCH_PORT="+strconv.Itoa(c.port)), more...)
}

func testdata(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
