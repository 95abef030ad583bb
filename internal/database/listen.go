package database

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lib/pq"

	"django-sidecar/internal/databaseurl"
)

// Subscriber opens connections that PostgreSQL's notifications arrive on.
//
// lib/pq has listeners of its own, and they are not used: they take a text with the password in it instead of a
// pq.Config, read libpq's environment by themselves, and wait for answers without a deadline. What is used is an
// ordinary connection, with TLS, timeouts and all as in Open, and one thing besides: it can be told when there is
// something to read.
type Subscriber struct {
	config  pq.Config
	timeout time.Duration
}

// errNotifications is the error of NewSubscriber for other databases.
var errNotifications = errors.New("only PostgreSQL has notifications")

// NewSubscriber makes ready what listens to the database that a DATABASE_URL names. It connects to nothing, and uses
// Timeout and LookupEnv of the options alone.
func NewSubscriber(rawURL string, o Options) (*Subscriber, error) {
	if o.Timeout <= 0 {
		return nil, errors.New("internal error: a listener needs a timeout")
	}
	a, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if a.vendor != databaseurl.Postgres {
		return nil, errNotifications
	}
	config, err := postgresConfig(a, connectTimeout(o.Timeout), o.LookupEnv)
	if err != nil {
		return nil, err
	}
	if len(config.Multi) > 0 && config.TargetSessionAttrs != "read-write" && config.TargetSessionAttrs != "primary" {
		// A standby shows a change later than the primary tells of it, so that the old row would be read once more.
		return nil, errors.New("with several hosts, notifications need target_session_attrs=read-write")
	}
	return &Subscriber{config: config, timeout: o.Timeout}, nil
}

// Notifications is a connection that listens. One goroutine uses it, and closes it after an error.
type Notifications struct {
	session *pqSession
	frames  *frames
}

// Connect opens a connection. Whenever the connection is read, notify is called with what has arrived.
func (l *Subscriber) Connect(ctx context.Context, notify func(channel, payload string)) (*Notifications, error) {
	base, err := pq.NewConnectorConfig(l.config)
	if err != nil {
		return nil, err
	}
	d := &frameDialer{dialer: dialer{l.timeout}}
	base.Dialer(d)
	c := &connector{pq: base, timeout: l.timeout, mode: PrepareOff, prepares: new(atomic.Int32)}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout(l.timeout))
	defer cancel()
	opened, err := c.connect(ctx, new(connecting))
	if err != nil {
		return nil, err
	}
	s, ok := opened.(*pqSession)
	if !ok || d.last == nil {
		return nil, errors.Join(errors.New("internal error: not a connection of ours"), opened.Close())
	}
	pq.SetNotificationHandler(s.driverConn, func(n *pq.Notification) { notify(n.Channel, n.Extra) })
	d.last.on = true
	return &Notifications{session: s, frames: d.last}, nil
}

// Ask sends a query, and returns the text in the first column of its first row, "" if there is none. Of what arrived
// before the answer, notify has been told when Ask returns. It ends with ctx, and the connection does too.
func (n *Notifications) Ask(ctx context.Context, query string) (string, error) {
	defer n.within(ctx)()
	n.session.net.allow(ctx)
	// Not with ctx: on its end lib/pq would ask the server, over another connection, to cancel the query.
	rows, err := n.session.driverConn.QueryContext(context.WithoutCancel(ctx), query, nil)
	if err != nil {
		return "", n.why(ctx, err)
	}
	answer := ""
	if columns := rows.Columns(); len(columns) > 0 {
		values := make([]driver.Value, len(columns))
		if err = rows.Next(values); err == nil {
			answer = asText(values[0])
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return answer, n.why(ctx, errors.Join(err, rows.Close()))
}

func asText(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// Wait returns true when there is something to read, which Ask reads, and false at the time until.
func (n *Notifications) Wait(ctx context.Context, until time.Time) (bool, error) {
	defer n.within(ctx)()
	err := n.frames.wait(until)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return err == nil, n.why(ctx, err)
}

// Close closes the connection.
func (n *Notifications) Close() error { return n.session.Close() }

// within cuts the connection when ctx ends, until the function that it returns has been called.
func (n *Notifications) within(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, func() {
		n.session.net.broken.Store(true)
		_ = n.frames.Close() // only to wake who reads
	})
	return func() { stop() }
}

// why is the context's error where the context has cut the connection.
func (n *Notifications) why(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Listen asks for what is sent to a channel from now on. LISTEN takes no parameters.
func (n *Notifications) Listen(ctx context.Context, channel string) error {
	_, err := n.Ask(ctx, "LISTEN "+quoteIdentifier(channel))
	return err
}

func quoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// frameDialer makes the connections of a Subscriber.
type frameDialer struct {
	dialer

	last *frames
}

// DialContext implements pq.DialerContext.
func (d *frameDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := d.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	bounded, ok := c.(*deadlineConn)
	if !ok {
		return nil, errors.Join(errors.New("internal error: a connection without deadlines"), c.Close())
	}
	f := &frames{deadlineConn: bounded}
	if ctx.Value(connectingKey{}) != nil { // not one that cancels a query
		d.last = f
	}
	return f, nil
}

// headerSize is that of a message of PostgreSQL's protocol and of a TLS record: both have a type and a length.
const headerSize = 5

// frames is a connection that gives its reader no more than one message at a time, or one TLS record. So nothing waits
// unseen in the buffers above: when an answer has been read to its end, whatever comes next is still to be read here.
// PostgreSQL flushes at the end of each answer, so that no record holds more than that.
type frames struct {
	*deadlineConn

	on     bool // false while connecting, when there are answers of one byte
	header [headerSize]byte
	have   int // bytes of the header that have arrived
	given  int // bytes of the header that have been handed on
	left   int // bytes of the message after its header
}

// Read implements net.Conn.
func (f *frames) Read(b []byte) (int, error) {
	if !f.on {
		return f.deadlineConn.Read(b)
	}
	if err := f.next(f.deadlineConn); err != nil {
		return 0, err
	}
	if f.given < headerSize {
		n := copy(b, f.header[f.given:])
		f.given += n
		return n, nil
	}
	n, err := f.deadlineConn.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

// wait returns nil when there is a message to read.
func (f *frames) wait(until time.Time) error {
	// That time passes is no fault here, so that deadlineConn must not know of it.
	if err := f.SetReadDeadline(until); err != nil {
		return err
	}
	return f.next(f.Conn)
}

// next reads a header, unless there is more of the last message to read.
func (f *frames) next(from io.Reader) error {
	if f.given == headerSize && f.left == 0 {
		f.have, f.given = 0, 0
	}
	for f.have < headerSize {
		n, err := from.Read(f.header[f.have:])
		if f.have += n; f.have < headerSize && err != nil {
			return err
		}
		if f.have == headerSize {
			return f.measure()
		}
	}
	return nil
}

// measure reads a header. The types of TLS records are 20 to 23, and those of PostgreSQL's messages ASCII letters.
func (f *frames) measure() error {
	if f.header[0] < ' ' {
		f.left = int(binary.BigEndian.Uint16(f.header[3:]))
		return nil
	}
	const own = 4 // the length counts itself
	length := binary.BigEndian.Uint32(f.header[1:])
	if length < own || length > 1<<30 {
		return errors.New("a message of an impossible length")
	}
	f.left = int(length) - own
	return nil
}
