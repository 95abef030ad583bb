package dbstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrClearing says that somebody else is clearing the same table.
var ErrClearing = errors.New("expired sessions of this table are being cleared already")

// ClearingLock keeps a second walk away, which would delete the same rows. SQLite has none: it lets one connection
// write at a time.
type ClearingLock struct {
	conn  *sql.Conn // nil where there is no lock
	asked tableLock
}

// tableLock is how a database is asked for a lock: a query that returns whether it was free.
type tableLock struct {
	before        []string
	take, release string
	args          []any
}

// LockClearing takes the lock of a session table, or returns ErrClearing. It takes a connection of db until Release.
func LockClearing(ctx context.Context, db *sql.DB, d *Dialect, table string) (*ClearingLock, error) {
	l := new(ClearingLock)
	if d.lock == nil {
		return l, nil
	}
	var err error
	if l.conn, err = db.Conn(ctx); err != nil {
		return nil, fmt.Errorf("connecting for the lock: %w", err)
	}
	l.asked = d.lock(table)
	for _, statement := range l.asked.before {
		if _, err := l.conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("taking the lock: %w", err), l.Release(ctx))
		}
	}
	var got sql.NullBool
	switch err := l.conn.QueryRowContext(ctx, l.asked.take, l.asked.args...).Scan(&got); {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("taking the lock: %w", err), l.Release(ctx))
	case !got.Bool:
		return nil, errors.Join(ErrClearing, l.Release(ctx))
	}
	return l, nil
}

// Held fails where the connection that has the lock has ended, and the lock with it.
func (l *ClearingLock) Held(ctx context.Context) error {
	if l.conn == nil {
		return nil
	}
	var one int
	if err := l.conn.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("the lock is lost: %w", err)
	}
	return nil
}

// Release gives the lock up, and ends its connection.
func (l *ClearingLock) Release(ctx context.Context) error {
	if l.conn == nil {
		return nil
	}
	// With the connection it would end a moment later. Where that is broken, it has.
	_, _ = l.conn.ExecContext(context.WithoutCancel(ctx), l.asked.release, l.asked.args...)
	// database/sql closes a connection of which it is told this, and keeps any other for the next query.
	if err := l.conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	return nil
}

// lockNumber is the number of a table's advisory lock; PostgreSQL knows them by database.
func lockNumber(table string) int64 {
	sum := sha256.Sum256([]byte("django-sidecar clearsessions " + table))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // a number like any other
}

// postgresLock is a lock that ends with its transaction. Behind a pooler such as pgbouncer, one of a session would stay
// with the pooler's connection. The transaction does nothing else: with READ COMMITTED it has no snapshot between its
// statements, and VACUUM is not held up. A query with parameters would leave a portal behind, and that has one.
func postgresLock(table string) tableLock {
	return tableLock{
		before: []string{
			"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
			"SET LOCAL idle_in_transaction_session_timeout = 0",
		},
		take:    fmt.Sprintf("SELECT pg_try_advisory_xact_lock(%d)", lockNumber(table)),
		release: "ROLLBACK",
	}
}

// mysqlLock is a lock of a session. Its name has room for 64 characters, and counts for the whole server.
func mysqlLock(table string) tableLock {
	// MySQL 9.6 and newer have no SHA1. A name has 64 characters at most.
	const name = "CONCAT('django_sidecar_', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40))"
	return tableLock{
		take:    "SELECT GET_LOCK(" + name + ", 0)",
		release: "DO RELEASE_LOCK(" + name + ")", args: []any{table},
	}
}

// postgresDelete never waits for a lock that Django has on a row, and so never holds others up while it waits.
func postgresDelete(table string, now any, keys []string) (string, []any) {
	return fmt.Sprintf("DELETE FROM %[1]s WHERE session_key = ANY (ARRAY(SELECT session_key FROM %[1]s "+
		"WHERE session_key = ANY ($2) AND expire_date < $1 FOR UPDATE SKIP LOCKED)) AND expire_date < $1",
		table), []any{now, arrayOf(keys)}
}

// mysqlDelete finds the rows by their primary key alone: what it locks has no gaps between rows, in which Django makes
// new ones, but for rows that have gone meanwhile.
func mysqlDelete(table string, now any, keys []string) (string, []any) {
	args := []any{now}
	for _, key := range keys {
		args = append(args, key)
	}
	return fmt.Sprintf("DELETE FROM %s WHERE expire_date < ? AND session_key IN (?%s)",
		table, strings.Repeat(", ?", len(keys)-1)), args
}

func sqliteDelete(table string, now any, keys []string) (string, []any) {
	list, err := json.Marshal(keys)
	if err != nil {
		panic(err) // a list of texts
	}
	return fmt.Sprintf("DELETE FROM %s WHERE session_key IN (SELECT value FROM json_each(?2)) "+
		"AND expire_date < ?1", table), []any{now, string(list)}
}

// arrayOf is the text of an array of any texts.
func arrayOf(keys []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + escape.Replace(key) + `"`)
	}
	return "{" + b.String() + "}"
}

func numberedAfter(expireDate any, key string) []any { return []any{expireDate, key} }
