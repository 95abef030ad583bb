package djangotest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// binVariable names the directory of the PostgreSQL programs where the kit would not find the wanted ones.
	binVariable = "DJANGO_SIDECAR_PGBIN"

	// roleName owns every database of the kit, and logs in with rolePassword alone: over TCP and over the unix socket.
	roleName = "django"

	// rolePassword has the characters that a URL must escape, since passwords of real deployments have them.
	rolePassword = "p@ss:w/rd?%41#+ é" // guards nothing but test data on loopback

	superuser    = "postgres"
	initTimeout  = 2 * time.Minute
	queryTimeout = 30 * time.Second
)

// accessRules is pg_hba.conf: the first line that matches decides. The role renewed is of tests that change its
// password.
const accessRules = `
local all ` + roleName + ` scram-sha-256
host  all ` + roleName + ` 127.0.0.1/32 scram-sha-256
host  all renewed 127.0.0.1/32 scram-sha-256
local all,replication all trust
host  all all 127.0.0.1/32 trust
`

// PostgresServer is a PostgreSQL cluster on a loopback port and a unix socket.
type PostgresServer struct {
	bin       string // directory of PostgreSQL's programs
	dir       string // holds the data and the socket
	port      int
	account   account
	process   *Process
	databases atomic.Int64 // how many have been made, for their names
	private   bool
}

// PrivateServer is a cluster of one test's own, which may be stopped and frozen without harm to others. Its methods are
// for one goroutine at a time.
type PrivateServer struct{ *PostgresServer }

// shared is the cluster of the test binary: initdb takes a second or two, too long for every test.
var shared struct {
	sync.Mutex
	inSuite bool
	server  *PostgresServer
	err     error
}

// Suite runs the tests of a package, then stops the servers that they shared. TestMain calls it:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(djangotest.Suite{M: m}) }
//
// or, without goleak, os.Exit(djangotest.Suite{M: m}.Run()).
type Suite struct{ M *testing.M }

// Run returns the exit code.
func (s Suite) Run() int {
	shared.Lock()
	shared.inSuite = true
	shared.Unlock()

	code := s.M.Run()

	shared.Lock()
	defer shared.Unlock()
	shared.inSuite = false
	err := errors.Join(sharedMariaDB.stop(), sharedMySQL.stop())
	if shared.server != nil {
		err = errors.Join(err, shared.server.remove())
		shared.server = nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "djangotest:", err)
		return max(code, 1)
	}
	return code
}

// Postgres returns the cluster that the tests of this test binary share, and starts it for the first of them. The
// package's TestMain must run a [Suite].
func Postgres(tb testing.TB) *PostgresServer {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.inSuite {
		tb.Fatal("djangotest.Postgres: TestMain of this package must run djangotest.Suite, which stops the server")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer()
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	server := shared.server
	tb.Cleanup(func() { server.process.logIfFailed(tb) })
	return server
}

// PrivatePostgres starts a cluster for this test alone.
func PrivatePostgres(tb testing.TB) *PrivateServer {
	tb.Helper()
	server, err := newServer()
	if err != nil {
		tb.Fatal(err)
	}
	server.private = true
	tb.Cleanup(func() {
		server.process.logIfFailed(tb)
		if err := server.remove(); err != nil {
			tb.Error(err)
		}
	})
	return &PrivateServer{PostgresServer: server}
}

func newServer() (*PostgresServer, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := account.tempDir()
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{bin: bin, dir: dir, port: port, account: account}
	if err := s.create(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// create makes the cluster, starts it, and makes the role.
func (s *PostgresServer) create() error {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	cmd := s.command(ctx, "initdb", "--pgdata="+s.dataDir(), "--username="+superuser, "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	if err := s.account.writeFile(filepath.Join(s.dataDir(), "pg_hba.conf"), accessRules); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	_, err := s.psql(ctx, s.superuserURL(superuser), "CREATE ROLE "+roleName+" LOGIN PASSWORD '"+rolePassword+"'")
	return err
}

func (s *PostgresServer) start(ctx context.Context) error {
	// Without fsync, data outlive a killed server but not a crashed machine, which is enough for a test. Commits must
	// stay synchronous all the same: else a killed server forgets the last ones.
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "unix_socket_directories=" + s.dir,
		"fsync=off", "full_page_writes=off",
		"max_connections=100", "password_encryption=scram-sha-256", "logging_collector=off",
	}
	args := []string{"-D", s.dataDir()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	cmd := s.command(context.Background(), "postgres", args...) //nolint:contextcheck // it outlives the start
	process, err := startProcess(ctx, cmd, func(ctx context.Context) error {
		_, err := s.psql(ctx, s.superuserURL(superuser), "SELECT 1")
		return err
	})
	if err != nil {
		return err
	}
	if s.process != nil {
		s.process.discard()
	}
	s.process = process
	return nil
}

// remove stops the cluster and deletes its files.
func (s *PostgresServer) remove() error {
	var err error
	if s.process != nil {
		err = s.process.Stop(syscall.Signal(Immediate))
		s.process.discard()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// command prepares one of PostgreSQL's programs to run as the server's user.
func (s *PostgresServer) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir // ours may be closed to that user
	// PG… variables of the caller's shell would change what the programs do; messages are wanted in English.
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PG") })
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	s.account.apply(cmd)
	return cmd
}

// psql runs SQL and returns the rows, fields separated by |. The kit sets the stage with psql rather than lib/pq,
// because lib/pq is part of what is under test.
func (s *PostgresServer) psql(ctx context.Context, dsn, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	for {
		rows, err := s.psqlOnce(ctx, dsn, sql)
		// Even a superuser is refused while those who are refused hold the places that are kept for superusers.
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "too many clients already") {
			return rows, err
		}
	}
}

func (s *PostgresServer) psqlOnce(ctx context.Context, dsn, sql string) (string, error) {
	cmd := s.command(ctx, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
		"--dbname="+dsn)
	cmd.Env = append(cmd.Env, "PGCLIENTENCODING=UTF8")
	cmd.Stdin = strings.NewReader(sql)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

func (s *PostgresServer) dataDir() string { return filepath.Join(s.dir, "data") }

// Addr returns host:port of the TCP listener, for a proxy in front of it.
func (s *PostgresServer) Addr() string { return loopback(s.port) }

func (s *PostgresServer) superuserURL(database string) string {
	return s.socketURL(url.User(superuser), database)
}

// socketURL has no host between // and /, and the socket's directory as an option: lib/pq, libpq and Go's net/url all
// read this form, whereas Go refuses the percent-encoded directory in the host's place.
func (s *PostgresServer) socketURL(user *url.Userinfo, database string) string {
	options := url.Values{"host": {s.dir}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: user, Path: "/" + database, RawQuery: options.Encode()}
	return u.String()
}

// StopMode is how a cluster goes down.
type StopMode syscall.Signal

// The modes, from the politest to the rudest.
const (
	Fast      = StopMode(syscall.SIGINT)  // tells each client that it shuts down; what a package upgrade does
	Immediate = StopMode(syscall.SIGQUIT) // ends each backend at once; the next start recovers
	Crash     = StopMode(syscall.SIGKILL) // all its processes at once, as an out-of-memory killer; connections just close
)

// Stop takes the cluster down and waits for the end.
func (s *PrivateServer) Stop(tb testing.TB, mode StopMode) {
	tb.Helper()
	stop := s.process.Kill
	if mode != Crash {
		stop = func() error { return s.process.Stop(syscall.Signal(mode)) }
	}
	if err := stop(); err != nil {
		tb.Fatal(err)
	}
}

// Start starts a stopped cluster on the same port and socket, and waits until it answers.
func (s *PrivateServer) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Restart is Stop and Start.
func (s *PrivateServer) Restart(tb testing.TB, mode StopMode) {
	tb.Helper()
	s.Stop(tb, mode)
	s.Start(tb)
}

// Pause freezes the cluster: connections stand, new ones are taken by the kernel, and nothing answers.
func (s *PrivateServer) Pause(tb testing.TB) {
	tb.Helper()
	if err := s.process.Pause(); err != nil {
		tb.Fatal(err)
	}
}

// Resume ends Pause.
func (s *PrivateServer) Resume() { s.process.Resume() }

// postgresPrograms returns the directory that holds initdb, postgres and psql.
func postgresPrograms() (string, error) {
	var dirs []string
	if dir := os.Getenv(binVariable); dir != "" {
		dirs = []string{dir} // asked for by name: no other will do
	} else {
		// Debian keeps them off PATH, one directory a version; the newest comes first. The pattern is well-formed.
		dirs, _ = filepath.Glob("/usr/lib/postgresql/*/bin")
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(debianVersion(b), debianVersion(a)) })
		if initdb, err := exec.LookPath("initdb"); err == nil {
			dirs = append(dirs, filepath.Dir(initdb))
		}
	}
	for _, dir := range dirs {
		missing := slices.ContainsFunc([]string{"initdb", "postgres", "psql"}, func(program string) bool {
			_, err := exec.LookPath(filepath.Join(dir, program))
			return err != nil
		})
		if !missing {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server (initdb, postgres, psql) in %q: install it (apt-get install "+
		"postgresql), or name the directory of its programs in %s", dirs, binVariable)
}

// debianVersion reads 15 from /usr/lib/postgresql/15/bin, and 0 from what is no version.
func debianVersion(dir string) float64 {
	version, err := strconv.ParseFloat(filepath.Base(filepath.Dir(dir)), 64) // 9.6 was one too
	if err != nil {
		return 0
	}
	return version
}
