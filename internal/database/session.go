package database

import (
	"context"
	"database/sql/driver"
	"errors"
)

// driverConn is what the connections of both drivers implement, as far as a sidecar has use for it.
type driverConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type driverStatement interface {
	driver.Stmt
	driver.StmtQueryContext
}

// session is what the connections of both drivers have in common.
type session struct {
	driverConn
	net *deadlineConn
}

func (s *session) prepare(ctx context.Context, query string) (statement, error) {
	s.net.allow(ctx)
	prepared, err := s.PrepareContext(ctx, query)
	if err != nil {
		return statement{}, err
	}
	withContext, ok := prepared.(driverStatement)
	if !ok {
		return statement{}, errors.Join(errors.New("the driver's statement takes no context"), prepared.Close())
	}
	return statement{withContext, s.net}, nil
}

// IsValid implements driver.Validator. lib/pq itself does not see that a connection with TLS has timed out.
func (s *session) IsValid() bool { return !s.net.broken.Load() && s.driverConn.IsValid() }

// Close implements driver.Conn. A server that is gone already is not an error.
func (s *session) Close() error {
	s.net.renew()
	if err := s.driverConn.Close(); !s.net.broken.Load() {
		return err
	}
	return nil
}

// statement is a prepared statement of a session.
type statement struct {
	driverStatement
	net *deadlineConn
}

// Close implements driver.Stmt.
func (s statement) Close() error {
	s.net.renew()
	return s.driverStatement.Close()
}

// pqSession is a connection of lib/pq whose operations end with their contexts, or soon after.
type pqSession struct {
	session
	// direct: it may keep prepared statements. False where nobody has looked.
	direct    bool
	connector *connector
	replica   replicaSession
}

// noStatementsError is the error of preparing where that would be wrong.
type noStatementsError struct{}

func (noStatementsError) Error() string {
	return "the connection is not direct; it takes no prepared statements"
}

// SQLState is feature_not_supported: whoever prepared the statement asks again without.
func (noStatementsError) SQLState() string { return "0A000" }

// QueryContext implements driver.QueryerContext.
func (s *pqSession) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s.net.allow(ctx)
	if err := s.fresh(ctx); err != nil {
		return nil, s.again(err)
	}
	rows, err := s.driverConn.QueryContext(ctx, query, args)
	return rows, s.again(err)
}

// ExecContext implements driver.ExecerContext. What is executed does no harm when it is done twice.
func (s *pqSession) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s.net.allow(ctx)
	result, err := s.driverConn.ExecContext(ctx, query, args)
	return result, s.again(err)
}

// PrepareContext implements driver.ConnPrepareContext.
func (s *pqSession) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s.connector.mode == PrepareAuto && !s.direct {
		return nil, noStatementsError{}
	}
	prepared, err := s.prepare(ctx, query)
	if err != nil {
		s.connector.learn(err)
		return nil, s.again(err)
	}
	return &pqSessionStatement{prepared, s}, nil
}

// Ping implements driver.Pinger.
func (s *pqSession) Ping(ctx context.Context) error {
	s.net.allow(ctx)
	return s.driverConn.Ping(ctx)
}

// ResetSession implements driver.SessionResetter: database/sql calls it before a connection is used again.
func (s *pqSession) ResetSession(ctx context.Context) error {
	if s.net.broken.Load() {
		return driver.ErrBadConn
	}
	s.net.allow(ctx)
	return s.driverConn.ResetSession(ctx)
}

// again makes the error of a connection that broke one which database/sql answers by asking on another: queries
// only read, so that asking twice does no harm.
func (s *pqSession) again(err error) error {
	if s.net.broke(err) {
		return driver.ErrBadConn
	}
	return err
}

// pqSessionStatement is a prepared statement of a pqSession.
type pqSessionStatement struct {
	statement
	session *pqSession
}

// QueryContext implements driver.StmtQueryContext.
func (s *pqSessionStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.net.allow(ctx)
	if err := s.session.fresh(ctx); err != nil {
		return nil, s.session.again(err)
	}
	rows, err := s.driverStatement.QueryContext(ctx, args)
	s.session.connector.learn(err)
	return rows, s.session.again(err)
}
