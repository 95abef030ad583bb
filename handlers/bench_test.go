package handlers_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/handlers"
	"django-sidecar/internal/observe"
)

// unwritten is a ResponseWriter that costs nothing.
type unwritten struct{ header http.Header }

func (u *unwritten) Header() http.Header       { return u.header }
func (*unwritten) WriteHeader(int)             {}
func (*unwritten) Write(b []byte) (int, error) { return len(b), nil }

// endless is a connection on which the same request comes again and again, so many times, and whose answers nobody reads.
type endless struct {
	net.Conn

	request string
	left    int
	abort   chan struct{} // net/http has done with the request, and reads no longer behind the handler's back
	closed  chan struct{}
}

func (e *endless) Read(b []byte) (int, error) {
	switch {
	case len(b) == 1: // to see whether the client goes away
		<-e.abort
		return 0, os.ErrDeadlineExceeded
	case e.left == 0:
		return 0, io.EOF
	}
	e.left--
	return copy(b, e.request), nil
}

func (e *endless) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && t.Unix() < 1e9 {
		e.abort <- struct{}{}
	}
	return nil
}

func (*endless) SetWriteDeadline(time.Time) error { return nil }

func (*endless) Write(b []byte) (int, error) { return len(b), nil }

func (*endless) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8100} }

func (*endless) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 54321} }

func (e *endless) Close() error { close(e.closed); return nil }

// one is a listener of one connection.
type one struct {
	*endless

	accepted bool
}

func (l *one) Accept() (net.Conn, error) {
	if !l.accepted {
		l.accepted = true
		return l.endless, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (*one) Close() error { return nil }

func (l *one) Addr() net.Addr { return l.LocalAddr() }

// known is a handler whose verdicts are at hand, with its log and metrics.
func known(b *testing.B) http.Handler {
	b.Helper()
	metrics := observe.NewMetrics(prometheus.NewRegistry(), "", "")
	return newHandler(saying(ada(), nil), func(o *handlers.Options) {
		o.Answers.Observe = metrics.Verdict
		o.Answers.Verifier = kept{ada(), sessionKey, nil}
		lines := observe.NewAsyncWriter(io.Discard, 1<<20)
		b.Cleanup(lines.Close)
		o.Logger = slog.New(observe.NewLogHandler(lines, false, slog.LevelInfo))
	})
}

// BenchmarkServed is what a request costs net/http and us whose verdict is at hand, without a network, beside an Echo that knows nothing.
func BenchmarkServed(b *testing.B) {
	nothing := echo.New()
	nothing.GET("/authenticate", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", []byte(adaBody)) })
	for _, bb := range []struct {
		name    string
		handler http.Handler
	}{{"Echo alone", nothing}, {"authenticate", known(b)}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			e := &endless{
				request: "GET /authenticate HTTP/1.1\r\nHost: localhost:8100\r\nCookie: sessionid=" + sessionKey + "\r\n\r\n",
				left:    b.N, abort: make(chan struct{}, 1), closed: make(chan struct{}),
			}
			server := &http.Server{Handler: bb.handler, ReadHeaderTimeout: time.Minute}
			if err := server.Serve(&one{endless: e}); !errors.Is(err, net.ErrClosed) {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkHandlers is what an answer costs whose verdict is at hand, log and metrics included, beside an Echo that knows
// nothing. Both are without net/http's own work.
func BenchmarkHandlers(b *testing.B) {
	nothing := echo.New()
	nothing.GET("/authenticate", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", []byte(adaBody)) })
	ours := known(b)
	for _, bb := range []struct {
		name, path string
		handler    http.Handler
	}{
		{"Echo alone", "/authenticate", nothing},
		{"authenticate", "/authenticate", ours},
		{"nginx", "/auth/nginx", ours},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, bb.path, http.NoBody)
			if err != nil {
				b.Fatal(err)
			}
			r.RemoteAddr = "127.0.0.1:54321"
			r.Header = http.Header{"Cookie": {"sessionid=" + sessionKey}, "X-Original-Url": {"https://example.org/"}, "X-Original-Method": {"GET"}}
			w := &unwritten{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				bb.handler.ServeHTTP(w, r)
			}
		})
	}
}
