package djangotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
)

// MariaDBServer is a MariaDB server, or MySQL, on a loopback port, where it has TLS, and a unix socket.
type MariaDBServer struct {
	programs  map[string]string // the paths of MariaDB's programs
	daemon    string            // which of them is the server
	dir       string            // holds the data, the socket and the certificate
	port      int
	account   account
	settings  []string
	process   *Process
	databases atomic.Int64 // how many have been made, for their names
	private   bool
}

// PrivateMariaDBServer is a server of one test's own, which may be stopped and frozen without harm to others. Its
// methods are for one goroutine at a time.
type PrivateMariaDBServer struct{ *MariaDBServer }

// sharedMariaDB and sharedMySQL are the servers of the test binary.
var sharedMariaDB, sharedMySQL sharedServer

type sharedServer struct {
	sync.Mutex
	server *MariaDBServer
	err    error
}

// MariaDB returns the server that the tests of this test binary share, and starts it for the first of them. The
// package's TestMain must run a [Suite].
func MariaDB(tb testing.TB) *MariaDBServer {
	tb.Helper()
	return sharedMariaDB.started(tb, func() (*MariaDBServer, error) { return newMariaDB(nil, (*MariaDBServer).createMariaDB) })
}

func (s *sharedServer) started(tb testing.TB, start func() (*MariaDBServer, error)) *MariaDBServer {
	tb.Helper()
	shared.Lock()
	inSuite := shared.inSuite
	shared.Unlock()
	if !inSuite {
		tb.Fatal("djangotest: TestMain of this package must run djangotest.Suite, which stops the server")
	}
	s.Lock()
	defer s.Unlock()
	if s.server == nil && s.err == nil {
		s.server, s.err = start()
	}
	if s.err != nil {
		tb.Fatal(s.err)
	}
	server := s.server
	tb.Cleanup(func() { server.process.logIfFailed(tb) })
	return server
}

// stop is the end of a Suite.
func (s *sharedServer) stop() error {
	s.Lock()
	defer s.Unlock()
	if s.server == nil {
		return nil
	}
	err := s.server.remove()
	s.server = nil
	return err
}

// PrivateMariaDB starts a server for this test alone, with settings such as "max-connections=10".
func PrivateMariaDB(tb testing.TB, settings ...string) *PrivateMariaDBServer {
	tb.Helper()
	server, err := newMariaDB(settings, (*MariaDBServer).createMariaDB)
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
	return &PrivateMariaDBServer{MariaDBServer: server}
}

func newMariaDB(settings []string, create func(*MariaDBServer) error) (*MariaDBServer, error) {
	programs, err := mariaDBPrograms()
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
	s := &MariaDBServer{programs: programs, daemon: "mariadbd", dir: dir, port: port, account: account, settings: settings}
	if err := create(s); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// createMariaDB makes the server's tables, and begins.
func (s *MariaDBServer) createMariaDB() error {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	install := s.command(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+s.dataDir(), "--skip-test-db",
		"--auth-root-authentication-method=normal", "--skip-name-resolve", innodbFiles)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, output)
	}
	return s.begin(ctx)
}

// begin starts a server that has its tables, and makes the user.
func (s *MariaDBServer) begin(ctx context.Context) error {
	certificate, key, err := selfSignedCertificate()
	if err != nil {
		return err
	}
	for path, text := range map[string]string{s.CertificateFile(): certificate, s.KeyFile(): key} {
		if err := s.account.writeFile(path, text); err != nil {
			return err
		}
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	_, err = s.client(ctx, mariaDBRoot, "", "mysql", "CREATE USER "+roleName+"@'%' IDENTIFIED BY '"+rolePassword+"'")
	return err
}

// innodbFiles keeps a new server small.
const innodbFiles = "--loose-innodb-log-file-size=8M"

func (s *MariaDBServer) start(ctx context.Context) error {
	args := []string{
		"--no-defaults", "--datadir=" + s.dataDir(), "--socket=" + s.socket(),
		"--pid-file=" + filepath.Join(s.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), "--skip-name-resolve",
		"--ssl-cert=" + s.CertificateFile(), "--ssl-key=" + s.KeyFile(),
		"--ssl-ca=" + s.CertificateFile(), // clients may present the same
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--lc-messages=en_US",
		innodbFiles, "--innodb-buffer-pool-size=16M", "--skip-log-bin",
		// Data outlive a killed server but not a crashed machine, which is enough for a test.
		"--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--sync-binlog=0",
	}
	for _, setting := range s.settings {
		args = append(args, "--"+setting)
	}
	cmd := s.command(context.Background(), s.daemon, args...) //nolint:contextcheck // it outlives the start
	process, err := startProcess(ctx, cmd, func(ctx context.Context) error {
		_, err := s.client(ctx, mariaDBRoot, "", "mysql", "SELECT 1")
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

// remove stops the server and deletes its files.
func (s *MariaDBServer) remove() error {
	var err error
	if s.process != nil {
		err = s.process.Kill()
		s.process.discard()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// command prepares one of MariaDB's programs to run as the server's user.
func (s *MariaDBServer) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.programs[program], args...)
	cmd.Dir = s.dir // ours may be closed to that user
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(pair string) bool {
		return strings.HasPrefix(pair, "MYSQL") || strings.HasPrefix(pair, "MARIADB")
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	s.account.apply(cmd)
	return cmd
}

const mariaDBRoot = "root"

// client runs SQL and returns the rows, fields separated by |. The kit sets the stage with MariaDB's own client,
// because the driver is part of what is under test.
func (s *MariaDBServer) client(ctx context.Context, user, password, database, sql string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	cmd := s.command(ctx, "mariadb", "--no-defaults", "--skip-ssl", "--batch", "--raw", "--skip-column-names",
		"--default-character-set=utf8mb4",
		"--socket="+s.socket(), "--user="+user, "--database="+database)
	cmd.Env = append(cmd.Env, "MYSQL_PWD="+password)
	cmd.Stdin = strings.NewReader(sql)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("mariadb: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.ReplaceAll(strings.TrimSpace(stdout.String()), "\t", "|"), nil
}

func (s *MariaDBServer) dataDir() string { return filepath.Join(s.dir, "data") }
func (s *MariaDBServer) socket() string  { return filepath.Join(s.dir, "mysqld.sock") }

// CertificateFile returns the path of the server's certificate, for 127.0.0.1 and localhost, which is its own
// authority.
func (s *MariaDBServer) CertificateFile() string { return filepath.Join(s.dir, "server.crt") }

// KeyFile returns the path of the certificate's key.
func (s *MariaDBServer) KeyFile() string { return filepath.Join(s.dir, "server.key") }

// Addr returns host:port of the TCP listener, for a proxy in front of it.
func (s *MariaDBServer) Addr() string { return loopback(s.port) }

// ExecAsSuperuser runs SQL statements as root, and returns their rows, a line each, fields separated by |. It gets
// through when the connections are used up, too.
func (s *MariaDBServer) ExecAsSuperuser(tb testing.TB, sql string) string {
	tb.Helper()
	rows, err := s.client(context.WithoutCancel(tb.Context()), mariaDBRoot, "", "mysql", sql)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// Stop shuts the server down and waits for the end, as a package upgrade does.
func (s *PrivateMariaDBServer) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.process.Stop(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as an out-of-memory killer would.
func (s *PrivateMariaDBServer) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.process.Kill(); err != nil {
		tb.Fatal(err)
	}
}

// Start starts a stopped server on the same port and socket, and waits until it answers.
func (s *PrivateMariaDBServer) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Pause freezes the server: connections stand, new ones are taken by the kernel, and nothing answers.
func (s *PrivateMariaDBServer) Pause(tb testing.TB) {
	tb.Helper()
	if err := s.process.Pause(); err != nil {
		tb.Fatal(err)
	}
}

// Resume ends Pause.
func (s *PrivateMariaDBServer) Resume() { s.process.Resume() }

// mariaDBPrograms finds the programs, which Debian keeps in two directories.
func mariaDBPrograms() (map[string]string, error) {
	programs := map[string]string{}
	for _, name := range []string{"mariadb-install-db", "mariadbd", "mariadb"} {
		path, err := exec.LookPath(name)
		if err != nil {
			path, err = exec.LookPath("/usr/sbin/" + name)
		}
		if err != nil {
			return nil, fmt.Errorf("no MariaDB server (%s): install it (apt-get install mariadb-server)", name)
		}
		programs[name] = path
	}
	return programs, nil
}
