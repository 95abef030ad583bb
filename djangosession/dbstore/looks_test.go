package dbstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

// counting counts the queries that reach a database, and may hold them up.
type counting struct {
	*fixture

	queries atomic.Int64
	gate    sync.RWMutex // locked: no query comes through
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	c := &counting{fixture: newSQLite(t)}
	var path string
	if err := c.DB.QueryRowContext(t.Context(), "SELECT file FROM pragma_database_list").Scan(&path); err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(countingConnector{c, path})
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	c.Database = &database.Database{DB: db, Dialect: c.Dialect}
	return c
}

// of returns how many queries do costs.
func (c *counting) of(do func()) int64 {
	before := c.queries.Load()
	do()
	return c.queries.Load() - before
}

type countingConnector struct {
	*counting

	path string
}

// Driver implements driver.Connector.
func (countingConnector) Driver() driver.Driver { return nil }

// Connect implements driver.Connector.
func (c countingConnector) Connect(context.Context) (driver.Conn, error) {
	db, err := sql.Open("sqlite", c.path)
	if err != nil {
		return nil, err
	}
	conn, err := db.Driver().Open(c.path)
	return countingConn{conn, c.counting}, errors.Join(err, db.Close())
}

type countingConn struct {
	driver.Conn

	counting *counting
}

// QueryContext implements driver.QueryerContext.
func (c countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.counting.queries.Add(1)
	c.counting.gate.RLock()
	defer c.counting.gate.RUnlock()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args) //nolint:forcetypeassert,errcheck // the driver's are
}

// What is missing is looked for once a second, however many ask, and found when it is there.
func TestMissingIsLookedForOnceASecond(t *testing.T) {
	const asked = 200
	for name, tt := range map[string]struct {
		lose, restore, says string
	}{
		"a user model without groups": {"ALTER TABLE auth_user_groups RENAME TO gone", "ALTER TABLE gone RENAME TO auth_user_groups", "no groups and permissions"},
		"a missing column":            {"ALTER TABLE auth_user RENAME COLUMN id TO i", "ALTER TABLE auth_user RENAME COLUMN i TO id", "no column id"},
		"a missing table of Django's": {"ALTER TABLE auth_group RENAME TO gone", "ALTER TABLE gone RENAME TO auth_group", "auth_group"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCounting(t)
			c.access(t, authUsers)
			c.exec(t, tt.lose)
			now := time.Now()
			a := c.reader(dbstore.PermissionsConfig{Now: func() time.Time { return now }})
			for second := range 3 {
				n := c.of(func() {
					for range asked {
						if got := allowed(t.Context(), a, "1"); !strings.Contains(got, tt.says) {
							t.Fatalf("got %q, want an error about %q", got, tt.says)
						}
					}
				})
				if n == 0 || n > 8 {
					t.Errorf("second %d: %d questions cost %d queries, want a few", second, asked, n)
				}
				now = now.Add(time.Second)
			}
			c.exec(t, tt.restore)
			wantAccess(t, a, "1", adas)
			if n := c.of(func() { wantAccess(t, a, "1", adas) }); n != 1 {
				t.Errorf("when all is there, a question costs %d queries, want 1", n)
			}
		})
	}
}

// The same for users: what is left out is looked for again too, and costs nobody an answer.
func TestLeftOutColumnsAppear(t *testing.T) {
	c := newCounting(t)
	c.table(t, "auth_user", strings.Replace(authUser, "is_superuser", "was_superuser", 1))
	c.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES (1, 'ada', true)")
	now := time.Now()
	u := c.users(dbstore.UsersConfig{Now: func() time.Time { return now }})
	ask := func() {
		wantUser(t, u, "1", "1 ada ? None "+flags(yes, absent, absent))
	}
	ask()
	if n := c.of(func() {
		for range 100 {
			ask()
		}
	}); n != 100 {
		t.Errorf("100 questions cost %d queries, want 100", n)
	}
	now = now.Add(time.Second)
	if n := c.of(func() { ask(); ask() }); n != 3 {
		t.Errorf("2 questions after a second cost %d queries, want one more for the table", n)
	}
	c.exec(t, "ALTER TABLE auth_user RENAME COLUMN is_staff TO was_staff; ALTER TABLE auth_user ADD COLUMN is_staff bool; UPDATE auth_user SET is_staff = true")
	now = now.Add(time.Second)
	wantUser(t, u, "1", "1 ada ? None "+flags(yes, yes, absent))
}

// watched is a context that counts itself once somebody waits for its end.
type watched struct {
	context.Context //nolint:containedctx // it is one

	once    sync.Once
	waiting *atomic.Int64
}

// Done implements context.Context.
func (w *watched) Done() <-chan struct{} {
	w.once.Do(func() { w.waiting.Add(1) })
	return w.Context.Done()
}

// However many need to know the tables at once, one of them looks.
func TestOneLooksForAll(t *testing.T) {
	c := newCounting(t)
	c.access(t, authUsers)
	c.exec(t, "ALTER TABLE auth_user_groups RENAME TO gone")
	a := c.reader(dbstore.PermissionsConfig{})
	const callers = 50
	n := c.of(func() {
		c.gate.Lock()
		var running sync.WaitGroup
		var asking atomic.Int64
		for range callers {
			running.Go(func() {
				if _, err := a.AccessOf(&watched{Context: t.Context(), waiting: &asking}, "1"); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
					t.Errorf("got %v, want ErrNoPermissionsMixin", err)
				}
			})
		}
		waitUntil(t, func() bool { return asking.Load() == callers })
		c.gate.Unlock()
		running.Wait()
	})
	if n != 2 { // the users' table, and that of their groups
		t.Errorf("%d callers at once cost %d queries, want 2", callers, n)
	}
}

// Whoever looks may have less time than those who wait for it.
func TestLookThatIsGivenUp(t *testing.T) {
	c := newCounting(t)
	c.access(t, authUsers)
	a := c.reader(dbstore.PermissionsConfig{})
	c.gate.Lock()
	impatient, giveUp := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan string, 1)
	go func() {
		_, err := a.AccessOf(impatient, "1")
		first <- err
	}()
	waitUntil(t, func() bool { return c.queries.Load() == 1 })
	var waiting atomic.Int64
	go func() { second <- allowed(&watched{Context: t.Context(), waiting: &waiting}, a, "1") }()
	waitUntil(t, func() bool { return waiting.Load() == 1 })
	giveUp()
	c.gate.Unlock()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: got %v", err)
	}
	if got := <-second; got != adas {
		t.Errorf("who waited: got %q, want %q", got, adas)
	}
}
