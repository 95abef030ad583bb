package database

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// dialer makes connections that cannot wait for ever.
type dialer struct {
	// timeout bounds connecting, and then each read and each write.
	timeout time.Duration
}

// grace is how much longer than its query a connection waits: the context comes first, so that lib/pq can tell
// the server to stop, and the deadline only where that gets no answer.
const grace = 250 * time.Millisecond

// Dial implements pq.Dialer.
func (d dialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialTimeout implements pq.Dialer.
func (d dialer) DialTimeout(network, addr string, _ time.Duration) (net.Conn, error) {
	return d.Dial(network, addr)
}

// DialContext implements pq.DialerContext. Cancelling a query dials too.
func (d dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	dc := &deadlineConn{Conn: c, timeout: d.timeout + grace}
	if until, ok := ctx.Deadline(); ok {
		dc.until.Store(&until)
	}
	if connecting, ok := ctx.Value(connectingKey{}).(*connecting); ok {
		connecting.conn = dc
	}
	return dc, nil
}

// connecting is where a dialer leaves the connection for the connector that asked for it.
type connecting struct{ conn *deadlineConn }

type connectingKey struct{}

// deadlineConn gives each read and write a deadline. lib/pq reads only when it waits for an answer, so an idle
// connection is not cut.
type deadlineConn struct {
	net.Conn
	timeout time.Duration
	// until is the end of connecting, for all of its reads and writes together; nil once connected.
	until atomic.Pointer[time.Time]
}

func (c *deadlineConn) deadline() time.Time {
	if until := c.until.Load(); until != nil {
		return *until
	}
	return time.Now().Add(c.timeout) //nolint:forbidigo // the network's clock
}

// Read implements net.Conn.
func (c *deadlineConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write implements net.Conn.
func (c *deadlineConn) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(c.deadline()); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
