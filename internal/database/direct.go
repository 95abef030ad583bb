package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
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
// address, which costs speed only.
type connector struct {
	pq       *pq.Connector
	timeout  time.Duration
	mode     Prepare
	prepares atomic.Int32
}

// The states of connector.prepares.
const (
	unknown int32 = iota
	direct
	pooled // for good
)

var errPooled = errors.New("the connection is no longer direct; prepared statements are off from now on")

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	// database/sql also connects in the background, without a deadline.
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	dialed := new(connecting)
	conn, err := c.pq.Connect(context.WithValue(ctx, connectingKey{}, dialed))
	if err != nil {
		return nil, err
	}
	if c.mode == PrepareAuto {
		if err := c.look(ctx, conn, dialed.conn.LocalAddr()); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	dialed.conn.until.Store(nil)
	return conn, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.pq.Driver() }

// Prepares reports whether queries may be prepared.
func (c *connector) Prepares() bool {
	return c.mode == PrepareOn || c.mode == PrepareAuto && c.prepares.Load() == direct
}

// look finds out whether conn is direct. It fails if an earlier one was and this one is not: the query that
// waits for it may be a prepared one.
func (c *connector) look(ctx context.Context, conn driver.Conn, local net.Addr) error {
	if c.prepares.Load() == pooled {
		return nil
	}
	port, err := serverSeesPort(ctx, conn)
	if err != nil {
		return err
	}
	if tcp, ok := local.(*net.TCPAddr); ok && port == int64(tcp.Port) {
		c.prepares.CompareAndSwap(unknown, direct)
		return nil
	}
	if c.prepares.Swap(pooled) == direct {
		return errPooled
	}
	return nil
}

// serverSeesPort asks the server for the client's port; -1 if there is none, as through a socket.
func serverSeesPort(ctx context.Context, conn driver.Conn) (int64, error) {
	queryer, ok := conn.(driver.QueryerContext)
	if !ok {
		return 0, errors.New("the driver's connection takes no queries")
	}
	rows, err := queryer.QueryContext(ctx, "SELECT coalesce(inet_client_port(), -1)", nil)
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
