package connections_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"django-sidecar/internal/connections"
	"django-sidecar/internal/djangotest"
)

// pipes is a listener whose connections are in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { close(p); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// peer is the other end of a connection.
type peer struct {
	net.Conn

	reader *bufio.Reader
}

// serving runs a test with a server within bounds, whose clock stands still unless the test waits.
func serving(t *testing.T, o connections.Options, h http.HandlerFunc, test func(t *testing.T, dial func() *peer, refused func() int64)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int64
		if o.Refused = func() { refused.Add(1) }; o.Now == nil {
			o.Now = time.Now
		}
		p := make(pipes)
		l := connections.New(p, o)
		server := &http.Server{Handler: h, ReadHeaderTimeout: time.Hour, Protocols: new(http.Protocols)}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		l.Watch(server)
		done := make(chan error, 1)
		go func() { done <- server.Serve(l) }()
		test(t, func() *peer {
			mine, its := net.Pipe()
			p <- its
			synctest.Wait()
			return &peer{mine, bufio.NewReader(mine)}
		}, refused.Load)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		<-time.After(time.Minute) // of the clock that jumps: net/http of Go 1.27 waits for peers a moment longer
	})
}

// ask sends a whole request.
func (p *peer) ask() error {
	if _, err := io.WriteString(p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(p.reader, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	synctest.Wait()
	return errors.Join(err, response.Body.Close())
}

func (p *peer) isOpen() bool {
	_ = p.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := p.reader.Peek(1)
	_ = p.SetReadDeadline(time.Time{})
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe)
}

func answer(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "yes") }

// TestWhoLeaves: first who has been about to ask for a second, then who is idle, then who is about to ask, and who is busy never.
func TestWhoLeaves(t *testing.T) {
	var going chan struct{}
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-going
		}
		answer(w, r)
	}
	serving(t, connections.Options{Connections: 4}, handler, func(t *testing.T, dial func() *peer, refused func() int64) {
		going = make(chan struct{}) // here, where the clock is the test's
		busy, idle, idler, waits := dial(), dial(), dial(), dial()
		for _, p := range []*peer{idle, idler} {
			<-time.After(time.Millisecond)
			if err := p.ask(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(waits, "GET / HTTP/1.1\r\nX: "); err != nil {
			t.Fatal(err)
		}
		<-time.After(100 * time.Millisecond)
		newer := dial()
		if idle.isOpen() || !idler.isOpen() || !waits.isOpen() || !newer.isOpen() {
			t.Error("not the one that was idle for the longest time has left")
		}
		<-time.After(2 * time.Second)
		if err := newer.ask(); err != nil {
			t.Fatal(err)
		}
		newest := dial()
		if waits.isOpen() || !idler.isOpen() || !newer.isOpen() {
			t.Error("not the one that has waited for seconds has left")
		}
		var slow []*peer
		for range 3 {
			p := dial()
			if _, err := io.WriteString(p, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			slow = append(slow, p)
		}
		if n := refused(); n != 5 || newest.isOpen() {
			t.Errorf("%d have left", n)
		}
		if dial().isOpen() || refused() != 6 {
			t.Error("one more was taken while all are busy")
		}
		close(going)
		for _, p := range append(slow, busy) {
			if response, err := http.ReadResponse(p.reader, nil); err != nil || response.StatusCode != 200 || response.Body.Close() != nil {
				t.Errorf("a busy one has no answer: %v", err)
			}
		}
	})
}

// TestWallClockIsSet: who has been idle longest, and who has been about to send a request for too long, is judged alike
// when the wall clock is set forwards or backwards.
func TestWallClockIsSet(t *testing.T) {
	for _, by := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
		var clock djangotest.WallClock
		ok := func(http.ResponseWriter, *http.Request) {}
		serving(t, connections.Options{Connections: 2, Now: clock.Now}, ok, func(t *testing.T, dial func() *peer, _ func() int64) {
			older := dial()
			if err := older.ask(); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			clock.Jump(by)
			newer := dial()
			if err := newer.ask(); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			if err := dial().ask(); err != nil {
				t.Errorf("the clock set by %v: a new connection: %v", by, err)
			}
			if newer.ask() != nil || older.ask() == nil {
				t.Errorf("the clock set by %v: the newer one has left", by)
			}
		})
		serving(t, connections.Options{Connections: 3, Now: clock.Now}, ok, func(t *testing.T, dial func() *peer, _ func() int64) {
			idle, alsoIdle := dial(), dial()
			if err := errors.Join(idle.ask(), alsoIdle.ask()); err != nil {
				t.Fatal(err)
			}
			dial() // and says nothing
			clock.Jump(by)
			<-time.After(2 * time.Second)
			if err := errors.Join(dial().ask(), idle.ask(), alsoIdle.ask()); err != nil {
				t.Errorf("the clock set by %v: an idle one has left for one that says nothing: %v", by, err)
			}
		})
	}
}

// TestAnsweredLeaveFirst: nobody waits for the rest of a request that is answered.
func TestAnsweredLeaveFirst(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 {
			answer(w, r)
			connections.Over(r)
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		answer(w, r)
	}
	serving(t, connections.Options{Connections: 3}, handler, func(t *testing.T, dial func() *peer, refused func() int64) {
		idle, first, second := dial(), dial(), dial()
		if err := idle.ask(); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*peer{first, second} {
			if _, err := io.WriteString(p, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx"); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Millisecond)
		}
		newer := dial()
		if first.isOpen() || !second.isOpen() || !idle.isOpen() || !newer.isOpen() || refused() != 1 {
			t.Error("not the one that was answered first has left")
		}
	})
}

// TestManyWaiting: where most are about to ask, the oldest of these leaves, and those that are idle stay.
func TestManyWaiting(t *testing.T) {
	serving(t, connections.Options{Connections: 10}, answer, func(t *testing.T, dial func() *peer, refused func() int64) {
		idle := dial()
		if err := idle.ask(); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			dial()
		}
		if err := idle.ask(); err != nil || refused() != 91 {
			t.Errorf("%v; %d have left", err, refused())
		}
	})
}

// TestAskingAgain: who has asked before, and is about to again, has a second in which strangers leave first, however many
// come.
func TestAskingAgain(t *testing.T) {
	for begun, stays := range map[time.Duration]bool{0: true, 900 * time.Millisecond: true, 1100 * time.Millisecond: false} {
		var going chan struct{}
		handler := func(w http.ResponseWriter, r *http.Request) {
			connections.Known(r) // as of HTTP/2, whose next request has begun
			connections.Answered(r)
			<-going
			answer(w, r)
		}
		serving(t, connections.Options{Connections: 10}, handler, func(t *testing.T, dial func() *peer, _ func() int64) {
			going = make(chan struct{}) // here, where the clock is the test's
			gateway := dial()
			if _, err := io.WriteString(gateway, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			<-time.After(begun)
			for range 100 {
				dial()
			}
			close(going)
			response, err := http.ReadResponse(gateway.reader, nil)
			if (err == nil) != stays {
				t.Errorf("%v after it has begun: %v", begun, err)
			}
			if err == nil {
				_ = response.Body.Close()
			}
		})
	}
}

// TestOneOfTwoAnswered: a connection of HTTP/2 stays while one of its requests is running, also where another one has been answered.
func TestOneOfTwoAnswered(t *testing.T) {
	var going chan struct{}
	handler := func(w http.ResponseWriter, r *http.Request) {
		connections.Known(r)
		defer connections.Answered(r)
		if r.URL.Path == "/slow" {
			<-going
		}
		answer(w, r)
	}
	serving(t, connections.Options{Connections: 1}, handler, func(t *testing.T, dial func() *peer, refused func() int64) {
		going = make(chan struct{}) // here, where the clock is the test's
		gateway := dial()
		transport := &http.Transport{
			Protocols:   new(http.Protocols),
			DialContext: func(context.Context, string, string) (net.Conn, error) { return gateway.Conn, nil },
		}
		transport.Protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: transport}
		ask := func(path string) error {
			response, err := client.Get("http://x" + path)
			if err != nil {
				return err
			}
			return response.Body.Close()
		}
		slow := make(chan error)
		go func() { slow <- ask("/slow") }()
		synctest.Wait()
		if err := ask("/"); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		if dial().isOpen() || refused() != 1 {
			t.Error("a new connection was taken while the only one is busy")
		}
		close(going)
		if err := <-slow; err != nil {
			t.Errorf("the request that was running: %v", err)
		}
		<-time.After(2 * time.Second)
		if !dial().isOpen() || refused() != 2 {
			t.Error("no new connection was taken when all requests were answered")
		}
	})
}

// TestHeaderBytes: unfinished headers are bounded together, and those that end count no more.
func TestHeaderBytes(t *testing.T) {
	serving(t, connections.Options{HeaderBytes: 100 << 10}, answer, func(t *testing.T, dial func() *peer, refused func() int64) {
		long := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 40<<10)
		for range 10 { // they end, and are bounded no more
			p := dial()
			if _, err := io.WriteString(p, long+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if response, err := http.ReadResponse(p.reader, nil); err != nil || response.Body.Close() != nil {
				t.Fatal(err)
			}
		}
		if n := refused(); n != 0 {
			t.Errorf("%d were refused", n)
		}
		var all []*peer
		for range 10 {
			p := dial()
			if _, err := io.WriteString(p, long); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Millisecond)
			all = append(all, p)
		}
		for i, p := range all {
			if p.isOpen() != (i >= 8) {
				t.Errorf("connection %d is open: %v", i, p.isOpen())
			}
		}
		if n := refused(); n != 8 {
			t.Errorf("%d were refused", n)
		}
		if err := dial().ask(); err != nil {
			t.Error(err)
		}
	})
}

// TestLeave: the door is closed, and whoever is in is answered until Shutdown.
func TestLeave(t *testing.T) {
	inner, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := connections.New(inner, connections.Options{Now: time.Now})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "yes") }), ReadHeaderTimeout: time.Minute}
	l.Watch(server)
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the server has closed it
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in := &peer{conn, bufio.NewReader(conn)}
	ask := func() {
		t.Helper()
		if _, err := io.WriteString(in, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in.reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(response.Body); err != nil || response.Body.Close() != nil || string(text) != "yes" {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	ask()
	if err := l.Leave(); err != nil {
		t.Fatal(err)
	}
	if late, err := new(net.Dialer).DialContext(t.Context(), "tcp", inner.Addr().String()); err == nil {
		t.Error("somebody came in after Leave:", late.Close())
	}
	ask()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve ended with %v", err)
	}
}
