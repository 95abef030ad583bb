package database

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// chopped is a connection whose reads give what somebody wrote, in pieces of any size.
type chopped struct {
	net.Conn
	from io.Reader
}

func (c *chopped) Read(b []byte) (int, error)        { return c.from.Read(b) }
func (c *chopped) SetReadDeadline(_ time.Time) error { return nil }

var (
	notification = "A\x00\x00\x00\x0epid.chan\x00\x00"
	ready        = "Z\x00\x00\x00\x05I"
	synced       = "n\x00\x00\x00\x04" // a message without contents
	record       = "\x17\x03\x03\x00\x04tls!"
)

// TestFrames: no read gives bytes of two messages, and all of them arrive.
func TestFrames(t *testing.T) {
	messages := []string{notification, ready, synced, record, notification, record}
	stream := bytes.Join([][]byte{[]byte("S"), []byte(notification), []byte(ready), []byte(synced), []byte(record), []byte(notification), []byte(record)}, nil)
	for name, chop := range map[string]func(io.Reader) io.Reader{
		"as they come": func(r io.Reader) io.Reader { return r },
		"bytes":        iotest.OneByteReader,
		"halves":       iotest.HalfReader,
	} {
		for _, size := range []int{1, 3, 5, 7, 4096} {
			t.Run(fmt.Sprintf("%s, %d at a time", name, size), func(t *testing.T) {
				later := time.Now().Add(time.Hour)
				bounded := &deadlineConn{Conn: &chopped{from: chop(bytes.NewReader(stream))}, timeout: time.Hour}
				bounded.until.Store(&later)
				f := &frames{deadlineConn: bounded}
				if first := make([]byte, 1); must(f.Read(first)) != 1 || first[0] != 'S' {
					t.Fatal("the answer before there are messages")
				}
				f.on = true
				var got []string
				for range messages {
					if err := f.wait(later); err != nil {
						t.Fatal(err)
					}
					message, b := "", make([]byte, size)
					for len(message) < headerSize || f.left > 0 {
						message += string(b[:must(f.Read(b))])
					}
					got = append(got, message)
				}
				if !slices.Equal(got, messages) {
					t.Errorf("got %q", got)
				}
				if err := f.wait(later); !errors.Is(err, io.EOF) {
					t.Errorf("at the end: %v", err)
				}
			})
		}
	}
}

func must(n int, err error) int {
	if err != nil {
		panic(err)
	}
	return n
}

// A wait that ends in the middle of a header loses nothing of it.
func TestFramesAfterATimeout(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()  //nolint:errcheck // a pipe
	defer there.Close() //nolint:errcheck // a pipe
	f := &frames{deadlineConn: &deadlineConn{Conn: here, timeout: time.Hour}, on: true}
	for _, part := range []string{ready[:2], ready[2:4]} {
		go there.Write([]byte(part)) //nolint:errcheck // the reader finds out
		for f.have < 2 || part != ready[:2] && f.have < 4 {
			if err := f.wait(time.Now().Add(10 * time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
	}
	go there.Write([]byte(ready[4:])) //nolint:errcheck // the reader finds out
	if err := f.wait(time.Now().Add(time.Minute)); err != nil || f.left != 1 || string(f.header[:]) != ready[:5] {
		t.Errorf("%v, %d left after %q", err, f.left, f.header)
	}
}

func TestFramesOfNoProtocol(t *testing.T) {
	for _, header := range []string{"Z\x00\x00\x00\x03", "Z\xff\xff\xff\xff", "HTTP/"} {
		later := time.Now().Add(time.Hour)
		bounded := &deadlineConn{Conn: &chopped{from: bytes.NewReader([]byte(header + "1.1"))}, timeout: time.Hour}
		bounded.until.Store(&later)
		if err := (&frames{deadlineConn: bounded, on: true}).wait(later); err == nil {
			t.Errorf("%q: no error", header)
		}
	}
}

func TestListenerURLs(t *testing.T) {
	options := Options{Timeout: time.Second}
	for rawURL, good := range map[string]bool{
		"postgres://u@h/d": true,
		"postgres://u@h1,h2/d?target_session_attrs=read-write": true,
		"postgres://u@h1,h2/d?target_session_attrs=primary":    true,
		"postgres://u@h1,h2/d":                                 false,
		"postgres://u@h1,h2/d?target_session_attrs=any":        false,
		"mysql://u@h/d":        false,
		"sqlite:////tmp/d":     false,
		"postgres://u@h/d?x=y": false,
		"nothing":              false,
	} {
		if _, err := NewSubscriber(rawURL, options); (err == nil) != good {
			t.Errorf("%s: %v", rawURL, err)
		}
	}
	if _, err := NewSubscriber("postgres://u@h/d", Options{}); err == nil {
		t.Error("no timeout, and no error")
	}
}
