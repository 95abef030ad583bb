package checkup

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
)

func TestFindingsAreLines(t *testing.T) {
	for _, tt := range []struct {
		finding Finding
		want    string
	}{
		{Finding{OK, "users", "table auth_user can be read", ""}, "ok    users            table auth_user can be read"},
		{Finding{Warn, "recent sessions", "none", "log in"}, "warn  recent sessions  none; log in"},
		{Finding{}, "FAIL                   "},
	} {
		if got := tt.finding.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// serverClock is a database server that knows the time alone, or fails with err.
type serverClock struct {
	at  time.Time
	err error
}

func (s serverClock) Connect(context.Context) (driver.Conn, error) { return s, s.err }
func (s serverClock) Driver() driver.Driver                        { return nil }
func (s serverClock) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }

func (s serverClock) Begin() (driver.Tx, error) { return nil, errors.ErrUnsupported }
func (s serverClock) Close() error              { return nil }

// QueryContext implements driver.QueryerContext.
func (s serverClock) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneTime{at: s.at}, nil
}

type oneTime struct {
	at   time.Time
	read bool
}

func (r *oneTime) Columns() []string { return []string{"now"} }
func (r *oneTime) Close() error      { return nil }

// Next implements driver.Rows.
func (r *oneTime) Next(into []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read, into[0] = true, r.at
	return nil
}

// namedDatabase is a server with this clock.
func namedDatabase(t *testing.T, name string, clock serverClock) *NamedDatabase {
	t.Helper()
	db := sql.OpenDB(clock)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &NamedDatabase{Name: name, Setting: "DATABASE_URL", DB: db, Dialect: dbstore.Postgres, Location: "database n at h"}
}

// TestClock: up to five seconds are no difference. A server looks at its clock at some time during the question.
func TestClock(t *testing.T) {
	for apart, want := range map[time.Duration]string{
		0:                       "ok clock agrees with the database server's",
		5 * time.Second:         "ok clock agrees with the database server's",
		-5 * time.Second:        "ok clock agrees with the database server's",
		5001 * time.Millisecond: "FAIL clock differs from the database server's by 5.001s; sessions will end too early or too late: synchronise the clocks (NTP) of both machines",
		-time.Hour:              "FAIL clock differs from the database server's by 1h0m0s; sessions will end too early or too late: synchronise the clocks (NTP) of both machines",
	} {
		d := &Checkup{Now: func() time.Time { return testTime }}
		findings := d.clock(t.Context(), namedDatabase(t, "database", serverClock{at: testTime.Add(apart)}))
		if got := linesOf(findings); !slices.Equal(got, []string{want}) {
			t.Errorf("%v apart: got %q, want %q", apart, got, want)
		}
	}
	d := &Checkup{Now: func() time.Time { return testTime }}
	findings := d.clock(t.Context(), namedDatabase(t, "database", serverClock{err: errAway}))
	if got := linesOf(findings); len(got) != 1 || !strings.HasPrefix(got[0], "warn clock asking the server for the time") {
		t.Errorf("a server that fails: %q", got)
	}
	lite := namedDatabase(t, "database", serverClock{})
	lite.Dialect = dbstore.SQLite
	if findings := d.clock(t.Context(), lite); len(findings) > 0 {
		t.Errorf("a database without a server: %q", linesOf(findings))
	}
}

// TestRun: what cannot be looked at because of a finding is left out, and the rest is looked at.
func TestRun(t *testing.T) {
	refused := serverClock{err: systemError(syscall.ECONNREFUSED)}
	fine := SessionPlace{Name: "cache", Location: "Redis at h", Probe: func(context.Context) error { return nil }}
	broken := SessionPlace{Name: "sessions", Location: "folder /x", Probe: func(context.Context) error { return errAway }, Remedy: "look at the folder"}
	for _, tt := range []struct {
		name    string
		checkup func(d *Checkup)
		want    []string
		healthy bool
	}{
		{"a database that refuses", func(d *Checkup) {
			d.UserDatabase = namedDatabase(t, "database", refused)
			d.SessionDatabase, d.Sessions, d.Recent = d.UserDatabase, new(dbstore.Sessions), nil
		}, []string{"FAIL database database n at h: dial tcp 192.0.2.1:1: connection refused; check host and port in DATABASE_URL, and that the server listens there"}, false},
		{"two databases, one of which refuses", func(d *Checkup) {
			d.UserDatabase = namedDatabase(t, "database", refused)
			d.SessionDatabase = namedDatabase(t, "session database", serverClock{at: testTime})
		}, []string{
			"FAIL database database n at h: dial tcp 192.0.2.1:1: connection refused; check host and port in DATABASE_URL, and that the server listens there",
			"ok session database database n at h answers", "ok clock agrees with the database server's",
			"ok recent sessions 1 of 1 can be read, signed 1 with SECRET_KEY (sha256)",
		}, false},
		{"users who are not looked at", func(d *Checkup) { d.Places = []SessionPlace{fine} }, []string{
			"ok cache Redis at h can be read", "warn users are not looked at; deactivated users and changed passwords go unseen while SIDECAR_INSECURE_SKIP_USER_CHECK is on",
			"ok recent sessions 1 of 1 can be read, signed 1 with SECRET_KEY (sha256)", "ok logins 1 of 1 leads to a user",
		}, true},
		{"a folder that cannot be read", func(d *Checkup) { d.Places = []SessionPlace{fine, broken} }, []string{
			"ok cache Redis at h can be read", "FAIL sessions folder /x: the store is away; look at the folder",
			"warn users are not looked at; deactivated users and changed passwords go unseen while SIDECAR_INSECURE_SKIP_USER_CHECK is on",
		}, false},
		{"no key", func(d *Checkup) { d.Config.KeyMissing = true }, []string{
			"warn users are not looked at; deactivated users and changed passwords go unseen while SIDECAR_INSECURE_SKIP_USER_CHECK is on",
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testConfig(func(c *config.Config) { c.InsecureSkipUserCheck = true })
			d := testCheckup(t, c, map[string]string{testSessionKey: login(t, c, "1", nil)}, nil)
			tt.checkup(d)
			var findings []Finding
			d.Run(t.Context(), func(f Finding) { findings = append(findings, f) })
			healthy := !slices.ContainsFunc(findings, func(f Finding) bool { return f.Grade == Fail })
			if got := linesOf(findings); !slices.Equal(got, tt.want) || healthy != tt.healthy {
				t.Errorf("got %v\n%s\nwant\n%s", healthy, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
