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
	err := s.try(ctx, args, dest)
	if staleStatement(err) {
		// The table has changed under the prepared statement, or the connection does not keep statements. A
		// fresh one decides; it has not been executed, so that asking again is harmless.
		s.close()
		err = s.try(ctx, args, dest)
	}
	return err
}

func (s *statement) try(ctx context.Context, args, dest []any) error {
	if s.prepares == nil || !s.prepares() {
		return s.db.QueryRowContext(ctx, s.text, args...).Scan(dest...)
	}
	stmt, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(dest...)
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
	if s.prepared != nil {
		return s.prepared, stmt.Close()
	}
	s.prepared = stmt
	return stmt, nil
}

// close forgets the prepared statement. Queries that hold it finish first: database/sql sees to that.
func (s *statement) close() {
	s.mu.Lock()
	stmt := s.prepared
	s.prepared = nil
	s.mu.Unlock()
	if stmt != nil {
		_ = stmt.Close() // it fails only where the connection is gone, and the statement with it
	}
}

// staleStatement reports SQLSTATE 0A000 "cached plan must not change result type" and 26000 "invalid SQL
// statement name".
func staleStatement(err error) bool {
	var state sqlState
	return errors.As(err, &state) && (state.SQLState() == "0A000" || state.SQLState() == "26000")
}
