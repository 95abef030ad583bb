//go:build live && gateways

package e2e

import (
	"io"
	"strconv"
	"testing"

	"golang.org/x/net/http2"
)

// exchangeHTTP2 sends a request by HTTP/2 without TLS, its target as it is, and returns the status: 0 where the gateway hangs up.
func exchangeHTTP2(t *testing.T, addr string, s spelling, key string) int {
	t.Helper()
	conn := dialGateway(t, addr)
	defer func() { _ = conn.Close() }()
	// What cannot be written any more is answered already.
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := newFramer(conn, conn)
	_ = framer.WriteSettings()
	fields := []string{":method", s.method, ":scheme", "http", ":authority", "example.com", ":path", s.target}
	if key != "" {
		fields = append(fields, "cookie", "sessionid="+key)
	}
	writeFields(framer, 1, true, fields...)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return 0
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status, err := strconv.Atoi(frame.PseudoValue("status"))
			if err != nil {
				t.Fatal(err)
			}
			return status
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return 0
		}
	}
}
