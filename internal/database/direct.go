package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// Prepare says when queries are prepared.
type Prepare uint8

// The values of SIDECAR_DB_PREPARE.
const (
	// PrepareAuto prepares where the connection is seen to be direct.
	PrepareAuto Prepare = iota
	// PrepareOff never prepares.
	PrepareOff
	// PrepareOn always prepares; wrong behind a pooler in transaction mode.
	PrepareOn
)

// connector opens PostgreSQL connections and watches whether they are direct.
//
// Behind a pooler in transaction mode a statement prepared on one server is executed on another, where its name
// means nothing, or some other client's statement. So each new connection is asked for the port that the server
// sees: where that is our own, nothing stands between. A pooler has a port of its own, and so has a translated
// address, which costs speed only. Statements are prepared on connections alone that were seen to be direct.
type connector struct {
	pq       *pq.Connector
	timeout  time.Duration
	mode     Prepare
	prepares *atomic.Int32
	primary  *Primary // nil: this is no replica
}

// The states of connector.prepares.
const (
	unknown int32 = iota
	direct
	pooled // for good
)

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	// database/sql also connects in the background, without a deadline.
	ctx, cancel := context.WithTimeout(ctx, connectTimeout(c.timeout))
	defer cancel()
	dialed := new(connecting)
	s, err := c.connect(ctx, dialed)
	if dialed.conn.broke(err) {
		// What broke it while it was being opened may be over. database/sql opens connections in the background too,
		// and would give the error to whoever waits next.
		s, err = c.connect(ctx, new(connecting))
	}
	return s, err
}

func (c *connector) connect(ctx context.Context, dialed *connecting) (driver.Conn, error) {
	opened, err := c.pq.Connect(context.WithValue(ctx, connectingKey{}, dialed))
	if err != nil {
		dialed.abandon()
		return nil, err
	}
	conn, ok := opened.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connection lacks methods"), opened.Close())
	}
	s := &pqSession{session: session{conn, dialed.conn}, connector: c}
	if c.mode == PrepareAuto || c.primary != nil {
		if s.direct, err = c.look(ctx, conn, dialed.conn.LocalAddr()); err == nil && s.direct {
			err = planOnce(ctx, conn)
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	dialed.conn.renew()
	return s, nil
}

// connectTimeout is how long connecting may take, where an answer may take that long. It is less, because a
// connection that is being opened when an outage ends may be lost, and takes one of few places until then.
func connectTimeout(timeout time.Duration) time.Duration {
	return max(min(timeout, time.Second), timeout/2)
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.pq.Driver() }

// Prepares reports whether queries may be prepared.
func (c *connector) Prepares() bool {
	return c.mode == PrepareOn || c.mode == PrepareAuto && c.prepares.Load() == direct
}

// look finds out whether conn is direct. If it is not, none is taken for direct from now on.
func (c *connector) look(ctx context.Context, conn driver.QueryerContext, local net.Addr) (bool, error) {
	if c.prepares.Load() == pooled {
		return false, nil
	}
	port, err := serverSeesPort(ctx, conn)
	if err != nil {
		return false, err
	}
	if tcp, ok := local.(*net.TCPAddr); ok && port == int64(tcp.Port) {
		c.prepares.CompareAndSwap(unknown, direct)
		return true, nil
	}
	c.prepares.Store(pooled)
	return false, nil
}

// learn looks at the error of a prepared statement. A pooler's port can be our own by chance; the statements
// that it loses or mixes up then tell.
func (c *connector) learn(err error) {
	if pq.As(err, pqerror.InvalidSQLStatementName, pqerror.DuplicatePstatement) != nil {
		c.prepares.Store(pooled)
	}
}

// planOnce has the server plan each prepared statement once. It would plan a query for several keys each time anew,
// because it takes any list of keys for one of ten and has a plan for the true number look cheaper: that took more
// than finding them. A server before PostgreSQL 12 has no such setting and no row here. Nobody but us has the
// connection.
func planOnce(ctx context.Context, conn driver.QueryerContext) error {
	rows, err := conn.QueryContext(ctx, "SELECT set_config(name, 'force_generic_plan', false) FROM "+
		"pg_catalog.pg_settings WHERE name = 'plan_cache_mode'", nil)
	if err != nil {
		return fmt.Errorf("setting plan_cache_mode: %w", err)
	}
	for values := make([]driver.Value, 1); err == nil; {
		err = rows.Next(values)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// serverSeesPort asks the server for the client's port; -1 if there is none, as through a socket.
func serverSeesPort(ctx context.Context, conn driver.QueryerContext) (int64, error) {
	rows, err := conn.QueryContext(ctx, "SELECT coalesce(inet_client_port(), -1)", nil)
	if err != nil {
		return 0, fmt.Errorf("asking for the client's port: %w", err)
	}
	values := make([]driver.Value, 1)
	err = errors.Join(rows.Next(values), rows.Close())
	port, ok := values[0].(int64)
	if err == nil && !ok {
		err = errors.New("asking for the client's port: not a number")
	}
	return port, err
}
