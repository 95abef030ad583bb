package database

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// serverOf takes connections, one after the other, and gives each to the next of the functions.
func serverOf(t *testing.T, serve ...func(net.Conn) error) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for _, f := range serve {
			conn, acceptErr := listener.Accept()
			if acceptErr != nil {
				err = errors.Join(err, acceptErr)
				break
			}
			err = errors.Join(err, conn.SetDeadline(time.Now().Add(time.Minute)), f(conn), conn.Close())
		}
		done <- errors.Join(err, listener.Close())
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	return listener.Addr().String()
}

func mustOpen(t *testing.T, rawURL string, o Options) *Database {
	t.Helper()
	d, err := Open(rawURL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// lib/pq forgets the connection on which the server had no TLS: it would stay open until the garbage collector comes.
func TestPreferClosesItsFirstConnection(t *testing.T) {
	addr := serverOf(t, func(c net.Conn) error {
		request := make([]byte, 8)
		if _, err := io.ReadFull(c, request); err != nil {
			return err
		}
		if _, err := c.Write([]byte("N")); err != nil {
			return err
		}
		if _, err := c.Read(request); !errors.Is(err, io.EOF) {
			return errors.New("the connection without TLS was not closed")
		}
		return nil
	})
	d := mustOpen(t, "postgres://u:p@"+addr+"/d?sslmode=prefer", Options{Timeout: 20 * time.Second, Conns: 1})
	if err := d.PingContext(t.Context()); err == nil {
		t.Error("connected to a server that takes one connection only")
	}
}

// A server that takes the connection and says nothing, at each of the steps.
func TestSilentServerWhileConnecting(t *testing.T) {
	silent := func(c net.Conn) error {
		_, err := io.Copy(io.Discard, c)
		return err
	}
	for _, sslmode := range []string{"disable", "prefer", "require"} {
		t.Run(sslmode, func(t *testing.T) {
			d := mustOpen(t, "postgres://u:p@"+serverOf(t, silent)+"/d?sslmode="+sslmode, Options{Timeout: time.Second, Conns: 1})
			start := time.Now()
			err := d.PingContext(context.Background()) // even without a deadline of the caller's
			if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a timeout", err)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("took %v, with a timeout of a second", took)
			}
		})
	}
}

// A server that drips: each byte in time, the answer never.
func TestDrippingServer(t *testing.T) {
	stop := make(chan struct{})
	addr := serverOf(t, func(c net.Conn) error {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		// A notice of 1 MB, which the client waits for to the end.
		next := []byte{'N', 0, 16, 0, 0}
		for {
			if _, err := c.Write(next); err != nil {
				return nil // the client has given up, as it should
			}
			next = []byte{'x'}
			select {
			case <-tick.C:
			case <-stop:
				return nil
			}
		}
	})
	defer close(stop)
	d := mustOpen(t, "postgres://u:p@"+addr+"/d?sslmode=disable", Options{Timeout: time.Second, Conns: 1})
	start := time.Now()
	if err := d.PingContext(t.Context()); err == nil {
		t.Error("connected")
	}
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("took %v, with a timeout of a second", took)
	}
}

func TestConnectTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: 100 * time.Millisecond, time.Second: time.Second, 2 * time.Second: time.Second, 10 * time.Second: 5 * time.Second,
	} {
		if got := connectTimeout(timeout); got != want {
			t.Errorf("of %v: got %v, want %v", timeout, got, want)
		}
	}
}

func TestOpenNeedsBounds(t *testing.T) {
	for name, o := range map[string]Options{"no timeout": {Conns: 1}, "no connections": {Timeout: 1}} {
		if _, err := Open("postgres://h/d", o); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := Open("oracle://h/d", Options{Conns: 1, Timeout: 1}); err == nil {
		t.Error("opened Oracle as something else")
	}
}
