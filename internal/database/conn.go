package database

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"django-sidecar/internal/dial"
)

// dialer makes connections that cannot wait for ever.
type dialer struct {
	// timeout bounds each operation on a connection, where its context does not do so earlier.
	timeout time.Duration
}

const (
	// grace is how much longer than its context an operation waits: the context comes first, so that lib/pq can
	// tell the server to stop, and the deadline only where that gets no answer.
	grace = 250 * time.Millisecond
	// cancelTimeout bounds telling the server to stop: lib/pq makes the caller of a prepared statement wait for it.
	cancelTimeout = 500 * time.Millisecond
)

// Dial implements pq.Dialer.
func (d dialer) Dial(network, addr string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, addr)
}

// DialTimeout implements pq.Dialer.
func (d dialer) DialTimeout(network, addr string, _ time.Duration) (net.Conn, error) {
	return d.Dial(network, addr)
}

// DialContext implements pq.DialerContext. The deadline of ctx holds until the connector calls allow.
func (d dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	connecting, ok := ctx.Value(connectingKey{}).(*connecting)
	if !ok { // lib/pq connects without the connector's context only to cancel a query
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cancelTimeout)
		defer cancel()
	}
	c, err := dial.New(0).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	dc := &deadlineConn{Conn: c, timeout: d.timeout}
	until, bounded := ctx.Deadline()
	if !bounded {
		until = dc.now().Add(d.timeout)
	}
	dc.until.Store(&until)
	if ok {
		connecting.abandon()
		connecting.conn = dc
	}
	return dc, nil
}

// connecting is where a dialer leaves the connection for the connector that asked for it.
type connecting struct{ conn *deadlineConn }

type connectingKey struct{}

// abandon closes the connection that did not do: with sslmode=prefer and allow, lib/pq leaves its first one open.
func (c *connecting) abandon() {
	if c.conn != nil {
		_ = c.conn.Close() // it is closed already where lib/pq has tried another host
	}
}

// deadlineConn is a network connection whose every read and write ends by a deadline.
type deadlineConn struct {
	net.Conn
	timeout time.Duration
	// until is when the current operation ends. lib/pq reads only when it waits for an answer, so that an idle
	// connection, whose last operation ended long ago, is not cut.
	until atomic.Pointer[time.Time]
	// broken is set by the first failure: an answer may be half read. slow is set by one that came of the time.
	broken, slow atomic.Bool
}

func (c *deadlineConn) now() time.Time {
	return time.Now() //nolint:forbidigo // the network's clock
}

// allow begins an operation: it may take as long as ctx says, and at most the timeout.
func (c *deadlineConn) allow(ctx context.Context) {
	c.renew()
	if end, ok := ctx.Deadline(); ok {
		if end = end.Add(grace); end.Before(*c.until.Load()) {
			c.until.Store(&end)
		}
	}
}

// renew begins an operation that has no context.
func (c *deadlineConn) renew() {
	until := c.now().Add(c.timeout + grace)
	c.until.Store(&until)
}

// Read implements net.Conn.
func (c *deadlineConn) Read(b []byte) (int, error) {
	err := c.SetReadDeadline(*c.until.Load())
	n := 0
	if err == nil {
		n, err = c.Conn.Read(b)
	}
	return n, c.noted(err)
}

// Write implements net.Conn.
func (c *deadlineConn) Write(b []byte) (int, error) {
	err := c.SetWriteDeadline(*c.until.Load())
	n := 0
	if err == nil {
		n, err = c.Conn.Write(b)
	}
	return n, c.noted(err)
}

// broke reports whether err comes of a connection that broke. One that was too slow is not broken: it has used up the
// time for another.
func (c *deadlineConn) broke(err error) bool {
	return err != nil && c != nil && c.broken.Load() && !isTimeout(err)
}

func (c *deadlineConn) noted(err error) error {
	if err != nil {
		c.broken.Store(true)
		if isTimeout(err) {
			c.slow.Store(true)
		}
	}
	return err
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// SyscallConn lets the driver of MySQL look whether the server has closed an idle connection.
func (c *deadlineConn) SyscallConn() (syscall.RawConn, error) {
	conn, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return conn.SyscallConn()
}
