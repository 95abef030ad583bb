package djangotest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// MySQL returns the MySQL server that the tests of this test binary share, as [MariaDB] does. tools/setup.sh gets
// version 8.0.15; DJANGO_SIDECAR_MYSQL names the archive of another one, with bin/mysqld, lib and share.
func MySQL(tb testing.TB) *MariaDBServer {
	tb.Helper()
	return sharedMySQL.started(tb, func() (*MariaDBServer, error) {
		return newMariaDB([]string{
			"mysqlx=OFF", "secure-file-priv=NULL", "loose-innodb-redo-log-capacity=8M",
			"loose-skip-ssl",                      // Go has given up the TLS of that time
			"collation-server=utf8mb4_0900_ai_ci", // MySQL's default
		}, (*MariaDBServer).createMySQL)
	})
}

// SharedServerOf returns the server, of those that tests share, that the address of a database leads to.
func SharedServerOf(tb testing.TB, databaseURL string) *MariaDBServer {
	tb.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		tb.Fatal(err)
	}
	sharedMySQL.Lock()
	mysql := sharedMySQL.server
	sharedMySQL.Unlock()
	if mysql != nil && u.Host == mysql.Addr() {
		return mysql
	}
	return MariaDB(tb)
}

// createMySQL unpacks MySQL into the server's directory, where its account may read it, makes its tables, and begins.
func (s *MariaDBServer) createMySQL() error {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	archive := os.Getenv("DJANGO_SIDECAR_MYSQL")
	if archive == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		archive = filepath.Join(cache, "django-sidecar", "mysql-8.0.15.tar.gz")
	}
	home := filepath.Join(s.dir, "mysql")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	s.daemon = "mysqld"
	s.programs[s.daemon] = filepath.Join(home, "bin", "mysqld")
	// Not by the account, to which the archive may be closed.
	unpack := exec.CommandContext(ctx, "tar", "-xzf", archive, "-C", home, "--no-same-owner")
	if output, err := unpack.CombinedOutput(); err != nil {
		return fmt.Errorf("no MySQL: make setup gets it: %w\n%s", err, output)
	}
	install := s.command(ctx, s.daemon, "--no-defaults", "--initialize-insecure", "--basedir="+home,
		"--datadir="+s.dataDir(), innodbFiles)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mysqld --initialize-insecure: %w\n%s", err, output)
	}
	s.settings = append(s.settings, "basedir="+home)
	return s.begin(ctx)
}
