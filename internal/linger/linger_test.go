package linger_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/linger"
)

const text = "no\n"

// refusing answers every request at once, and reads no body.
var refusing = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("close") {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, text) // it fails where the client is gone
})

// newServer returns the address of a server that lingers.
func newServer(t *testing.T, o linger.Options) string {
	t.Helper()
	o.Now = time.Now
	server := httptest.NewServer(linger.Handler(refusing, o))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// client is a connection whose requests are written to the end before anything is read.
type client struct {
	net.Conn

	answers *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &client{conn, bufio.NewReader(conn)}
}

// answer reads an answer, which must be the whole of what refusing writes.
func (c *client) answer(t *testing.T) {
	t.Helper()
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusForbidden || string(body) != text || response.ContentLength != int64(len(text)) {
		t.Fatalf("got %d, length %d, %q", response.StatusCode, response.ContentLength, body)
	}
}

func TestAnswerArrivesAtWriters(t *testing.T) {
	addr := newServer(t, linger.Options{Limit: time.Minute})
	const size = 12 << 20 // more than both sides' buffers hold
	chunks := strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", size/0x8000)
	for _, framing := range []struct{ name, header, body string }{
		{"length", fmt.Sprintf("Content-Length: %d\r\n", size), strings.Repeat("x", size)},
		{"chunks", "Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n"},
		{"chunks and trailers", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n", chunks + "0\r\nX-Sum: 1\r\n\r\n"},
		{"an unanswered expectation", fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", size), strings.Repeat("x", size)},
	} {
		for _, connection := range []string{"", "Connection: close\r\n"} {
			for _, target := range []string{"/", "/?close"} {
				t.Run(framing.name+" "+connection+target, func(t *testing.T) {
					c := dial(t, addr)
					if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\n%s%s\r\n%s", target, connection, framing.header, framing.body); err != nil {
						t.Fatal("writing the request:", err)
					}
					c.answer(t)
					if connection == "" && target == "/" && !strings.HasPrefix(framing.header, "Expect") {
						// The connection is as good as before.
						if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
							t.Fatal("a second request:", err)
						}
						c.answer(t)
						return
					}
					if _, err := c.answers.ReadByte(); err != io.EOF {
						t.Errorf("the connection was not closed in order: %v", err)
					}
				})
			}
		}
	}
}

func TestAnswerComesBeforeTheBody(t *testing.T) {
	addr := newServer(t, linger.Options{Limit: time.Minute})
	for _, header := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked", "Content-Length: 10\r\nExpect: 100-continue"} {
		c := dial(t, addr)
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", header); err != nil {
			t.Fatal(err)
		}
		c.answer(t) // it is final: ReadResponse would return a 100
	}
}

func TestWhatIsLeftIsNoRequest(t *testing.T) {
	addr := newServer(t, linger.Options{Limit: 200 * time.Millisecond})
	c := dial(t, addr)
	// Within the limit only a part of the body comes, and then what would be a request.
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxxxx"); err != nil {
		t.Fatal(err)
	}
	c.answer(t)
	if rest, err := io.ReadAll(c.answers); err != nil || len(rest) > 0 {
		t.Fatalf("after the limit: %q, %v", rest, err)
	}
}

func TestEndlessSenderIsCut(t *testing.T) {
	for name, header := range map[string]string{"answered before": "X-Other", "answered after": linger.AfterBody} {
		t.Run(name, func(t *testing.T) { endlessSenderIsCut(t, header) })
	}
}

func endlessSenderIsCut(t *testing.T, header string) {
	t.Helper()
	var undelivered atomic.Int64
	addr := newServer(t, linger.Options{Limit: 300 * time.Millisecond, Undelivered: func() { undelivered.Add(1) }})
	c := dial(t, addr)
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\n"+header+": 1\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	chunk := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
	for {
		if _, err := io.WriteString(c, chunk); err != nil {
			if ne := net.Error(nil); asNetError(err, &ne) && ne.Timeout() {
				t.Fatal("the sender was not cut")
			}
			break
		}
	}
	if n := undelivered.Load(); n != 1 {
		t.Errorf("%d answers were counted as undelivered, want 1", n)
	}
}

func asNetError(err error, target *net.Error) bool {
	ne, ok := err.(net.Error) //nolint:errorlint // a connection's own
	*target = ne
	return ok
}

func TestStopEndsLingering(t *testing.T) {
	stopping := make(chan struct{})
	var undelivered atomic.Int64
	h := linger.Handler(refusing, linger.Options{Limit: time.Hour, Stopping: stopping, Undelivered: func() { undelivered.Add(1) }, Now: time.Now})
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l) //nolint:errcheck // it ends with ErrServerClosed
	c := dial(t, l.Addr().String())
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	c.answer(t)
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		for {
			if _, err := io.WriteString(c, "1\r\nx\r\n"); err != nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	close(stopping)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	<-sending
	if n := undelivered.Load(); n != 1 {
		t.Errorf("%d answers were counted as undelivered, want 1", n)
	}
}

func TestOffIsOff(t *testing.T) {
	if h := linger.Handler(refusing, linger.Options{}); fmt.Sprintf("%p", h) != fmt.Sprintf("%p", refusing) {
		t.Error("the zero Options put something before the handler")
	}
}

// TestTooMany: those beyond the bound get their answers, and what is left of their bodies is no request.
func TestTooMany(t *testing.T) {
	var undelivered atomic.Int64
	addr := newServer(t, linger.Options{Limit: time.Minute, Undelivered: func() { undelivered.Add(1) }})
	const request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxxxx"
	for range 256 {
		c := dial(t, addr)
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		c.answer(t)
	}
	c := dial(t, addr)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	c.answer(t)
	if rest, err := io.ReadAll(c.answers); err != nil || len(rest) > 0 {
		t.Fatalf("one too many: %q, %v", rest, err)
	}
	if n := undelivered.Load(); n != 1 {
		t.Errorf("%d answers were counted as undelivered, want 1", n)
	}
}

// TestAnswerToBrokenBody: a handler has given up a read, or met a malformed chunk, and nothing tells where the body ends.
func TestAnswerToBrokenBody(t *testing.T) {
	giveUp := make(chan struct{}, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.URL.Path == "/slow" {
			if err := control.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
				t.Error(err)
			}
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the body has come to an end")
		}
		giveUp <- struct{}{}
		refusing(w, r)
	})
	var undelivered atomic.Int64
	server := httptest.NewServer(linger.Handler(handler, linger.Options{Limit: time.Minute, Undelivered: func() { undelivered.Add(1) }, Now: time.Now}))
	t.Cleanup(server.Close)
	chunks := strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 400)
	for _, tt := range []struct{ name, path, framing, first, rest string }{
		{"a read given up in chunks", "/slow", "Transfer-Encoding: chunked", "1\r\nx\r\n", chunks + "0\r\n\r\n"},
		{"a read given up inside a chunk", "/slow", "Transfer-Encoding: chunked", "20\r\nx", chunks},
		{"a read given up of a length", "/slow", "Content-Length: 12000001", "x", strings.Repeat("x", 12_000_000)},
		{"a malformed chunk", "/", "Transfer-Encoding: chunked", "1\r\nx\r\nzz\r\n", chunks},
		{"a chunk that is longer than it says", "/", "Transfer-Encoding: chunked", "1\r\nxyz\r\n", chunks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, server.Listener.Addr().String())
			if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s", tt.path, tt.framing, tt.first); err != nil {
				t.Fatal(err)
			}
			<-giveUp
			if _, err := io.WriteString(c, tt.rest); err != nil {
				t.Fatal("writing the rest:", err)
			}
			c.answer(t)
		})
	}
	if n := undelivered.Load(); n != 0 {
		t.Errorf("%d answers were counted as undelivered", n)
	}
}
