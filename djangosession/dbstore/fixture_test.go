package dbstore_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
	"django-sidecar/signing"
)

// fixture is a database to read from, and somebody else's way of writing to it.
type fixture struct {
	*database.Database
	exec func(t *testing.T, sql string)
	// types are what the database calls Django's fields.
	types map[string]string
	// joins lets every lookup share its query with others, which are made up beside it.
	joins bool
	// strict has tables of groups proved by their foreign keys.
	strict bool
	// passed is how much later it is for the stores than it is.
	passed atomic.Int64
}

// later lets the second pass after which a store looks again for what was missing.
func (f *fixture) later() { f.passed.Add(int64(time.Second)) }

func (f *fixture) now() time.Time { return time.Now().Add(time.Duration(f.passed.Load())) }

func (f *fixture) batcher() *dbstore.Batcher {
	if !f.joins {
		return nil
	}
	return dbstore.NewBatcher(1) // which is held: see together
}

// companions are keys that no test uses, of every type of keys.
var companions = []string{"80000001", "80000002", "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002"}

// together does what looks something up while others do, so that one query has all of them.
func together(j *dbstore.Batcher, other func(companion string), do func()) {
	if j == nil {
		do()
		return
	}
	release := j.Hold()
	var running sync.WaitGroup
	var answered atomic.Int64
	start := func(do func()) {
		running.Go(func() {
			defer answered.Add(1)
			do()
		})
	}
	for _, c := range companions {
		start(func() { other(c) })
	}
	start(do)
	for int(answered.Load())+j.Waiting() < len(companions)+1 {
		runtime.Gosched()
	}
	release()
	running.Wait()
}

var (
	sqliteTypes   = map[string]string{"datetime": "datetime", "uuid": "char(32)", "strange": "real"}
	postgresTypes = map[string]string{"datetime": "timestamp with time zone", "uuid": "uuid", "strange": "double precision"}
)

func newSQLite(t *testing.T) *fixture {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	f := &fixture{types: sqliteTypes, exec: sqliteWriter(t, path)}
	f.exec(t, "CREATE TABLE something (id integer)") // so that there is a file
	f.Database = openReader(t, sqliteURL(path), database.Options{})
	return f
}

func sqliteURL(path string) string { return "sqlite:///" + (&url.URL{Path: path}).EscapedPath() }

// sqliteWriter is a second connection to a database, as Django would have.
func sqliteWriter(t *testing.T, path string) func(t *testing.T, statements string) {
	t.Helper()
	writer, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	writer.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(t *testing.T, statements string) {
		t.Helper()
		if _, err := writer.ExecContext(t.Context(), statements); err != nil {
			t.Fatalf("%s: %v", statements, err)
		}
	}
}

func openReader(t *testing.T, rawURL string, o database.Options) *database.Database {
	t.Helper()
	o.Timeout, o.Conns = 10*time.Second, max(o.Conns, 2)
	d, err := database.Open(rawURL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

var django52 = djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}

func newCodec(t *testing.T) *djangosession.Codec {
	t.Helper()
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: django52, SecretKey: signing.SecretKey("a secret key for tests of stores")})
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// value is what a session has that Django stored v in.
func value(t *testing.T, v any) djangosession.Value {
	t.Helper()
	codec := newCodec(t)
	data, err := codec.Encode(map[string]any{"v": v}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	session, err := codec.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return session.Lookup("v")
}

func (f *fixture) sessions(t *testing.T, c dbstore.SessionsConfig) *dbstore.Sessions {
	t.Helper()
	c.Dialect, c.Prepare, c.Batcher = f.Dialect, f.Prepares, f.batcher()
	if c.Zone == (dbstore.Zone{}) {
		c.Zone.UseTZ = true
	}
	return dbstore.NewSessions(f.DB, newCodec(t), c)
}

func (f *fixture) users(c dbstore.UsersConfig) *dbstore.Users {
	c.Dialect, c.Prepare, c.Version, c.Batcher = f.Dialect, f.Prepares, django52, f.batcher()
	if c.Now == nil {
		c.Now = f.now
	}
	return dbstore.NewUsers(f.DB, c)
}

// table makes a table anew; a type in braces is one of f.types.
func (f *fixture) table(t *testing.T, name, columns string) {
	t.Helper()
	for from, to := range f.types {
		columns = strings.ReplaceAll(columns, "{"+from+"}", to)
	}
	f.exec(t, "DROP TABLE IF EXISTS "+name+"; CREATE TABLE "+name+" ("+columns+");")
}

const sessionColumns = "session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, expire_date {datetime} NOT NULL"

// insertSession stores an empty session under a key, which must need no escaping.
func (f *fixture) insertSession(t *testing.T, table, key, expireDate string) {
	t.Helper()
	f.exec(t, sessionInsert(t, table, key, expireDate))
}

func sessionInsert(t *testing.T, table, key, expireDate string) string {
	t.Helper()
	data, err := newCodec(t).Encode(map[string]any{"key": key}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "INSERT INTO " + table + " (session_key, session_data, expire_date) VALUES ('" + key + "', '" + data + "', '" + expireDate + "');"
}

// outcome is a session's own key, or how it was not found.
func outcome(ctx context.Context, s *dbstore.Sessions, key string) string {
	var session *djangosession.Session
	var err error
	together(s.Batcher(), func(companion string) { _, _ = s.Load(ctx, companion) }, func() { session, err = s.Load(ctx, key) })
	switch {
	case errors.Is(err, djangosession.ErrExpired):
		return "expired"
	case errors.Is(err, djangosession.ErrNotFound):
		return "not found"
	case err != nil:
		return "error: " + err.Error()
	}
	text, _ := session.Lookup("key").Text()
	return text
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen within a minute")
		}
	}
}
