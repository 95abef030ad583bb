package database

import (
	"context"
	"database/sql/driver"
)

// mysqlSession is a connection whose operations end with their contexts, or soon after, and are asked again where the
// connection broke.
type mysqlSession struct {
	session
}

// QueryContext implements driver.QueryerContext.
func (s *mysqlSession) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s.net.allow(ctx)
	rows, err := s.driverConn.QueryContext(ctx, query, args)
	return s.rows(rows, err)
}

// ExecContext implements driver.ExecerContext. What is executed does no harm when it is done twice.
func (s *mysqlSession) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s.net.allow(ctx)
	result, err := s.driverConn.ExecContext(ctx, query, args)
	if err != nil {
		return nil, s.again(err)
	}
	return result, nil
}

// PrepareContext implements driver.ConnPrepareContext.
func (s *mysqlSession) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	prepared, err := s.prepare(ctx, query)
	if err != nil {
		return nil, s.again(err)
	}
	return &mysqlStatement{prepared, s}, nil
}

// Ping implements driver.Pinger.
func (s *mysqlSession) Ping(ctx context.Context) error {
	s.net.allow(ctx)
	return s.again(s.driverConn.Ping(ctx))
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
	return s.driverConn.ResetSession(ctx)
}

// again makes the error of a connection that broke one which database/sql answers by asking on another: queries
// only read, so that asking twice does no harm.
func (s *mysqlSession) again(err error) error {
	if s.net.brokeMySQL(err) {
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

// mysqlStatement is a prepared statement of a mysqlSession.
type mysqlStatement struct {
	statement
	session *mysqlSession
}

// QueryContext implements driver.StmtQueryContext.
func (s *mysqlStatement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.net.allow(ctx)
	rows, err := s.driverStatement.QueryContext(ctx, args)
	return s.session.rows(rows, err)
}
