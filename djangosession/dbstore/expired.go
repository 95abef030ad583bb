package dbstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ExpiredConfig says which rows are over. Dialect and Before are required.
type ExpiredConfig struct {
	Dialect *Dialect
	// Table is the session model's table, as in SessionsConfig.
	Table string
	Zone  Zone
	// Before is the now of the whole walk: what expires later stays.
	Before time.Time
}

// Expired walks over the rows of the session table that are over, and deletes them: what Django's clear_expired deletes
// in one statement, in steps of a few rows.
type Expired struct {
	db      *sql.DB
	dialect *Dialect
	table   string
	now     any // what expire_date is compared with
	first   string
	next    string

	walking bool // there is a last row
	last    struct {
		expireDate any
		key        string
	}
}

// NewExpired returns a walk that begins at the rows which have been over for the longest time. It does no I/O, and
// panics without a Dialect, and without a Zone where one is needed.
func NewExpired(db *sql.DB, c ExpiredConfig) *Expired {
	c.Table = cmp.Or(c.Table, "django_session")
	d := needed(c.Dialect, "ExpiredConfig")
	c.Zone = c.Zone.known(d, "ExpiredConfig")
	// contrib/sessions/backends/db.py, 1.11 to 6.1, clear_expired: filter(expire_date__lt=timezone.now()). The walk has
	// the order of expire_date, on which Django's table has an index, and of the primary key. It never looks again at
	// rows that it has passed: a database keeps what was deleted for a while, and would read it each time.
	query := func(where string) string {
		return fmt.Sprintf("SELECT session_key, %s FROM %s WHERE expire_date < %s%s "+
			"ORDER BY expire_date, session_key LIMIT ",
			d.expireDate, d.table(c.Table), d.placeholder, where)
	}
	return &Expired{
		db: db, dialect: d, table: c.Table, now: d.now(c.Before, c.Zone),
		first: query(""), next: query(d.after),
	}
}

// Next returns the keys of up to n rows more, fewer only at the end. It locks nothing.
func (e *Expired) Next(ctx context.Context, n int) (keys []string, err error) {
	find, args := e.first, []any{e.now}
	if e.walking {
		find, args = e.next, append(args, e.dialect.afterArgs(e.last.expireDate, e.last.key)...)
	}
	rows, err := e.db.QueryContext(ctx, fmt.Sprintf("%s%d", find, n), args...)
	if err != nil {
		return nil, fmt.Errorf("looking for expired sessions: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	last := e.last
	for rows.Next() {
		if err := rows.Scan(&last.key, &last.expireDate); err != nil {
			return nil, fmt.Errorf("looking for expired sessions: %w", err)
		}
		if text, ok := last.expireDate.([]byte); ok { // a driver sends these as other than text
			last.expireDate = string(text)
		}
		keys = append(keys, last.key)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("looking for expired sessions: %w", err)
	}
	if len(keys) > 0 {
		e.walking, e.last = true, last
	}
	return keys, nil
}

// Delete deletes the rows of these keys that are still over, in a transaction of its own, and returns how many they
// were. A row that has been renewed stays, and so does one that somebody else holds a lock on, where the database can
// pass over it.
func (e *Expired) Delete(ctx context.Context, keys []string) (int64, error) {
	text, args := e.dialect.deleteExpired(e.dialect.table(e.table), e.now, keys)
	result, err := e.db.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, fmt.Errorf("deleting expired sessions: %w", err)
	}
	return result.RowsAffected()
}
