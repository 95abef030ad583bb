//go:build live

package database

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestRenewedPasswordsOfServers: each server refuses the old password at once, and connections are ended all the time.
func TestRenewedPasswordsOfServers(t *testing.T) {
	postgres, mariaDB := djangotest.Postgres(t).Database(t), djangotest.MariaDB(t)
	mariaDatabase := mariaDB.Database(t)
	postgres.ExecAsSuperuser(t, "CREATE ROLE renewed LOGIN PASSWORD 'first'")
	t.Cleanup(func() { postgres.ExecAsSuperuser(t, "DROP ROLE renewed") })
	mariaDB.ExecAsSuperuser(t, "CREATE USER renewed@'%' IDENTIFIED BY 'first'; GRANT ALL ON "+mariaDatabase.Name()+".* TO renewed@'%'")
	t.Cleanup(func() { mariaDB.ExecAsSuperuser(t, "DROP USER renewed@'%'") })
	for _, tt := range []struct {
		name, url string
		set       func(password string)
		kill      func()
	}{
		{
			"postgres", postgres.URL(),
			func(password string) { postgres.ExecAsSuperuser(t, "ALTER ROLE renewed PASSWORD '"+password+"'") },
			func() {
				postgres.ExecAsSuperuser(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'renewed' AND random() < 0.7")
			},
		},
		{
			"mysql", mariaDatabase.URL(),
			func(password string) {
				mariaDB.ExecAsSuperuser(t, "ALTER USER renewed@'%' IDENTIFIED BY '"+password+"'")
			},
			func() { mariaDB.ExecAsSuperuser(t, "KILL USER renewed") },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base, err := url.Parse(tt.url)
			if err != nil {
				t.Fatal(err)
			}
			var file atomic.Value
			put := func(password string) {
				next := *base
				next.User = url.UserPassword("renewed", password)
				file.Store(next.String())
			}
			put("first")
			read := func() (string, bool) {
				text, ok := file.Load().(string)
				return text, ok
			}
			text, _ := read()
			d, err := Open(text, Options{Timeout: 20 * time.Second, Conns: 4, URLNow: read})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close() //nolint:errcheck // it was only read
			stopped := make(chan struct{})
			asked, done := atomic.Int64{}, make(chan error, 4)
			for range cap(done) {
				go func() {
					for {
						select {
						case <-stopped:
							done <- nil
							return
						default:
						}
						one, within := 0, time.Now()
						err := d.QueryRowContext(t.Context(), "SELECT 1").Scan(&one)
						if one == 1 && errors.Is(err, driver.ErrBadConn) {
							err = nil // the connection ended after the row: package dbstore asks again
						}
						if err != nil || one != 1 {
							done <- fmt.Errorf("%d after %v: %w", one, time.Since(within), err)
							return
						}
						asked.Add(1)
					}
				}()
			}
			for round := range 8 {
				password := fmt.Sprint("password", round)
				both := []func(){func() { tt.set(password) }, func() { put(password) }}
				both[round%2]()
				tt.kill()
				<-time.After(100 * time.Millisecond)
				both[1-round%2]()
				tt.kill()
				<-time.After(50 * time.Millisecond)
			}
			close(stopped)
			for range cap(done) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if n := asked.Load(); n < 100 {
				t.Errorf("%d queries", n)
			}
			put("wrong")
			tt.set("right")
			d.SetMaxIdleConns(0) // some may have survived until now
			err = d.PingContext(t.Context())
			if err == nil || strings.Contains(err.Error(), "wrong") {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}
