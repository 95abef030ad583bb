package djangocache

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"django-sidecar/internal/dial"
)

// boundedConn is a connection to a server that says how long a value is before it sends it. The clients would make
// room for whatever is said. It fails where that is too much, before the client hears of it; the connection is of no
// use then, and its client closes it.
type boundedConn struct {
	net.Conn

	max    int
	length func(line []byte) int // how many bytes follow the line, before the next one
	skip   int                   // so many bytes of a value are still to come
	line   []byte                // what has come of a line, as far as it matters
	err    error
}

// maxLengthLine is how much of a line is looked at: Memcached's lines of lengths have a key of 250 bytes and three
// numbers.
const maxLengthLine = 512

// Read implements net.Conn.
func (c *boundedConn) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(b)
	if c.err = c.look(b[:n]); c.err != nil {
		return 0, c.err
	}
	return n, err
}

// look follows what has been read.
func (c *boundedConn) look(b []byte) error {
	for len(b) > 0 {
		if c.skip > 0 {
			n := min(c.skip, len(b))
			b, c.skip = b[n:], c.skip-n
			continue
		}
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end+1]
		}
		b = b[len(part):]
		c.line = append(c.line, part[:min(len(part), maxLengthLine-len(c.line))]...)
		if end < 0 {
			return nil
		}
		n := c.length(bytes.TrimRight(c.line, "\r\n"))
		c.line = c.line[:0]
		if n > c.max {
			return tooLargeStored(c.max)
		}
		if n >= 0 {
			c.skip = n + len("\r\n")
		}
	}
	return nil
}

// noLength says that another line follows, and no value.
const noLength = -1

// redisLength reads the lines of RESP that say how long a text is: $5, and in RESP3 also =5 and !5. $-1 is nothing.
func redisLength(line []byte) int {
	if len(line) < 2 || bytes.IndexByte([]byte("$=!"), line[0]) < 0 {
		return noLength
	}
	return number(line[1:])
}

// memcachedLength reads VALUE key flags bytes, and the number that a request with gets adds.
func memcachedLength(line []byte) int {
	words := bytes.Split(line, []byte(" "))
	if len(words) < 4 || string(words[0]) != "VALUE" {
		return noLength
	}
	return number(words[3])
}

// number reads a length. What is none, the client will refuse.
func number(text []byte) int {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 {
		return noLength
	}
	return n
}

// dialFunc is how a client connects.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dialing connects as redis.NewDialer does, over TLS if there is a configuration.
func dialing(timeout time.Duration, config *tls.Config) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := dial.New(timeout)
		if config == nil {
			return d.DialContext(ctx, network, addr)
		}
		return (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, network, addr)
	}
}

// bounded has a client connect to what sends it no value of more than max bytes.
func (d dialFunc) bounded(max int, length func([]byte) int) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &boundedConn{Conn: conn, max: max, length: length}
		if raw, ok := conn.(syscall.Conn); ok {
			// A client looks there whether the server has closed a connection that was idle.
			return struct {
				*boundedConn
				syscall.Conn
			}{c, raw}, nil
		}
		return c, nil
	}
}

// connLifetime is how long a connection is used: a server that has moved behind its name is found again within it, also
// where the one before still answers.
const connLifetime = 30 * time.Second

// agedConn is a connection of a client that would use it for ever. When its time is over, the next question finds it
// closed, and is put on another one.
type agedConn struct {
	net.Conn

	ends time.Time
	now  func() time.Time
}

// Write implements net.Conn. Each question is one.
func (c agedConn) Write(b []byte) (int, error) {
	if !c.now().Before(c.ends) {
		return 0, io.EOF
	}
	return c.Conn.Write(b)
}

// aged has a client connect again and again.
func (d dialFunc) aged(now func() time.Time) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return agedConn{conn, now().Add(connLifetime), now}, nil
	}
}
