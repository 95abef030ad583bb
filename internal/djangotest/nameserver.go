package djangotest

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// NameServer is a DNS server. Everything in this process that looks a name up asks it, through Go's resolver.
type NameServer struct {
	tb      testing.TB
	conn    net.PacketConn
	running sync.WaitGroup

	mu     sync.Mutex
	names  map[string]netip.Addr
	silent bool
}

// asked is where names are looked up: nil for where the system says.
var asked atomic.Pointer[NameServer]

// LookUpByNameServer has this process look names up at a NameServer while there is one. TestMain calls it: what looks
// up may still run when a test is over, so that the resolver is not replaced later.
func LookUpByNameServer() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if s := asked.Load(); s != nil {
			network, address = "udp", s.conn.LocalAddr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// NewNameServer starts a server that knows no name yet. The cleanup ends it. LookUpByNameServer must have been called.
func NewNameServer(tb testing.TB) *NameServer {
	tb.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(tb.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &NameServer{tb: tb, conn: conn, names: map[string]netip.Addr{}}
	s.running.Go(s.serve)
	asked.Store(s)
	tb.Cleanup(func() {
		asked.Store(nil)
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
		s.running.Wait()
	})
	return s
}

// Set has a name lead to an IPv4 address; "" is none.
func (s *NameServer) Set(name, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
	if address != "" {
		s.names[name] = netip.MustParseAddr(address)
	}
}

// SetSilent has the server answer nothing, or answer again.
func (s *NameServer) SetSilent(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

func (s *NameServer) serve() {
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return // closed
		}
		if answer := s.answer(buffer[:n]); answer != nil {
			_, _ = s.conn.WriteTo(answer, from) // who has gone needs none
		}
	}
}

// answer is RFC 1035, 4.1, for one question of class IN; nil is none.
func (s *NameServer) answer(query []byte) []byte {
	const header, typeA = 12, 1
	if len(query) < header {
		return nil
	}
	var labels []string
	rest := query[header:]
	for len(rest) > 0 && rest[0] != 0 && int(rest[0]) < len(rest) {
		labels, rest = append(labels, string(rest[1:1+rest[0]])), rest[1+rest[0]:]
	}
	if len(rest) < 5 {
		return nil
	}
	question := query[header : len(query)-len(rest)+5]
	s.mu.Lock()
	defer s.mu.Unlock()
	address, known := s.names[strings.ToLower(strings.Join(labels, "."))]
	answers, code := byte(0), byte(3) // NXDOMAIN
	if known {
		code = 0
		if bytes.Equal(rest[1:3], []byte{0, typeA}) {
			answers = 1
		}
	}
	if s.silent {
		return nil
	}
	answer := append([]byte{query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0}, question...)
	if answers == 1 {
		ip := address.As4()
		// The question's name, A, IN, to be kept for no time, four bytes.
		answer = append(append(answer, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
	}
	return answer
}
