package warm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// soon is a deadline that tests wait for, and later is one that they do not. By inTime something must have been done before, on a
// busy machine.
const (
	soon   = 20 * time.Millisecond
	inTime = 3 * time.Second
	later  = time.Minute
)

// counted counts how often a deadline is armed.
type counted struct {
	net.Conn

	mu          sync.Mutex
	read, write int
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.read++
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(t)
}

func (c *counted) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.write++
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

func (c *counted) armed() (read, write int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read, c.write
}

// pair is a lazy connection, what is beneath it, and its client.
func pair(t *testing.T) (lazy *lazyConn, beneath *counted, client net.Conn) {
	t.Helper()
	l := listen(t)
	client = dial(t, l)
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	beneath = &counted{Conn: server}
	return newLazyConn(beneath), beneath, client
}

// in sets a deadline, and returns it.
func in(t *testing.T, set func(time.Time) error, d time.Duration) time.Time {
	t.Helper()
	at := time.Now().Add(d)
	if err := set(at); err != nil {
		t.Fatal(err)
	}
	return at
}

// exceeds fails the test unless f ends by the deadline at.
func exceeds(t *testing.T, at time.Time, f func() error) {
	t.Helper()
	err := f()
	if now := time.Now(); now.Before(at) {
		t.Errorf("it ends %v before the deadline", at.Sub(now))
	}
	if timeout := net.Error(nil); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %v, want a deadline that is exceeded", err)
	}
}

func readByte(c net.Conn) func() error {
	return func() error {
		_, err := c.Read(make([]byte, 1))
		return err
	}
}

// echo sends a byte to the server, who must get it.
func echo(t *testing.T, client, server net.Conn) {
	t.Helper()
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := readByte(server)(); err != nil {
		t.Fatal(err)
	}
}

func TestReadDeadline(t *testing.T) {
	c, _, client := pair(t)
	t.Run("comes", func(t *testing.T) {
		exceeds(t, in(t, c.SetReadDeadline, soon), readByte(c))
		exceeds(t, time.Time{}, readByte(c)) // and is still there
	})
	t.Run("moved after it has come", func(t *testing.T) {
		in(t, c.SetReadDeadline, later)
		echo(t, client, c)
	})
	t.Run("later than the one that is armed", func(t *testing.T) {
		armed := in(t, c.SetReadDeadline, inTime)
		echo(t, client, c)
		exceeds(t, in(t, c.SetReadDeadline, time.Until(armed)+4*soon), readByte(c))
	})
	t.Run("earlier than the one that is armed", func(t *testing.T) {
		in(t, c.SetReadDeadline, later)
		echo(t, client, c)
		exceeds(t, in(t, c.SetReadDeadline, soon), readByte(c))
	})
	t.Run("taken away", func(t *testing.T) {
		in(t, c.SetReadDeadline, soon)
		exceeds(t, time.Time{}, readByte(c))
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(2*soon, func() { // a client that takes longer than the deadline that was
			_, _ = client.Write([]byte("x"))
		})
		if err := readByte(c)(); err != nil {
			t.Error(err)
		}
	})
	t.Run("long past", func(t *testing.T) {
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		exceeds(t, time.Time{}, readByte(c)) // though there is something to read
		exceeds(t, time.Time{}, func() error {
			_, err := c.Write([]byte("x"))
			return err
		})
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := readByte(c)(); err != nil {
			t.Error(err)
		}
	})
}

// TestRunning changes the deadline of a Read that waits.
func TestRunning(t *testing.T) {
	for name, deadlines := range map[string][]time.Duration{
		"the past":       {-60 * 365 * 24 * time.Hour},
		"now":            {0},
		"soon":           {soon},
		"later and soon": {2 * later, soon},
		"moved":          {time.Second, time.Second + 4*soon},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := pair(t)
			in(t, c.SetReadDeadline, later)
			failed := make(chan error)
			go func() { failed <- readByte(c)() }()
			for waits := false; !waits; {
				c.read.mu.Lock()
				waits = c.read.running == 1
				c.read.mu.Unlock()
			}
			var last time.Time
			for _, d := range deadlines {
				last = in(t, c.SetReadDeadline, d)
			}
			exceeds(t, last, func() error { return <-failed })
		})
	}
}

// TestWriteDeadline has a deadline come, with some of the text written, that was armed for an earlier Write.
func TestWriteDeadline(t *testing.T) {
	c, _, client := pair(t)
	text := make([]byte, 32<<20) // more than there are buffers for
	for i := range text {
		text[i] = byte(i * i >> 8)
	}
	armed := in(t, c.SetWriteDeadline, inTime)
	if _, err := c.Write(text[:1]); err != nil {
		t.Fatal(err)
	}
	in(t, c.SetWriteDeadline, time.Until(armed)+slack-soon)
	var got bytes.Buffer
	read := make(chan error)
	time.AfterFunc(time.Until(armed)+4*soon, func() { // so that the Write waits beyond the deadline that is armed
		_, err := io.CopyN(&got, client, int64(len(text)))
		read <- err
	})
	if n, err := c.Write(text[1:]); n != len(text)-1 || err != nil {
		t.Errorf("wrote %d of %d bytes, %v", n, len(text)-1, err)
	}
	if err := <-read; err != nil || !bytes.Equal(got.Bytes(), text) {
		t.Errorf("read %d bytes, %v: want those that were written", got.Len(), err)
	}

	at := in(t, c.SetWriteDeadline, inTime)
	exceeds(t, at, func() error {
		for all := 0; ; all += len(text) { // whatever there are buffers for now
			n, err := c.Write(text)
			if all+n <= 0 || err != nil && n >= len(text) {
				t.Errorf("wrote %d and %d bytes, want some of them", all, n)
			}
			if err != nil {
				return err
			}
		}
	})
}

// TestArmed has a connection do what net/http does for each request.
func TestArmed(t *testing.T) {
	c, beneath, client := pair(t)
	for range 100 {
		in(t, c.SetReadDeadline, 2*time.Minute) // idle
		echo(t, client, c)
		in(t, c.SetReadDeadline, 5*time.Second) // the header, which has come already
		in(t, c.SetReadDeadline, 10*time.Second)
		in(t, c.SetWriteDeadline, 15*time.Second)
		if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil { // the Read behind the handler's back need not go on
			t.Fatal(err)
		}
		exceeds(t, time.Time{}, readByte(c))
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if read, write := beneath.armed(); read != 1 || write != 1 {
		t.Errorf("deadlines were armed %d and %d times for 100 requests, want once each", read, write)
	}
}

// serve has net/http serve with these timeouts. What goes wrong in a handler goes into failed.
func serve(t *testing.T, header, body, write, idle time.Duration) (l net.Listener, failed chan error) {
	t.Helper()
	l, failed = listen(t), make(chan error)
	server := &http.Server{
		ReadHeaderTimeout: header, ReadTimeout: body, WriteTimeout: write, IdleTimeout: idle,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/body":
				_, err := io.Copy(io.Discard, r.Body)
				failed <- err
			case "/write":
				_, err := w.Write(make([]byte, 64<<20))
				failed <- err
			case "/wait":
				failed <- nil
				<-r.Context().Done()
				failed <- context.Cause(r.Context())
			}
		}),
	}
	go func() { _ = server.Serve(LazyDeadlines(l)) }()
	t.Cleanup(func() { _ = server.Close() })
	return l, failed
}

// TestSlowClients has net/http keep its deadlines, with clients that are too slow in every way.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name, request, answer string
		fails                 bool // in the handler
	}{
		{name: "nothing comes"},
		{name: "half a header", request: "GET / HTTP/1.1\r\nHost:"},
		{name: "half a header after an answer", request: "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP", answer: "HTTP/1.1 200 OK\r\n"},
		{name: "idle", request: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer: "HTTP/1.1 200 OK\r\n"},
		{name: "half a body", request: "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", answer: "HTTP/1.1 200 OK\r\n", fails: true},
		{name: "nobody reads", request: "GET /write HTTP/1.1\r\nHost: x\r\n\r\n", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, failed := serve(t, inTime, 2*inTime, 4*inTime, inTime)
			client := dial(t, l)
			if _, err := io.WriteString(client, c.request); err != nil {
				t.Fatal(err)
			}
			if c.fails {
				if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the handler got %v, want a deadline that is exceeded", err)
				}
			}
			in(t, client.SetReadDeadline, later)
			answer, err := io.ReadAll(client) // ends where the server hangs up
			if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(answer), c.answer) {
				t.Errorf("got %.40q and %v, want %q and an end", answer, err, c.answer)
			}
		})
	}
}

// TestHungUp has a handler learn that its client has gone, which net/http reads behind its back.
func TestHungUp(t *testing.T) {
	l, failed := serve(t, later, later, later, later)
	client := dial(t, l)
	if _, err := io.WriteString(client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil { // it waits
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler got %v", err)
	}
}

// TestRequests sends requests one after the other.
func TestRequests(t *testing.T) {
	l, _ := serve(t, later, later, later, later)
	client := dial(t, l)
	answers := bufio.NewReader(client)
	for range 200 {
		if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil || r.StatusCode != http.StatusOK {
			t.Fatal(r.Status, err)
		}
	}
}

// TestCloseWrite has a client read the end of what was written, and still be read from.
func TestCloseWrite(t *testing.T) {
	l := listen(t)
	client := dial(t, l)
	c, err := LazyDeadlines(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	half, ok := c.(interface{ CloseWrite() error }) // as net/http asks
	if !ok {
		t.Fatal("net/http cannot close it for writing alone")
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	in(t, client.SetReadDeadline, later)
	if err := readByte(client)(); !errors.Is(err, io.EOF) {
		t.Errorf("the client reads %v, want the end", err)
	}
	echo(t, client, c)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
