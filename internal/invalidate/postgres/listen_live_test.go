//go:build live

package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/keyhash"
)

// recorder is a Forgetter that writes down what it is told, and hands it on.
type recorder struct {
	said chan string
	done chan struct{}

	mu    sync.Mutex
	fresh bool
}

func (r *recorder) say(text string) {
	select {
	case r.said <- text:
	case <-r.done:
	}
}

func (r *recorder) ForgetSession(id keyhash.Hash) { r.say("session " + hex.EncodeToString(id[:])) }
func (r *recorder) ForgetUser(id string)          { r.say("user " + id) }
func (r *recorder) ForgetAccess()                 { r.say("access") }
func (r *recorder) ForgetAll()                    { r.say("all") }
func (r *recorder) Confirm(time.Time)             {}

func (r *recorder) SetFresh(fresh bool) {
	r.mu.Lock()
	changed := fresh != r.fresh
	r.fresh = fresh
	r.mu.Unlock()
	if changed {
		r.say(map[bool]string{true: "fresh", false: "not fresh"}[fresh])
	}
}

// report is what is told besides the cache.
func (r *recorder) report(fresh bool, why error) {
	if !fresh {
		r.say("because " + why.Error())
	}
}

// next returns the next thing said.
func (r *recorder) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-r.said:
		return text
	case <-time.After(2 * liveTimeout):
		t.Fatal("nothing is said")
		return ""
	}
}

// until waits for something that begins with the text, and returns it.
func (r *recorder) until(t *testing.T, prefix string) string {
	t.Helper()
	var before []string
	deadline := time.After(2 * liveTimeout)
	for {
		select {
		case text := <-r.said:
			if strings.HasPrefix(text, prefix) {
				return text
			}
			before = append(before, text)
		case <-deadline:
			t.Fatalf("not %q, but %q", prefix, before)
		}
	}
}

// startListen runs Listen until the test ends.
func startListen(t *testing.T, c Config) *recorder {
	t.Helper()
	r := &recorder{said: make(chan string, 100), done: make(chan struct{})}
	c.Cache, c.Report = r, r.report
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := Listen(ctx, c); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		close(r.done)
		running.Wait()
		if r.fresh {
			t.Error("the cache is fresh when nobody listens any more")
		}
	})
	return r
}

func connectWith(l *database.Subscriber) func(context.Context, func(string, string)) (NotificationConn, error) {
	return func(ctx context.Context, notify func(string, string)) (NotificationConn, error) {
		return l.Connect(ctx, notify)
	}
}

func notifyWith(d *database.Database) func(context.Context, string) error {
	return func(ctx context.Context, channel string) error {
		var nothing any
		return d.QueryRowContext(ctx, "SELECT pg_notify($1, '')", channel).Scan(&nothing)
	}
}

// tables makes the tables by hand.
func makeTables(t *testing.T, db *djangotest.TestDatabase) {
	t.Helper()
	db.Exec(t, `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date timestamptz);
		CREATE TABLE auth_user (id serial PRIMARY KEY, password text, is_active bool, username text, email text, is_staff bool, is_superuser bool, last_login timestamptz);
		INSERT INTO django_session SELECT 'key' || i, '', now() FROM generate_series(1, 1000) AS i;
		INSERT INTO auth_user (password, is_active) SELECT 'x', true FROM generate_series(1, 1000)`)
}

// listening makes a Config for a deployment at an address.
func listening(t *testing.T, rawURL string) Config {
	t.Helper()
	options := database.Options{Timeout: 6 * time.Second, Conns: 2}
	l, err := database.NewSubscriber(rawURL, options)
	if err != nil {
		t.Fatal(err)
	}
	d, err := database.Open(rawURL, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return Config{Tables: authTables, Connect: connectWith(l), Notify: notifyWith(d)}
}

func install(t *testing.T, db *djangotest.TestDatabase) {
	t.Helper()
	db.Exec(t, searchPath(authTables)+mustText(t)(authTables.SQL(Script{Triggers: true})))
}

const endListener = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

func TestListen(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	r := startListen(t, listening(t, db.URL()))
	if first, second := r.next(t), r.next(t); first != "all" || second != "fresh" {
		t.Errorf("first %q and %q", first, second)
	}
	for _, tt := range []struct{ sql, told string }{
		{"DELETE FROM django_session WHERE session_key = 'key1'", "session 70f1a9b6f9a5bd3a5b8ff1d5a2ddd4f0"},
		{"UPDATE auth_user SET password = 'y' WHERE id = 7", "user 7"},
		{"TRUNCATE django_session", "all"},
		{"NOTIFY " + Channel + ", '1 a'", "access"},
		{"NOTIFY " + Channel + ", '2 s 00'", "all"},
	} {
		db.Exec(t, tt.sql)
		told := r.next(t)
		if strings.HasPrefix(told, "session ") {
			told, tt.told = told[:8], tt.told[:8] // which one, TestDjangosChanges says
		}
		if told != tt.told {
			t.Errorf("%s: told %q, want %q", tt.sql, told, tt.told)
		}
	}
	for range 3 {
		db.ExecAsSuperuser(t, endListener)
		r.until(t, "not fresh")
		r.until(t, "all")
		r.until(t, "fresh")
	}
	db.Exec(t, "UPDATE auth_user SET is_active = false WHERE id = 9")
	r.until(t, "user 9")
}

// With triggers that are missing, disabled, or others than ours, the cache is not fresh; with ours it is.
func TestListenWantsTheTriggers(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	c := listening(t, db.URL())
	c.Look = 20 * time.Millisecond
	r := startListen(t, c)
	r.until(t, `because looking at the triggers: there is no table "auth_user"; there is no table "django_session"`)
	makeTables(t, db)
	r.until(t, `because looking at the triggers: table "auth_user" has no trigger django_sidecar_delete; table "auth_user"`)
	for _, tt := range []struct{ breaks, problem string }{
		{"SELECT 1", ""},
		{"ALTER TABLE auth_user DISABLE TRIGGER django_sidecar_delete", `trigger django_sidecar_delete of table "auth_user" is disabled`},
		{"ALTER TABLE auth_user DISABLE TRIGGER USER", `trigger django_sidecar_delete of table "auth_user" is disabled; trigger`},
		{"ALTER TABLE django_session ENABLE REPLICA TRIGGER django_sidecar_truncate", `trigger django_sidecar_truncate of table "django_session" is disabled`},
		{"DROP TRIGGER django_sidecar_update ON django_session", `table "django_session" has no trigger django_sidecar_update`},
		{
			"CREATE OR REPLACE FUNCTION django_sidecar_user() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
			`trigger django_sidecar_delete of table "auth_user" is not the one for these settings and this version`,
		},
		{"CREATE TABLE auth_user_groups (id serial, user_id int, group_id int)", `table "auth_user_groups" has no trigger django_sidecar_insert`},
	} {
		if tt.problem != "" {
			db.Exec(t, tt.breaks)
			r.until(t, "not fresh")
			if why := r.until(t, "because "); !strings.Contains(why, tt.problem) {
				t.Errorf("%s: %s", tt.breaks, why)
			}
		}
		install(t, db)
		db.Exec(t, "ALTER TABLE auth_user ENABLE TRIGGER USER")
		r.until(t, "fresh")
	}
}

// TestListenThroughABreak breaks the connection in every way, and the listener hears again afterwards.
func TestListenThroughABreak(t *testing.T) {
	server := djangotest.Postgres(t)
	db := server.Database(t)
	makeTables(t, db)
	install(t, db)
	proxy := djangotest.NewFaultProxy(t, server.Addr())
	c := listening(t, db.URLAt(proxy.Addr()))
	r := startListen(t, c)
	r.until(t, "fresh")
	for i, mode := range []djangotest.Mode{djangotest.Refuse(), djangotest.Reset(), djangotest.BlackHole(), djangotest.CutAfter(3), djangotest.Slow(8 * time.Second)} {
		broken := time.Now()
		proxy.SetMode(mode)
		r.until(t, "not fresh")
		t.Logf("mode %d: noticed after %v", i, time.Since(broken).Round(time.Millisecond))
		proxy.SetMode(djangotest.Pass())
		r.until(t, "fresh")
		id := i + 1
		db.Exec(t, fmt.Sprintf("DELETE FROM auth_user WHERE id = %d", id))
		r.until(t, fmt.Sprintf("user %d", id))
	}
}

func TestListenThroughARestart(t *testing.T) {
	server := djangotest.PrivatePostgres(t)
	db := server.Database(t)
	makeTables(t, db)
	install(t, db)
	r := startListen(t, listening(t, db.URL()))
	r.until(t, "fresh")
	for _, mode := range []djangotest.StopMode{djangotest.Fast, djangotest.Immediate, djangotest.Crash} {
		server.Stop(t, mode)
		r.until(t, "not fresh")
		server.Start(t)
		r.until(t, "fresh")
	}
	server.Pause(t)
	r.until(t, "not fresh")
	server.Resume()
	r.until(t, "fresh")
}

func TestListenThroughPgBouncer(t *testing.T) {
	server := djangotest.Postgres(t)
	for _, mode := range []string{"session", "transaction", "statement"} {
		t.Run(mode, func(t *testing.T) {
			db := server.Database(t)
			makeTables(t, db)
			install(t, db)
			c := listening(t, djangotest.PgBouncer(t, server, mode).URL(db))
			connect, attempts := c.Connect, make(chan struct{}, 100)
			c.Connect = func(ctx context.Context, notify func(string, string)) (NotificationConn, error) {
				attempts <- struct{}{}
				return connect(ctx, notify)
			}
			r := startListen(t, c)
			if mode == "session" {
				r.until(t, "fresh")
				db.Exec(t, "DELETE FROM auth_user WHERE id = 1")
				r.until(t, "user 1")
				return
			}
			for range 3 {
				<-attempts
			}
			// The third has begun, and two have failed in the same way.
			if why := r.next(t); !strings.HasPrefix(why, "because waiting for a notification of our own: a notification that was sent has not arrived") {
				t.Errorf("%q", why)
			}
			if len(r.said) > 0 {
				t.Errorf("%q too", <-r.said)
			}
		})
	}
}

func TestListenRefused(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	u, err := url.Parse(db.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "wr0ng")
	r := startListen(t, listening(t, u.String()))
	if why := r.next(t); !strings.HasPrefix(why, "because connecting: ") || !strings.Contains(why, "password authentication failed") || strings.Contains(why, "wr0ng") {
		t.Errorf("%q", why)
	}
}

// TestListenLatency measures, and asserts no time: how long after the commit a change is known here.
func TestListenLatency(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	install(t, db)
	c := listening(t, db.URL())
	r := startListen(t, c)
	r.until(t, "fresh")
	d, err := database.Open(db.URL(), database.Options{Timeout: liveTimeout, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // the test has what it wants
	var took []time.Duration
	for i := range 1000 {
		var nothing any
		statement := fmt.Sprintf("WITH gone AS (DELETE FROM django_session WHERE session_key = 'key%d' RETURNING 1) SELECT count(*) FROM gone", i+1)
		if err := d.QueryRowContext(t.Context(), statement).Scan(&nothing); err != nil {
			t.Fatal(err)
		}
		committed := time.Now()
		r.until(t, "session ")
		took = append(took, time.Since(committed))
	}
	slices.Sort(took)
	t.Logf("known after the commit's answer: p50 %v, p99 %v, most %v", took[500], took[990], took[999])
}
