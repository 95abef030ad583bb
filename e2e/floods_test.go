//go:build live

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// held is what the attacked sidecar has of its clients: how many files and connections are open, and goroutines.
type held struct{ descriptors, goroutines int }

func (a *attacked) held(t *testing.T) held {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", a.process.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	return held{len(open), a.metric(t, "go_goroutines")}
}

// wantHeld waits until the sidecar has no more of its clients than before the attack.
func (a *attacked) wantHeld(t *testing.T, before held) {
	t.Helper()
	var now held
	waitFor(t, 30*time.Second, "as few connections and goroutines as before", func() bool {
		now = a.held(t) // who asks for it has a connection too
		return now.descriptors <= before.descriptors+10 && now.goroutines <= before.goroutines+20
	})
	t.Logf("before: %+v; now: %+v", before, now)
}

// answersAll asks each listener for something whole.
func (a *attacked) answersAll(t *testing.T) {
	t.Helper()
	public, client := keep(t, "tcp", a.public), plainHTTP2Client(t)
	defer public.Close() //nolint:errcheck // it has been read
	defer client.CloseIdleConnections()
	if err := public.ask(t, ""); err != nil {
		t.Errorf("public: %v", err)
	}
	a.refused(t, "admin") // which it is asked for
	within, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	if status, err := a.call(within, client, bytes.NewReader(make([]byte, 5)), nil); status != "0" || err != nil {
		t.Errorf("gRPC: status %q, %v", status, err)
	}
}

// TestTenThousandIdleConnections: so many are opened on the public listener, and a thousand on each of the others, of
// which the admin's is a unix socket, and say nothing. Their clients close none.
// Everybody is answered meanwhile, and when they have gone nothing of them is left.
func TestTenThousandIdleConnections(t *testing.T) {
	var allowed syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &allowed); err != nil || allowed.Cur < 11_000 {
		t.Fatalf("%d descriptors are too few (ulimit -Hn), %v", allowed.Cur, err)
	}
	a := newAttacked(t)
	a.answersAll(t)
	before := a.held(t)
	for _, at := range []struct {
		network, addr string
		connections   int
	}{{"tcp", a.public, 10_000}, {"unix", a.admin, 1000}, {"tcp", a.grpc, 1000}} {
		var all []net.Conn
		for i := range at.connections {
			conn, err := new(net.Dialer).DialContext(t.Context(), at.network, at.addr)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
			if i%500 == 0 {
				a.answersAll(t)
			}
		}
		a.answersAll(t)
		for _, conn := range all {
			_ = conn.Close()
		}
	}
	a.checkMemory(t)
	a.wantHeld(t, before)
}

// TestSlowHeaders: 200 clients of each listener send a byte of a header now and then. Each listener cuts them off, and answers
// everybody else meanwhile.
func TestSlowHeaders(t *testing.T) {
	a := newAttacked(t)
	a.answersAll(t)
	before := a.held(t)
	var slow []*kept
	var reading sync.WaitGroup
	for _, at := range []struct{ network, addr, begin string }{
		{"tcp", a.public, "GET /authenticate HTTP/1.1\r\nX-Slow: "},
		{"unix", a.admin, "GET /livez HTTP/1.1\r\nX-Slow: "},
		{"tcp", a.grpc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"}, // one byte less than the preface
	} {
		for range 200 {
			conn := keep(t, at.network, at.addr)
			_, _ = io.WriteString(conn, at.begin)                   // it may be closed already, for a later one
			reading.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // however it ends
			if at.addr != a.grpc {
				slow = append(slow, conn)
			}
		}
	}
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		reading.Wait()
	}()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		select {
		case <-cut:
			a.wantHeld(t, before)
			return
		case <-tick.C:
			for _, conn := range slow {
				_, _ = io.WriteString(conn, "x")
			}
			a.answersAll(t)
		case <-end:
			t.Fatal("there are clients who are waited for, though their headers never end")
		}
	}
}

// TestHeaderFloods: one header that is huge, and very many small ones, are refused before they have come.
func TestHeaderFloods(t *testing.T) {
	a := newAttacked(t)
	for name, header := range map[string]string{
		"one of 20 MB":  "X-Long: " + strings.Repeat("x", 20<<20) + "\r\n",
		"100,000 small": strings.Repeat("a: b\r\n", 100_000),
	} {
		for _, at := range []struct{ network, addr string }{{"tcp", a.public}, {"unix", a.admin}} {
			conn := keep(t, at.network, at.addr)
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			go func() { _, _ = io.WriteString(conn, "GET /authenticate HTTP/1.1\r\nHost: x\r\n"+header+"\r\n") }()
			response, err := http.ReadResponse(conn.reader, nil)
			switch {
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err != nil && strings.Contains(err.Error(), "reset"):
			case err != nil:
				t.Errorf("%s: %v", name, err)
			default:
				if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
					t.Errorf("%s: status %d", name, response.StatusCode)
				}
				_ = response.Body.Close()
			}
		}
	}
	a.answersAll(t)
	a.checkMemory(t)
}

// The frames of HTTP/2, RFC 9113, 6.
const (
	frameHeaders, frameReset, frameSettings, frameContinuation = 1, 3, 4, 9
	endStream, endHeaders                                      = 1, 4
)

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	f := append([]byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(f[5:], stream)
	return append(f, payload...)
}

// grpcHeader is the header of a call, by HPACK.
func grpcHeader(path string) []byte {
	text := func(first byte, s string) []byte { return append([]byte{first, byte(len(s))}, s...) }
	header := append([]byte{0x83, 0x86}, text(0x04, path)...) // POST, http
	header = append(header, text(0x01, "sidecar")...)
	return append(header, append([]byte{0x0f}, text(0x10, "application/grpc")...)...)
}

// flood sends to the gRPC listener until it has had enough, or all has been sent, and reports whether it was closed.
func (a *attacked) flood(t *testing.T, frames func(w *bufio.Writer) error) (closed bool) {
	t.Helper()
	conn := keep(t, "tcp", a.grpc)
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, conn) }() // what it says must not hold us up
	w := bufio.NewWriter(conn)
	_, err := io.WriteString(w, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	_, settingsErr := w.Write(frame(frameSettings, 0, 0, nil))
	return errors.Join(err, settingsErr, frames(w), w.Flush()) != nil
}

// TestContinuationFlood: a header of a call that never ends, in very many frames.
func TestContinuationFlood(t *testing.T) {
	a := newAttacked(t)
	for _, size := range []int{0, 1, 1000} {
		closed := a.flood(t, func(w *bufio.Writer) error {
			_, err := w.Write(frame(frameHeaders, endStream, 1, grpcHeader("/grpc.health.v1.Health/Check")))
			payload := append([]byte{0x00, 1, 'x', 0x7f, 0xff, 0xff, 0x7f}, make([]byte, 1000)...)[:size]
			for range 200_000 {
				if _, err = w.Write(frame(frameContinuation, 0, 1, payload)); err != nil {
					break
				}
			}
			return err
		})
		if size == 1000 && !closed {
			t.Error("200 MB of a header were taken")
		}
		a.answersAll(t)
		a.checkMemory(t)
	}
}

// TestRapidReset: very many calls, each of which is taken back at once (CVE-2023-44487).
func TestRapidReset(t *testing.T) {
	a := newAttacked(t)
	a.answersAll(t)
	before := a.held(t)
	for range 3 {
		a.flood(t, func(w *bufio.Writer) error {
			header := grpcHeader("/envoy.service.auth.v3.Authorization/Check")
			for stream := uint32(1); stream < 100_000; stream += 2 {
				_, err := w.Write(frame(frameHeaders, endHeaders, stream, header))
				_, resetErr := w.Write(frame(frameReset, 0, stream, []byte{0, 0, 0, 8}))
				if err = errors.Join(err, resetErr); err != nil {
					return err
				}
			}
			return nil
		})
		a.answersAll(t)
	}
	a.checkMemory(t)
	a.wantHeld(t, before)
}
