package dbstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// statement is one query of a store: prepared once where that is allowed, sent whole each time where not.
type statement struct {
	db       *sql.DB
	text     string
	prepares func() bool // nil: never

	mu       sync.Mutex
	prepared *sql.Stmt
}

// one runs the query and scans its only row into dest. It fails with sql.ErrNoRows when there is none.
func (s *statement) one(ctx context.Context, args []any, dest ...any) error {
	return s.all(ctx, args, func(rows *sql.Rows) error {
		if !rows.Next() {
			return cmp.Or(rows.Err(), sql.ErrNoRows)
		}
		return rows.Scan(dest...)
	})
}

// all runs the query and has its rows read, from the first one again where the query is asked again.
func (s *statement) all(ctx context.Context, args []any, read func(*sql.Rows) error) error {
	used, err := s.try(ctx, args, read)
	switch {
	case err == nil:
	case staleStatement(err) || s.closed(used):
		// The table has changed under the prepared statement, or the connection does not keep statements. A
		// fresh one decides; queries only read, so that asking again is harmless.
		s.close(used)
		_, err = s.try(ctx, args, read)
	case errors.Is(err, driver.ErrBadConn):
		// The connection ended in the middle of the answer. database/sql asks again only before the first row.
		_, err = s.try(ctx, args, read)
	}
	return err
}

// try returns the prepared statement that it used, nil for none.
func (s *statement) try(ctx context.Context, args []any, read func(*sql.Rows) error) (used *sql.Stmt, err error) {
	query := func() (*sql.Rows, error) { return s.db.QueryContext(ctx, s.text, args...) }
	if s.prepares != nil && s.prepares() {
		if used, err = s.prepare(ctx); err != nil {
			return nil, err
		}
		query = func() (*sql.Rows, error) { return used.QueryContext(ctx, args...) }
	}
	rows, err := query()
	if err != nil {
		return used, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return used, read(rows)
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
	s.mu.Lock()
	prepared := s.prepared
	s.mu.Unlock()
	s.close(prepared)
}

// staleStatement reports SQLSTATE 0A000 "cached plan must not change result type" and 26000 "invalid SQL
// statement name".
func staleStatement(err error) bool {
	var state sqlState
	return errors.As(err, &state) && (state.SQLState() == "0A000" || state.SQLState() == "26000")
}
