// Package connections bounds how many connections a listener has, and what they keep in memory before their requests
// are known. Where there would be more, it closes one that is of less use: the one whose request was answered first,
// and which has still not sent all of it; one that has been about to send a request for a second, or the one that has
// been for the longest time where these are more than half of all, who has asked before coming last; then the one that
// has been idle for the longest; and only where all are busy the new one.
//
//	l := connections.New(listener, connections.Options{Connections: 1024, HeaderBytes: 2 << 20, Now: time.Now})
//	l.Watch(server) // before it serves
//	err := server.Serve(l)
package connections

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the bounds of a listener; 0 is no bound.
type Options struct {
	// Connections is how many there are at a time.
	Connections int
	// HeaderBytes is what those that are about to send a request have sent together, beyond freeBytes each. It suits
	// HTTP/1 alone: the connections of HTTP/2 have bodies of some requests between the headers of others.
	HeaderBytes int64
	// Refused is told of each connection that is closed, or not taken, for one of these bounds; nil: nobody is.
	Refused func()
	// Now is the clock; required.
	Now func() time.Time
}

const (
	// freeBytes is what net/http's own buffer of a connection holds.
	freeBytes = 4 << 10
	// patience is how long a connection may be about to send a request before it goes for one that is idle.
	patience = time.Second
)

// Listener is a listener within its bounds.
type Listener struct {
	net.Listener

	options Options
	began   time.Time
	bytes   atomic.Int64  // of unfinished headers
	ended   chan struct{} // closed by Close
	once    sync.Once
	left    atomic.Bool
	drains  atomic.Bool

	mu  sync.Mutex
	all map[*conn]struct{}
}

// New returns l within bounds.
func New(l net.Listener, o Options) *Listener {
	return &Listener{Listener: l, options: o, began: o.Now(), ended: make(chan struct{}), all: map[*conn]struct{}{}}
}

// Drain ends each connection with its next answer, that of HTTP/2 with GOAWAY. An idle connection stays open: if it
// were closed, a request might be on its way already, and no gateway may send a POST twice.
// http.Server.SetKeepAlivesEnabled closes idle connections.
func (l *Listener) Drain() { l.drains.Store(true) }

// Leave takes no connection any more, and lets the server go on with those that there are. http.Server.Shutdown does
// not: whose request comes after it gets no answer.
func (l *Listener) Leave() error {
	l.left.Store(true)
	return l.Listener.Close()
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.ended) })
	if err := l.Listener.Close(); !l.left.Load() || !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Watch has a server tell what its connections do. A request of HTTP/1 is known when its header is; of HTTP/2, where
// many share a connection, its handler says so by Known and Answered.
func (l *Listener) Watch(s *http.Server) {
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(*conn); ok && r.ProtoMajor == 1 {
			c.begin()
		}
		if l.drains.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, beneath(c))
	}
	s.ConnState = func(c net.Conn, is http.ConnState) {
		mine, ok := beneath(c).(*conn)
		if !ok {
			return
		}
		// A server of HTTP/2 calls idle, too, who has not asked anything yet. What an idle one sends may be no request.
		if is == http.StateIdle && mine.known.Load() {
			mine.since.Store(l.now())
			mine.state.Store(idle)
		} else if is == http.StateActive && mine.state.CompareAndSwap(idle, waits) {
			mine.since.Store(l.now())
		}
	}
}

type connKey struct{}

// beneath is the connection that TLS is spoken on.
func beneath(c net.Conn) net.Conn {
	if encrypted, ok := c.(*tls.Conn); ok {
		return encrypted.NetConn()
	}
	return c
}

// Known says that a request of HTTP/2 is whole: its connection is busy until Answered says so of each.
func Known(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		c.running.Add(1)
		c.begin()
	}
}

// Answered says that a request of HTTP/2 has been answered: if no other is running, its connection waits for the next,
// which may not be whole.
func Answered(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		if c.state.CompareAndSwap(busy, waits) {
			c.since.Store(c.listener.now())
		}
		c.running.Add(-1) // last: until then, the connection is busy
	}
}

// Over says that a request of HTTP/1 has been answered before all of it has come: nobody waits for the rest.
func Over(r *http.Request) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		c.since.Store(c.listener.now())
		c.state.Store(over)
	}
}

// Accept implements net.Listener. What it cannot take it closes. After Leave it waits for Close.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			if l.left.Load() {
				<-l.ended
			}
			return nil, err
		}
		c := &conn{Conn: accepted, listener: l}
		c.since.Store(l.now())
		if l.admit(c) {
			return c, nil
		}
		l.refused()
		_ = accepted.Close() // nothing has been said
	}
}

// now is how long the listener has been there. It goes on evenly when the wall clock is set: by that, connections would
// be new or old by hours.
func (l *Listener) now() int64 { return int64(l.options.Now().Sub(l.began)) }

func (l *Listener) refused() {
	if l.options.Refused != nil {
		l.options.Refused()
	}
}

// admit takes a connection in, and makes room for it if there is none.
func (l *Listener) admit(c *conn) bool {
	var leaves *conn
	l.mu.Lock()
	if most := l.options.Connections; most > 0 && len(l.all) >= most {
		if leaves = l.least(); leaves == nil {
			l.mu.Unlock()
			return false
		}
		delete(l.all, leaves)
	}
	l.all[c] = struct{}{}
	l.mu.Unlock()
	if leaves != nil {
		l.refused()
		_ = leaves.Close() // its server goroutine sees it
	}
	return true
}

// least is the connection that is of least use, nil where all are busy. Listener.mu is held.
func (l *Listener) least() *conn {
	if answered, _ := l.oldest(over); answered != nil {
		return answered
	}
	waiting, n := l.oldest(waits)
	if waiting != nil && (n > len(l.all)/2 || l.now()-waiting.since.Load() > int64(patience)) {
		return waiting
	}
	if idling, _ := l.oldest(idle); idling != nil {
		return idling
	}
	return waiting
}

// oldest is the connection that has been in a state for the longest time, and how many are. Listener.mu is held.
func (l *Listener) oldest(state int32) (oldest *conn, n int) {
	now := l.now()
	for c := range l.all {
		if c.is() != state {
			continue
		}
		n++
		if oldest == nil || c.before(oldest, now) {
			oldest = c
		}
	}
	return oldest, n
}

// before says which of two connections in one state leaves first: the older one. But who has asked before, and begins
// to ask again, is given a moment. Where strangers connect faster than a request is read, the gateway's connection
// would be the oldest.
func (c *conn) before(other *conn, now int64) bool {
	if begins := c.begins(now); begins != other.begins(now) {
		return !begins
	}
	return c.since.Load() < other.since.Load()
}

func (c *conn) begins(now int64) bool {
	return c.known.Load() && now-c.since.Load() < int64(patience)
}

// relieve closes connections with much of a header, the oldest first, until the rest keeps within HeaderBytes.
func (l *Listener) relieve() {
	for l.bytes.Load() > l.options.HeaderBytes {
		l.mu.Lock()
		var oldest *conn
		for c := range l.all {
			if c.charged.Load() > 0 && (oldest == nil || c.since.Load() < oldest.since.Load()) {
				oldest = c
			}
		}
		l.mu.Unlock()
		if oldest == nil {
			return
		}
		l.refused()
		_ = oldest.Close() // its server goroutine sees it
	}
}

// The states of a connection.
const (
	waits int32 = iota // it is new, or the header of a request has begun
	busy               // the header is known
	idle               // between two requests
	over               // its request is answered, and has not come to its end
)

// conn is a connection of a Listener.
type conn struct {
	net.Conn

	listener *Listener
	state    atomic.Int32
	since    atomic.Int64 // when it came into this state, by Listener.now, unless it is busy
	read     atomic.Int64 // bytes of an unfinished header,
	charged  atomic.Int64 // and those of them that count for the listener
	running  atomic.Int32 // requests of HTTP/2 that are whole and not answered
	known    atomic.Bool  // it has sent a whole request
	closed   atomic.Bool
}

// begin: a request is whole.
func (c *conn) begin() {
	c.known.Store(true)
	c.state.Store(busy)
	c.settle()
}

// is the state. A connection of HTTP/2 may wait for one request while it is busy with others.
func (c *conn) is() int32 {
	if state := c.state.Load(); state != waits || c.running.Load() == 0 {
		return state
	}
	return busy
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if state := c.state.Load(); n <= 0 || state == busy || state == over {
		return n, err
	}
	if c.listener.options.HeaderBytes > 0 && c.read.Add(int64(n)) > freeBytes {
		c.charged.Add(int64(n))
		if c.listener.bytes.Add(int64(n)) > c.listener.options.HeaderBytes {
			c.listener.relieve()
		}
		if c.closed.Load() { // it was not meanwhile
			c.settle()
		}
	}
	return n, err
}

// settle takes from the listener what the header counted.
func (c *conn) settle() {
	c.read.Store(0)
	if c.charged.Load() > 0 {
		c.listener.bytes.Add(-c.charged.Swap(0))
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.all, c)
	c.listener.mu.Unlock()
	c.closed.Store(true)
	c.settle()
	return c.Conn.Close()
}

// CloseWrite lets net/http close a connection in a way that its client can still read the answer.
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return http.ErrNotSupported
	}
	return half.CloseWrite()
}
