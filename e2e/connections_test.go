//go:build live

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// attackedKiB is what a sidecar may have in memory at most while it is attacked.
const attackedKiB = 64 << 10

// attacked is a sidecar in a process of its own, with all of its listeners.
type attacked struct {
	process             *djangotest.Process
	public, grpc, admin string // host:port, and of admin the path of its socket
}

func newAttacked(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{grpc: djangotest.FreeAddr(t)}
	site := newUploadSite(t, t.TempDir(), map[string]string{"SIDECAR_GRPC_LISTEN": a.grpc})
	a.process, a.public = site.startProcess(t, sidecarProgram(t))
	a.admin = filepath.Join(filepath.Dir(site.root), "admin.sock")
	return a
}

func (a *attacked) checkMemory(t *testing.T) {
	t.Helper()
	kib := residentKiB(t, a.process.Pid(), "VmHWM")
	t.Logf("%d MiB at most", kib>>10)
	if kib > attackedKiB {
		t.Error("that is too much")
	}
}

// refused is the metric of a listener.
func (a *attacked) refused(t *testing.T, listener string) int {
	t.Helper()
	return a.metric(t, `django_sidecar_connections_refused_total{listener="`+listener+`"}`)
}

// metric is the value of a metric that counts.
func (a *attacked) metric(t *testing.T, name string) int {
	t.Helper()
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\d+)$`).FindStringSubmatch(metricsOf(t, a.admin))
	if match == nil {
		t.Fatalf("no metric %s", name)
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// kept is a connection of a gateway, which stays open between its requests.
type kept struct {
	net.Conn

	reader *bufio.Reader
}

func keep(t *testing.T, network, addr string) *kept {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &kept{conn, bufio.NewReader(conn)}
}

func (k *kept) ask(t *testing.T, header string) error {
	t.Helper()
	if err := k.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(k, "GET /authenticate HTTP/1.1\r\nHost: sidecar\r\n%s\r\n", header); err != nil {
		return err
	}
	response, err := http.ReadResponse(k.reader, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode >= http.StatusInternalServerError {
		err = errors.Join(err, errors.New(response.Status))
	}
	return errors.Join(err, response.Body.Close())
}

// TestUnfinishedHeaders: whoever opens very many connections, and sends on each the most of a header, gets neither the memory nor
// the place of those who ask.
func TestUnfinishedHeaders(t *testing.T) {
	a := newAttacked(t)
	var gateway []*kept
	for range 300 {
		k := keep(t, "tcp", a.public)
		if err := k.ask(t, ""); err != nil {
			t.Fatal(err)
		}
		gateway = append(gateway, k)
	}
	unfinished := "GET /authenticate HTTP/1.1\r\nHost: sidecar\r\nX-Long: " + strings.Repeat("x", 59<<10)
	// The preface of HTTP/2, its settings, and the most of the header of a call.
	unfinishedCall := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" +
		"\x00\x40\x00\x01\x04\x00\x00\x00\x01" + strings.Repeat("x", 15<<10)
	a.checkMemory(t)
	for _, at := range []struct{ listener, network, addr, sent string }{
		{"public", "tcp", a.public, unfinished}, {"admin", "unix", a.admin, unfinished}, {"grpc", "tcp", a.grpc, unfinishedCall},
	} {
		before := a.refused(t, at.listener)
		for i := range 1200 {
			k := keep(t, at.network, at.addr)
			_ = k.SetWriteDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(k, at.sent) // it may be closed already, for a later one
			if i%100 == 0 {
				if err := keep(t, "tcp", a.public).ask(t, "Cookie: sessionid=x; long="+strings.Repeat("y", 8<<10)+"\r\n"); err != nil {
					t.Errorf("%s: who has a long header, and ends it: %v", at.listener, err)
				}
			}
		}
		if n := a.refused(t, at.listener) - before; n < 150 {
			t.Errorf("%s: %d were refused", at.listener, n)
		}
		a.checkMemory(t)
	}
	for i, k := range gateway {
		if err := k.ask(t, ""); err != nil {
			t.Fatalf("connection %d of the gateway: %v", i, err)
		}
	}
	if n := a.refused(t, "admin"); n < 150 { // and it answers
		t.Errorf("the admin listener has refused %d", n)
	}
	a.checkMemory(t)
}

// TestManyIdleConnections: above the limit, what has been idle for the longest time goes, and what is new is answered.
func TestManyIdleConnections(t *testing.T) {
	a := newAttacked(t)
	first := keep(t, "tcp", a.public)
	if err := first.ask(t, ""); err != nil {
		t.Fatal(err)
	}
	for i := range 1500 {
		if err := keep(t, "tcp", a.public).ask(t, "X-Long: "+strings.Repeat("x", 30<<10)+"\r\n"); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if err := first.ask(t, ""); err == nil {
		t.Error("the oldest idle connection is still there")
	}
	a.checkMemory(t)
}

// plainHTTP2Client is a client of HTTP/2 without TLS, with a connection of its own.
func plainHTTP2Client(t *testing.T) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// call sends a message to Health/Check, and returns gRPC's status.
func (a *attacked) call(ctx context.Context, client *http.Client, message io.Reader, header http.Header) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.grpc+"/grpc.health.v1.Health/Check", message)
	if err != nil {
		return "", err
	}
	request.Header = http.Header{"X-Long": header["X-Long"]}
	request.Header.Set("Content-Type", "application/grpc")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.Trailer.Get("Grpc-Status") + response.Header.Get("Grpc-Status"), errors.Join(err, response.Body.Close())
}

// endless blocks those who read it until its context ends.
type endless struct{ context.Context }

// Read implements io.Reader.
func (e endless) Read([]byte) (int, error) {
	<-e.Done()
	return 0, e.Err()
}

// TestUnfinishedCalls: very many calls of gRPC whose messages never come to their end.
func TestUnfinishedCalls(t *testing.T) {
	const connections, calls, bytesOfEach = 20, 250, 60 << 10
	a := newAttacked(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	gateway := plainHTTP2Client(t)
	whole := func() {
		t.Helper()
		within, done := context.WithTimeout(ctx, time.Minute)
		defer done()
		if status, err := a.call(within, gateway, bytes.NewReader(make([]byte, 5)), nil); status != "0" || err != nil {
			t.Errorf("a whole call: status %q, %v", status, err)
		}
	}
	whole()
	header := http.Header{"X-Long": {strings.Repeat("x", 14<<10)}}
	for range connections {
		client := plainHTTP2Client(t)
		for range calls {
			running.Go(func() {
				message := append([]byte{0, 0, 15, 0, 0}, make([]byte, bytesOfEach)...) // says that 960 KiB come
				_, _ = a.call(ctx, client, io.MultiReader(bytes.NewReader(message), endless{ctx}), header)
			})
		}
	}
	waitFor(t, 60*time.Second, "ending most of them", func() bool {
		whole()
		return a.refused(t, "grpc") > connections*calls/2
	})
	for range 10 {
		whole()
	}
	a.checkMemory(t)
}
