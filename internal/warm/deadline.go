package warm

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// LazyDeadlines returns l with connections that arm a deadline only for the Read or Write that it is for. What they
// do is what the connections of l do.
//
// net/http sets six deadlines or more for each request, of which the usual one waits for none. A deadline of package
// net is a timer of the runtime, and moving it so often takes longer than finding a verdict that is kept.
func LazyDeadlines(l net.Listener) net.Listener { return lazyListener{l} }

type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newLazyConn(c), nil
}

type lazyConn struct {
	net.Conn

	read, write side
}

func newLazyConn(c net.Conn) *lazyConn {
	return &lazyConn{Conn: c, read: side{arm: c.SetReadDeadline}, write: side{arm: c.SetWriteDeadline}}
}

// Read implements net.Conn.
func (c *lazyConn) Read(p []byte) (int, error) {
	if err := c.read.begin(); err != nil {
		return 0, err
	}
	defer c.read.end()
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !c.read.tooEarly(err) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *lazyConn) Write(p []byte) (int, error) {
	if err := c.write.begin(); err != nil {
		return 0, err
	}
	defer c.write.end()
	for written := 0; ; {
		n, err := c.Conn.Write(p[written:])
		if written += n; !c.write.tooEarly(err) {
			return written, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error { return c.read.set(t) }

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error { return c.write.set(t) }

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error { return errors.Join(c.read.set(t), c.write.set(t)) }

// CloseWrite lets net/http close a connection in a way that its client can still read the answer.
func (c *lazyConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// slack is how much earlier than what is wanted an armed deadline may be, so as to be left where it is. When it
// comes, the rest is waited for.
const slack = 10 * time.Second

// longAgo is before what anybody sets who wants a call to wait: net/http sets a second of 1970, to end one.
var longAgo = time.Unix(1_000_000_000, 0)

// side is the reading or the writing of a connection.
type side struct {
	arm func(time.Time) error // of the connection beneath

	mu            sync.Mutex
	wanted, armed time.Time
	running       int // calls
}

// set keeps t for the calls to come, and arms it for those that run.
func (s *side) set(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = t
	if s.running == 0 || s.near() {
		return nil
	}
	return s.armWanted()
}

// begin is called before a call of the connection beneath. Where the deadline is long past, that need not be called.
func (s *side) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.wanted.IsZero() && s.wanted.Before(longAgo) {
		return os.ErrDeadlineExceeded
	}
	if !s.near() {
		if err := s.armWanted(); err != nil {
			return err
		}
	}
	s.running++
	return nil
}

func (s *side) end() {
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
}

// tooEarly reports whether a call has ended before the deadline that is wanted, which is armed now.
func (s *side) tooEarly(err error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.armed.Equal(s.wanted) && s.armWanted() == nil
}

// near reports whether what is armed is as good as what is wanted.
func (s *side) near() bool {
	if s.armed.IsZero() || s.wanted.IsZero() {
		return s.armed.IsZero() && s.wanted.IsZero()
	}
	early := s.wanted.Sub(s.armed)
	return 0 <= early && early < slack
}

func (s *side) armWanted() error {
	s.armed = s.wanted
	return s.arm(s.wanted)
}
