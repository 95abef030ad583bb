package tus_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestRefusedBeforeBody: what is refused is refused without waiting for a body, and the connection ends.
func TestRefusedBeforeBody(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(1000, "a.txt")
	for status, header := range map[int]string{
		401: "Cookie: sessionid=nobody\r\nUpload-Offset: 0\r\n",
		404: "Cookie: sessionid=bob\r\nUpload-Offset: 0\r\n",
		409: "Cookie: sessionid=alice\r\nUpload-Offset: 1\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.server.URL, "http://"))
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(time.Minute))
		}
		if err == nil {
			_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: %s\r\nContent-Length: 1000\r\n%s\r\n", path, octets, header)
		}
		if err != nil {
			t.Fatal(err)
		}
		read := bufio.NewReader(conn)
		a, err := http.ReadResponse(read, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		if a.StatusCode != status || !a.Close || err != nil || a.Body.Close() != nil {
			t.Errorf("got %d %s, %v, want %d and the end of the connection", a.StatusCode, text, err, status)
		}
		if _, err := read.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%d: after the answer comes %v", status, err)
		}
		_ = conn.Close()
	}
	s.expectNoReports()
}

// TestKeepAlive: a connection whose body was read to its end goes on, also when the answer is a refusal.
func TestKeepAlive(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(10, "a.txt")
	for range 3 {
		if a := s.patch(path, 0, []byte("abx"), "Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").want(t, 460); a.Close {
			t.Error("the connection is closed")
		}
	}
}

// TestHTTP2: a request takes over from one on the same connection, which goes on for both.
func TestHTTP2(t *testing.T) {
	s := newSite(t, nil)
	s.server.Close()
	s.server = httptest.NewUnstartedServer(s)
	s.server.EnableHTTP2 = true
	s.server.StartTLS()
	content := random(5, 50_000)
	path := s.create(len(content), "a.bin")

	body, feed := io.Pipe()
	ended := make(chan answer)
	go func() { ended <- s.do(http.MethodPatch, path, patchHeaders(0), body) }()
	if _, err := feed.Write(content[:30_000]); err != nil {
		t.Fatal(err)
	}
	s.received(path, 30_000)
	if got := s.offset(path); got != 30_000 {
		t.Errorf("the offset is %d", got)
	}
	if a := <-ended; a.StatusCode != http.StatusLocked || a.ProtoMajor != 2 {
		t.Errorf("the old request: %s %d %s", a.Proto, a.StatusCode, a.body)
	}
	_ = feed.Close()
	s.patch(path, 30_000, content[30_000:]).want(t, 204)
	if files(t, s.root)["up/a.bin"] != string(content) {
		t.Error("the file is another")
	}
	s.expectNoReports()
}
