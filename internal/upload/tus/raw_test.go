package tus_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func noOwner(*http.Request) (string, error) { return "", nil }

// rawPatch is a PATCH on a connection of its own, whose body is sent piece by piece.
type rawPatch struct {
	tb   testing.TB
	conn net.Conn
	read *bufio.Reader
}

// start sends the header of a PATCH at offset 0, and returns when the server has begun to read the body: it says 100 Continue then.
func (s *site) start(path string, length int, more ...string) *rawPatch {
	s.tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(s.tb.Context(), "tcp", strings.TrimPrefix(s.server.URL, "http://"))
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		s.tb.Fatal(err)
	}
	p := &rawPatch{s.tb, conn, bufio.NewReader(conn)}
	p.send(fmt.Appendf(nil, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nCookie: sessionid=alice\r\nExpect: 100-continue\r\n"+
		"Content-Type: %s\r\nUpload-Offset: 0\r\nContent-Length: %d\r\n%s\r\n", path, octets, length, strings.Join(more, "\r\n")))
	line, err := p.read.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		s.tb.Fatalf("got %q, %v", line, err)
	}
	if _, err := p.read.ReadString('\n'); err != nil {
		s.tb.Fatal(err)
	}
	return p
}

func (p *rawPatch) send(b []byte) {
	p.tb.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.tb.Fatal(err)
	}
}

// wantStatus reads the answer, and tells whether the connection ends with it.
func (p *rawPatch) wantStatus(status int) (closes bool) {
	p.tb.Helper()
	a, err := http.ReadResponse(p.read, nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != status {
		p.tb.Fatalf("got %d, want %d", a.StatusCode, status)
	}
	return a.Close
}
