package djangotest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bouncerConfig leaves all at pgbouncer's defaults that a test does not need otherwise; in particular it ignores no
// startup parameter, so that a client which sends an unusual one is found out.
const bouncerConfig = `[databases]
* = host=127.0.0.1 port=%d

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = %s
; fewer than the clients of a test, so that they really share
default_pool_size = 3
; the default, 15 s, would hide whether the client or pgbouncer is late after an outage
server_login_retry = 1
`

// Bouncer is a running pgbouncer.
type Bouncer struct {
	*Process

	addr  string
	start func(testing.TB) *Process
}

// PgBouncer starts pgbouncer in front of a cluster; mode is its pool_mode: session, transaction or statement. Three
// server connections serve all clients of a database.
func PgBouncer(tb testing.TB, server *PostgresServer, mode string) *Bouncer {
	tb.Helper()
	program, err := bouncerProgram()
	if err != nil {
		tb.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := server.account.tempDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	// The password in clear lets pgbouncer both check its clients and log in to the server.
	users, config := filepath.Join(dir, "userlist.txt"), filepath.Join(dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users:  fmt.Sprintf("\"%s\" \"%s\"\n", roleName, rolePassword),
		config: fmt.Sprintf(bouncerConfig, server.port, port, users, mode),
	} {
		if err := server.account.writeFile(path, text); err != nil {
			tb.Fatal(err)
		}
	}

	probe := &TestDatabase{server: server, name: superuser}
	start := func(tb testing.TB) *Process {
		tb.Helper()
		cmd := exec.CommandContext(context.Background(), program, config)
		cmd.Dir = dir
		server.account.apply(cmd)
		return StartProcess(tb.Context(), tb, cmd, func(ctx context.Context) error {
			_, err := server.psql(ctx, probe.URLAt(loopback(port)), "SELECT 1")
			return err
		})
	}
	return &Bouncer{Process: start(tb), addr: loopback(port), start: start}
}

// Restart ends pgbouncer at once, and starts it again on the same port.
func (b *Bouncer) Restart(tb testing.TB) {
	tb.Helper()
	if err := b.Kill(); err != nil {
		tb.Fatal(err)
	}
	b.Process = b.start(tb)
}

// URL returns the address of a database through pgbouncer.
func (b *Bouncer) URL(d *TestDatabase) string { return d.URLAt(b.addr) }

func bouncerProgram() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} { // sbin is on root's PATH alone
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no pgbouncer on PATH or in /usr/sbin: install it (apt-get install pgbouncer)")
}
