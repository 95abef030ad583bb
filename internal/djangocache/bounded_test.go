package djangocache

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// boundedPipe is a connection from which text is read in chunks.
type boundedPipe struct {
	net.Conn // nil: only Read is called

	io.Reader
}

// Read implements net.Conn.
func (p boundedPipe) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// What is read is what was sent, up to the line that announces too much, however it comes in pieces.
func TestBoundedConn(t *testing.T) {
	long := strings.Repeat("x", 100)
	for name, tt := range map[string]struct {
		length func([]byte) int
		text   string
		fails  bool
	}{
		"Redis, as much as is allowed": {redisLength, "+OK\r\n$100\r\n" + long + "\r\n$-1\r\n:7\r\n-ERR no\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n", false},
		"Redis, too much":              {redisLength, "+OK\r\n$101\r\n", true},
		"Redis, in an array":           {redisLength, "*2\r\n$100\r\n" + long + "\r\n$101\r\n", true},
		"Redis, a verbatim string":     {redisLength, "=101\r\n", true},
		"Redis, a text like a length":  {redisLength, "$100\r\n" + "$999\r\n" + long[6:] + "\r\n+$999\r\n", false},
		"Memcached, as much as is allowed": {
			memcachedLength, "VALUE a 1 100\r\n" + long + "\r\nEND\r\nEND\r\nVALUE b 0 1 77\r\nx\r\nEND\r\n", false,
		},
		"Memcached, too much":               {memcachedLength, "VALUE " + strings.Repeat("k", 250) + " 4294967295 101 18446744073709551615\r\n", true},
		"Memcached, a text like a length":   {memcachedLength, "VALUE a 1 100\r\nVALUE a 1 101\r\n" + long[15:] + "\r\nEND\r\n", false},
		"Memcached, a line that never ends": {memcachedLength, strings.Repeat("VALUE a 1 101 ", 1000), false},
	} {
		for pieces, reader := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
		} {
			c := &boundedConn{Conn: boundedPipe{Reader: reader(strings.NewReader(tt.text))}, max: 100, length: tt.length}
			got, err := io.ReadAll(c)
			if failed := errors.As(err, new(*signing.SyntaxError)); failed != tt.fails || !failed && err != nil {
				t.Errorf("%s, %s: got the error %v", name, pieces, err)
			}
			if !tt.fails && string(got) != tt.text || !strings.HasPrefix(tt.text, string(got)) {
				t.Errorf("%s, %s: %q became %q", name, pieces, tt.text, got)
			}
			if len(c.line) > maxLengthLine {
				t.Errorf("%s, %s: %d bytes of a line are kept", name, pieces, len(c.line))
			}
		}
	}
}

// announces is a server that answers everything by a value of so many bytes, and sends them. It says how many have left it when
// the connection ends.
func announces(t *testing.T, header string, size int64) (addr string, sent chan int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sent = make(chan int64, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			sent <- -1
			return
		}
		defer conn.Close() //nolint:errcheck // the client has closed it
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			sent <- -1
			return
		}
		fmt.Fprintf(conn, header, size)
		n, _ := io.Copy(conn, io.LimitReader(zeros{}, size))
		sent <- n
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), sent
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A value that is too large is unreadable. It is not waited for, and nothing is made ready for it.
func TestTooLargeValuesStayInTheirServers(t *testing.T) {
	const size = 150 << 20
	for scheme, header := range map[string]string{"redis": "$%d\r\n", "memcached": "VALUE :1:k 1 %d 77\r\n"} {
		for _, expiry := range []bool{false, true} {
			addr, sent := announces(t, header, size)
			c, err := Open(scheme+"://"+addr, Options{Timeout: 20 * time.Second, Conns: 1, Expiry: expiry})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err = c.Get(t.Context(), ":1:k")
			runtime.ReadMemStats(&after)
			if !djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNotFound) || !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("%s: got %v, want a SyntaxError", scheme, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
				t.Errorf("%s: %d bytes were made ready", scheme, n)
			}
			if n := <-sent; n < 0 || n >= size {
				t.Errorf("%s: %d bytes were sent", scheme, n)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// FuzzBoundedConn: whatever comes, what passes is what was sent, and where it fails, nothing is left out before.
func FuzzBoundedConn(f *testing.F) {
	f.Add([]byte("$5\r\nhello\r\n$6\r\n"), uint8(1))
	f.Add([]byte("VALUE a 1 5\r\nhello\r\nEND\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, chunk uint8) {
		for _, length := range []func([]byte) int{redisLength, memcachedLength} {
			whole, wholeErr := io.ReadAll(&boundedConn{Conn: boundedPipe{Reader: bytes.NewReader(text)}, max: 64, length: length})
			c := &boundedConn{Conn: boundedPipe{Reader: &chunks{text, int(chunk)%7 + 1}}, max: 64, length: length}
			got, err := io.ReadAll(c)
			if (err == nil) != (wholeErr == nil) {
				t.Errorf("in pieces %v, whole %v", err, wholeErr)
			}
			if err == nil && (!bytes.Equal(got, text) || !bytes.Equal(whole, text)) || !bytes.HasPrefix(text, got) {
				t.Errorf("%q became %q and %q", text, got, whole)
			}
		}
	})
}

// chunks is a reader of a few bytes at a time.
type chunks struct {
	rest []byte
	size int
}

// Read implements io.Reader.
func (c *chunks) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.rest[:min(c.size, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}
