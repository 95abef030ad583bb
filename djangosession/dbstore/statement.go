package dbstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// statement is one query of a store: prepared once where that is allowed, sent whole each time where not.
//
// Behind a pooler that hands servers around, a driver can get the answer of somebody else's query. So each row begins
// with the query's mark, a number that no other query has; another answer is an error. Where no row comes, sure asks
// once more, by a query that always has a row: nobody is told that a session is not there because of an empty answer to
// something else. That costs nothing where there is a row. (To ask in that way at once costs 7 per cent of a prepared
// query and 40 of another.)
type statement struct {
	source

	text   string
	mark   mark
	joined bool        // each row has a second column: 1, or 0 in the only row where nothing was found
	sure   *statement  // nil where no pooler can be
	fits   atomic.Bool // CheckDriver has found nothing wrong

	mu       sync.Mutex
	prepared *sql.Stmt
}

// source is where the queries of a store go.
type source struct {
	db       *sql.DB
	dialect  *Dialect
	prepares func() bool // nil: never
}

// form is how a query is written: with its mark, and joined or not.
type form struct {
	mark   string
	joined bool
}

// row begins a row. notNull is a column that is NULL in no row that was found; "" where there is none else.
func (f form) row(notNull string) string {
	switch {
	case !f.joined:
		return f.mark + ", "
	case notNull == "":
		return f.mark + ", 1, "
	}
	return f.mark + ", CASE WHEN " + notNull + " IS NULL THEN 0 ELSE 1 END, "
}

// from names a table and a condition on its rows. Joined, there is a row without any.
func (f form) from(table, condition string) string {
	if !f.joined {
		return " FROM " + table + " WHERE " + condition
	}
	return " FROM (SELECT 1 AS asked) AS asked LEFT JOIN " + table + " ON " + condition
}

// query makes a query in the form that costs least, and the one that makes sure.
func (s source) query(text func(form) string) *statement {
	q := s.marked(false, text)
	if s.dialect.pooled {
		q.sure = s.marked(true, text)
	}
	return q
}

func (s source) marked(joined bool, text func(form) string) *statement {
	sum := sha256.Sum256([]byte(text(form{joined: joined})))
	m := mark(binary.BigEndian.Uint64(sum[:]) >> 2) // a bigint of every database
	return &statement{
		source: s, mark: m, joined: joined,
		text: text(form{mark: strconv.FormatUint(uint64(m), 10), joined: joined}),
	}
}

// find makes a query of the columns that it selects, the table with its alias, the column of the table that is NULL in
// no row, and the condition on the rows.
func (s source) find(selected, table, notNull, condition string) *statement {
	return s.query(func(f form) string { return "SELECT " + f.row(notNull) + selected + f.from(table, condition) })
}

// list makes a query whose rows are those of another, of which none begins with NULL.
func (s source) list(query string, columns ...string) *statement {
	for i, name := range columns {
		columns[i] = "listed." + identifier(name, s.dialect.quoteMark)
	}
	return s.find(strings.Join(columns, ", "), "("+query+") AS listed", columns[0], "1 = 1")
}

// mark is the first column of a query's rows, and of no other's.
type mark uint64

// errForeign is the error of an answer that is not this query's.
var errForeign = errors.New("the answer belongs to another query: a pooler has mixed up prepared statements; " +
	"see CheckDriver of package dbstore")

// Scan implements sql.Scanner. Its error holds nothing of the value, which is somebody else's.
func (m mark) Scan(v any) error {
	var text string
	switch v := v.(type) {
	case int64:
		if v >= 0 && uint64(v) == uint64(m) {
			return nil
		}
		return errForeign
	case []byte:
		text = string(v)
	case string:
		text = v
	}
	if text != strconv.FormatUint(uint64(m), 10) {
		return errForeign
	}
	return nil
}

// answer is what a query is answered, row by row.
type answer struct {
	*sql.Rows

	joined bool
	own    []any         // where a row's first columns are scanned to, which are no caller's
	found  sql.NullInt64 // the second of them, where the query is joined
	seen   bool          // a row of it
}

func (s *statement) answer(rows *sql.Rows) *answer {
	a := &answer{Rows: rows, joined: s.joined, found: sql.NullInt64{Int64: 1}, own: make([]any, 0, 12)}
	if a.own = append(a.own, s.mark); s.joined {
		a.own = append(a.own, &a.found)
	}
	return a
}

// next scans the next row that was found into dest. more is false after the last one.
func (a *answer) next(dest ...any) (more bool, err error) {
	row := append(a.own, dest...) //nolint:gocritic // into the rest of its array, row by row
	for a.Next() {
		if err := a.Scan(row...); err != nil {
			return false, err
		}
		if a.seen = true; a.found.Int64 == 1 {
			return true, nil
		}
	}
	if err := a.Err(); err != nil || a.seen || !a.joined {
		return false, err
	}
	return false, errForeign
}

// one runs the query and scans its first row into dest. It fails with sql.ErrNoRows where nothing was found.
func (s *statement) one(ctx context.Context, args []any, dest ...any) error {
	return s.all(ctx, args, func(a *answer) error {
		found, err := a.next(dest...)
		if err == nil && !found {
			err = sql.ErrNoRows
		}
		return err
	})
}

// all runs the query and has its rows read, from the first one again where the query is asked again.
func (s *statement) all(ctx context.Context, args []any, read func(*answer) error) error {
	used, seen, err := s.try(ctx, args, read)
	switch {
	case err == nil:
	case staleStatement(err) || s.closed(used):
		// The table has changed under the prepared statement, or the connection does not keep statements. A
		// fresh one decides; queries only read, so that asking again is harmless.
		s.close(used)
		_, seen, err = s.try(ctx, args, read)
	case errors.Is(err, driver.ErrBadConn):
		// The connection ended in the middle of the answer. database/sql asks again only before the first row.
		_, seen, err = s.try(ctx, args, read)
	}
	if (err == nil || errors.Is(err, sql.ErrNoRows)) && !seen && s.sure != nil {
		return s.sure.all(ctx, args, read)
	}
	return err
}

// try returns the prepared statement that it used, nil for none, and whether there was a row.
func (s *statement) try(
	ctx context.Context, args []any, read func(*answer) error,
) (used *sql.Stmt, seen bool, err error) {
	query := func() (*sql.Rows, error) { return s.db.QueryContext(ctx, s.text, args...) }
	if s.prepares != nil && s.prepares() {
		if used, err = s.prepare(ctx); err != nil {
			return nil, false, err
		}
		query = func() (*sql.Rows, error) { return used.QueryContext(ctx, args...) }
	} else if s.dialect.pooled && !s.fits.Load() {
		if err := CheckDriver(ctx, s.db, s.dialect); err != nil {
			return nil, false, err
		}
		s.fits.Store(true)
	}
	rows, err := query()
	if err != nil {
		return used, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	a := s.answer(rows)
	err = read(a)
	return used, a.seen, err
}

func (s *statement) prepare(ctx context.Context) (*sql.Stmt, error) {
	s.mu.Lock()
	stmt := s.prepared
	s.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	// Not under the lock: a server that does not answer must hold up each caller for its own deadline only.
	stmt, err := s.db.PrepareContext(ctx, s.text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared != nil { // somebody was faster
		_ = stmt.Close() // it fails only where the connection is gone, and the statement with it
		return s.prepared, nil
	}
	s.prepared = stmt
	return stmt, nil
}

// closed reports whether another query has closed the statement that this one used.
func (s *statement) closed(used *sql.Stmt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return used != nil && used != s.prepared
}

// close forgets the prepared statement, if it is still the one that was used. Queries that hold it finish first:
// database/sql sees to that.
func (s *statement) close(used *sql.Stmt) {
	s.mu.Lock()
	stale := used != nil && used == s.prepared
	if stale {
		s.prepared = nil
	}
	s.mu.Unlock()
	if stale {
		_ = used.Close() // it fails only where the connection is gone, and the statement with it
	}
}

// drop forgets the prepared statement, whoever uses it.
func (s *statement) drop() {
	if s.sure != nil {
		s.sure.drop()
	}
	s.mu.Lock()
	prepared := s.prepared
	s.mu.Unlock()
	s.close(prepared)
}

// staleStatement reports SQLSTATE 0A000 "cached plan must not change result type" and 26000 "invalid SQL
// statement name".
func staleStatement(err error) bool {
	state := stateOf(err)
	return state == "0A000" || state == "26000"
}
