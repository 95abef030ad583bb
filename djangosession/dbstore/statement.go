package dbstore

import (
	"context"
	"database/sql"
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
	used, err := s.try(ctx, args, dest)
	if err != nil && (staleStatement(err) || s.closed(used)) {
		// The table has changed under the prepared statement, or the connection does not keep statements. A
		// fresh one decides; queries only read, so that asking again is harmless.
		s.close(used)
		_, err = s.try(ctx, args, dest)
	}
	return err
}

// try returns the prepared statement that it used, nil for none.
func (s *statement) try(ctx context.Context, args, dest []any) (*sql.Stmt, error) {
	if s.prepares == nil || !s.prepares() {
		return nil, s.db.QueryRowContext(ctx, s.text, args...).Scan(dest...)
	}
	stmt, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	return stmt, stmt.QueryRowContext(ctx, args...).Scan(dest...)
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
