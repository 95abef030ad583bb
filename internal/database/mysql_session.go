package database

import (
	"context"
	"database/sql/driver"
	"errors"
)

// mysqlConn is what the driver's connections implement, as far as a sidecar has use for it.
type mysqlConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// mysqlSession is a connection whose operations end with their contexts, or soon after, and are asked again where the
// connection broke.
type mysqlSession struct {
	mysqlConn
	net *mysqlNet
}

// QueryContext implements driver.QueryerContext.
func (s *mysqlSession) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s.net.allow(ctx)
	rows, err := s.mysqlConn.QueryContext(ctx, query, args)
	return s.rows(rows, err)
}

// ExecContext implements driver.ExecerContext. What is executed does no harm when it is done twice.
func (s *mysqlSession) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s.net.allow(ctx)
	result, err := s.mysqlConn.ExecContext(ctx, query, args)
	if err != nil {
		return nil, s.again(err)
	}
	return result, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (s *mysqlSession) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s.net.allow(ctx)
	prepared, err := s.mysqlConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, s.again(err)
	}
	withContext, ok := prepared.(pqStatement)
	if !ok {
		return nil, errors.Join(errors.New("the driver's statement takes no context"), prepared.Close())
	}
	return &mysqlStatement{withContext, s}, nil
}

// Ping implements driver.Pinger.
func (s *mysqlSession) Ping(ctx context.Context) error {
	s.net.allow(ctx)
	return s.again(s.mysqlConn.Ping(ctx))
}

// ResetSession implements driver.SessionResetter: database/sql calls it before a connection is used again.
func (s *mysqlSession) ResetSession(ctx context.Context) error {
	if s.net.broken.Load() {
		return driver.ErrBadConn
	}
	s.net.allow(ctx)
	// The deadline of the last operation has passed, and the driver's look at the connection would fail with it.
	if err := s.net.SetReadDeadline(*s.net.until.Load()); err != nil {
		return driver.ErrBadConn
	}
	return s.mysqlConn.ResetSession(ctx)
}

// IsValid implements driver.Validator.
func (s *mysqlSession) IsValid() bool { return !s.net.broken.Load() && s.mysqlConn.IsValid() }

// Close implements driver.Conn. A server that is gone already is not an error.
func (s *mysqlSession) Close() error {
	s.net.renew()
	if err := s.mysqlConn.Close(); !s.net.broken.Load() {
		return err
	}
	return nil
}

// again makes the error of a connection that broke one which database/sql answers by asking on another: queries
// only read, so that asking twice does no harm.
func (s *mysqlSession) again(err error) error {
	if s.net.broke(err) {
		s.net.broken.Store(true)
		return driver.ErrBadConn
	}
	return translateMySQL(err)
}

func (s *mysqlSession) rows(rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, s.again(err)
	}
	return mysqlRows{rows}, nil
}

// mysqlRows translates the errors that come after the columns.
type mysqlRows struct{ driver.Rows }

// Next implements driver.Rows.
func (r mysqlRows) Next(dest []driver.Value) error { return translateMySQL(r.Rows.Next(dest)) }

// mysqlStatement is a prepared statement of a session.
type mysqlStatement struct {
	pqStatement
	session *mysqlSession
}

// QueryContext implements driver.StmtQueryContext.
func (s *mysqlStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.session.net.allow(ctx)
	rows, err := s.pqStatement.QueryContext(ctx, args)
	return s.session.rows(rows, err)
}

// Close implements driver.Stmt.
func (s *mysqlStatement) Close() error {
	s.session.net.renew()
	return s.pqStatement.Close()
}
