package djangotest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Standby starts a copy of a cluster that follows it, for this test alone. It has the databases of the cluster: see
// Holds.
func (s *PrivateServer) Standby(tb testing.TB) *PrivateServer {
	tb.Helper()
	standby, err := newStandby(s.PostgresServer)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		standby.process.logIfFailed(tb)
		if err := standby.remove(); err != nil {
			tb.Error(err)
		}
	})
	return &PrivateServer{PostgresServer: standby}
}

func newStandby(primary *PostgresServer) (*PostgresServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := primary.account.tempDir()
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{bin: primary.bin, dir: dir, port: port, account: primary.account, private: true}
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	cmd := s.command(ctx, "pg_basebackup", "--pgdata="+s.dataDir(), "--dbname="+primary.superuserURL(superuser),
		"--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("pg_basebackup: %w\n%s", err, output), s.remove())
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// Promote makes a standby a cluster of its own, and returns when it is one.
func (s *PrivateServer) Promote(tb testing.TB) {
	tb.Helper()
	if _, err := s.psql(tb.Context(), s.superuserURL(superuser), "SELECT pg_promote()"); err != nil {
		tb.Fatal(err)
	}
}

// Follow has a standby follow the server of a primary_conninfo, and with "" none: it receives nothing any more when
// Follow returns.
func (s *PrivateServer) Follow(tb testing.TB, conninfo string) {
	tb.Helper()
	ask := func(sql string) string {
		said, err := s.psql(tb.Context(), s.superuserURL(superuser), sql)
		if err != nil {
			tb.Fatal(err)
		}
		return said
	}
	ask("ALTER SYSTEM SET primary_conninfo = '" + strings.ReplaceAll(conninfo, "'", "''") + "'")
	ask("SELECT pg_reload_conf()")
	for end := time.Now().Add(queryTimeout); conninfo == "" && ask("SELECT count(*) FROM pg_stat_wal_receiver") != "0"; {
		if time.Now().After(end) {
			tb.Fatal("the standby goes on receiving")
		}
	}
}

// Holds returns the database of the same name that this cluster holds.
func (s *PrivateServer) Holds(d *TestDatabase) *TestDatabase {
	return &TestDatabase{server: s.PostgresServer, name: d.name}
}

// Renew dumps a database, drops it whoever is connected, and makes it again from the dump.
func (d *TestDatabase) Renew(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), queryTimeout)
	defer cancel()
	dump, err := d.server.command(ctx, "pg_dump", "--dbname="+d.server.superuserURL(d.name)).Output()
	if err != nil {
		tb.Fatal(err)
	}
	for _, statement := range []string{
		"DROP DATABASE " + d.name + " WITH (FORCE)",
		"CREATE DATABASE " + d.name + " OWNER " + roleName,
	} {
		if _, err := d.server.psql(ctx, d.server.superuserURL(superuser), statement); err != nil {
			tb.Fatal(err)
		}
	}
	d.ExecAsSuperuser(tb, string(dump))
}
