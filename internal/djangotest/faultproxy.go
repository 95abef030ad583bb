package djangotest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Mode is what a FaultProxy does to its connections. The zero Mode passes everything on.
type Mode struct {
	kind  modeKind
	delay time.Duration
	bytes int
}

type modeKind int

const (
	pass modeKind = iota
	refuse
	reset
	blackHole
	slow
	cutAfter
)

// Pass hands everything on unchanged.
func Pass() Mode { return Mode{} }

// Refuse is a server that is down: its port is closed, and so are the connections that stood.
func Refuse() Mode { return Mode{kind: refuse} }

// Reset answers every connection, standing or new, with a TCP reset.
func Reset() Mode { return Mode{kind: reset} }

// BlackHole takes connections and swallows what they send, without any answer, not even to their end. A connection that
// has lost bytes in it stays silent in later modes too, as one does whose state a firewall has forgotten.
func BlackHole() Mode { return Mode{kind: blackHole} }

// Slow holds up each chunk, in both directions, for so long.
func Slow(delay time.Duration) Mode { return Mode{kind: slow, delay: delay} }

// CutAfter closes a connection when so many bytes of answers have passed since SetMode, in the middle of a message if
// need be.
func CutAfter(bytes int) Mode { return Mode{kind: cutAfter, bytes: bytes} }

// FaultProxy is a TCP proxy on a loopback port whose faults are switched while connections stand.
type FaultProxy struct {
	tb           testing.TB
	addr, target string
	running      sync.WaitGroup

	mu       sync.Mutex // guards all below, and the fields of the links
	mode     Mode
	changed  chan struct{} // closed by the next change of mode
	listener net.Listener  // nil while it refuses
	links    map[*proxiedConn]struct{}
	closed   bool
}

// proxiedConn is one connection through the proxy.
type proxiedConn struct {
	client, server net.Conn // server is nil until it is dialled
	lost           bool     // bytes are missing: nothing may follow them
	answered       int      // bytes of answers since SetMode, for CutAfter
}

var errCut = errors.New("the proxy ended the connection")

// NewFaultProxy starts a proxy in front of target, a host:port, in mode Pass. The cleanup closes it.
func NewFaultProxy(tb testing.TB, target string) *FaultProxy {
	tb.Helper()
	return NewFaultProxyAt(tb, loopback(mustFreePort(tb)), target)
}

// NewFaultProxyAt is NewFaultProxy with an address of its own, such as another one of the loopback network.
func NewFaultProxyAt(tb testing.TB, addr, target string) *FaultProxy {
	tb.Helper()
	p := &FaultProxy{
		tb: tb, addr: addr, target: target,
		mode: Refuse(), changed: make(chan struct{}), links: map[*proxiedConn]struct{}{},
	}
	p.SetMode(Pass())
	tb.Cleanup(p.Close)
	return p
}

// Addr returns the host:port to connect to.
func (p *FaultProxy) Addr() string { return p.addr }

// SetMode switches the fault for new connections and standing ones at once. After Close it does nothing.
func (p *FaultProxy) SetMode(mode Mode) {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.setMode(mode)
	}
}

// setMode is SetMode for a caller that holds p.mu.
func (p *FaultProxy) setMode(mode Mode) {
	p.tb.Helper()
	p.mode = mode
	close(p.changed)
	p.changed = make(chan struct{})
	for l := range p.links {
		l.answered = 0
		if mode.kind == refuse || mode.kind == reset {
			p.end(l, mode.kind == reset)
		}
	}
	switch {
	case mode.kind == refuse && p.listener != nil:
		_ = p.listener.Close()
		p.listener = nil
	case mode.kind != refuse && p.listener == nil:
		listener, err := listen(context.Background(), p.addr)
		if err != nil {
			p.tb.Errorf("the fault proxy cannot listen again: %v", err)
			return
		}
		p.listener = listener
		p.running.Go(func() { p.serve(listener) })
	}
}

// Close ends all connections and waits for the proxy's goroutines. It may be called twice.
func (p *FaultProxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.setMode(Refuse())
		p.closed = true
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *FaultProxy) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // closed by SetMode
		}
		p.running.Go(func() { p.connect(client) })
	}
}

// connect joins a new client with the target, and carries bytes until one side ends.
func (p *FaultProxy) connect(client net.Conn) {
	l := &proxiedConn{client: client}
	p.mu.Lock()
	p.links[l] = struct{}{}
	refused := p.mode.kind == refuse || p.mode.kind == reset // refuse: accepted just before the listener closed
	if refused {
		p.end(l, true)
	}
	l.lost = p.mode.kind == blackHole
	p.mu.Unlock()
	if refused {
		return
	}

	// A client of the black hole gets no server: it could not be told of the server's end.
	var server net.Conn
	if !l.lost {
		var err error
		server, err = (&net.Dialer{Timeout: 2 * time.Second}).DialContext(context.Background(), "tcp", p.target)
		if !p.attach(l, server, err) {
			return
		}
		p.running.Go(func() { p.carry(l, client, server, true) })
	}
	p.carry(l, server, client, false)
}

// attach gives the link its server, and reports whether it is to be used: the link may have been ended meanwhile.
func (p *FaultProxy) attach(l *proxiedConn, server net.Conn, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.end(l, true)
		return false
	}
	l.server = server
	if _, alive := p.links[l]; !alive {
		p.end(l, true)
		return false
	}
	return true
}

// end closes both sides of a link, with a reset rather than in order if so wanted. The caller holds p.mu.
func (p *FaultProxy) end(l *proxiedConn, withReset bool) {
	delete(p.links, l)
	for _, conn := range []net.Conn{l.client, l.server} {
		if conn == nil {
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok && withReset {
			_ = tcp.SetLinger(0) // Close then sends RST
		}
		_ = conn.Close() // a second Close does no harm
	}
}

// carry moves bytes from one side of a link to the other; answers flow from the server to the client.
func (p *FaultProxy) carry(l *proxiedConn, to, from net.Conn, answers bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			err = errors.Join(p.forward(l, to, buffer[:n], answers), err)
		}
		if err == nil {
			continue
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if answers && (l.lost || p.mode.kind == blackHole) {
			l.lost = true // the server has gone, and the client must not learn of it
			return
		}
		p.end(l, false)
		return
	}
}

// forward does to one chunk what the mode says.
func (p *FaultProxy) forward(l *proxiedConn, to net.Conn, chunk []byte, answers bool) error {
	delayed := false
	for {
		p.mu.Lock()
		mode, changed := p.mode, p.changed
		if mode.kind == blackHole {
			l.lost = true
		}
		lost, cut := l.lost, false
		if mode.kind == cutAfter && answers {
			left := mode.bytes - l.answered
			cut = len(chunk) >= left
			chunk = chunk[:min(len(chunk), left)]
			l.answered += len(chunk)
		}
		p.mu.Unlock()

		if lost {
			return nil
		}
		if mode.kind == slow && !delayed {
			select {
			case <-time.After(mode.delay):
				delayed = true
			case <-changed:
			}
			continue // the mode may be another by now
		}
		_, err := to.Write(chunk)
		if cut {
			err = errCut
		}
		return err
	}
}
