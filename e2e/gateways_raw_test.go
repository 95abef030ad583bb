//go:build live && gateways

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// secretPath is what nobody in these tests may ask the application for.
const secretPath = "/admin/secret"

// rawApplication is the most gullible application that a gateway can have behind it. It goes over to whatever protocol a
// request names, and it keeps every byte that it gets.
type rawApplication struct {
	addr string

	mu   sync.Mutex
	seen []rawRequest
}

// rawRequest is a request as its bytes came. Over HTTP/2, it is written as HTTP/1.1 would write it.
type rawRequest struct {
	line     string
	headers  [][2]string // names in lower case
	body     string
	trailers [][2]string
}

func startRawApplication(t *testing.T) *rawApplication {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &rawApplication{addr: listener.Addr().String()}
	var running sync.WaitGroup
	conns := make(chan net.Conn, 1<<16)
	running.Go(func() {
		defer close(conns)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns <- conn
			running.Go(func() { a.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		for conn := range conns {
			_ = conn.Close()
		}
		running.Wait()
	})
	return a
}

// take returns the requests that have come since it was called last.
func (a *rawApplication) take() []rawRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

func (a *rawApplication) keep(r rawRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, r)
}

// serve answers what comes on one connection, until the other side goes.
func (a *rawApplication) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the other side sees it
	reader := bufio.NewReader(conn)
	if start, err := reader.Peek(3); err == nil && string(start) == "PRI" {
		a.serveHTTP2(conn, reader)
		return
	}
	for {
		request, err := readRaw(reader)
		if err != nil {
			return
		}
		protocol := strings.ToLower(strings.Join(request.values("upgrade"), ", "))
		if protocol == "" || strings.Contains(request.line, "refused") {
			a.keep(request)
			if _, err := fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Application: %s\r\n\r\nserved", request.user()); err != nil {
				return
			}
			continue
		}
		if strings.Contains(protocol, "h2c") {
			protocol = "h2c"
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			protocol, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") // RFC 6455, 1.3: the answer to websocketKey
		a.keep(request)
		_, _ = io.Copy(conn, reader) // a gateway may hand on a byte at a time
		return
	}
}

// readRaw reads one request over HTTP/1, with its body and trailers.
func readRaw(reader *bufio.Reader) (request rawRequest, err error) {
	lines := textproto.NewReader(reader)
	if request.line, err = lines.ReadLine(); err != nil {
		return request, err
	}
	if request.headers, err = readRawHeaders(lines); err != nil {
		return request, err
	}
	if length := request.values("content-length"); len(length) > 0 {
		size, err := strconv.Atoi(length[0])
		if err != nil {
			return request, err
		}
		body := make([]byte, size)
		_, err = io.ReadFull(reader, body)
		request.body = string(body)
		return request, err
	}
	if len(request.values("transfer-encoding")) == 0 {
		return request, nil
	}
	for {
		line, err := lines.ReadLine()
		if err != nil {
			return request, err
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if err != nil {
			return request, err
		}
		if size == 0 {
			request.trailers, err = readRawHeaders(lines)
			return request, err
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(reader, chunk); err != nil {
			return request, err
		}
		request.body += string(chunk[:size])
	}
}

func readRawHeaders(lines *textproto.Reader) (headers [][2]string, err error) {
	for {
		line, err := lines.ReadLine()
		if err != nil || line == "" {
			return headers, err
		}
		name, value, _ := strings.Cut(line, ":")
		headers = append(headers, [2]string{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
	}
}

// serveHTTP2 answers every stream, and keeps its header and its trailers.
func (a *rawApplication) serveHTTP2(conn net.Conn, reader *bufio.Reader) {
	if _, err := io.CopyN(io.Discard, reader, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	framer := newFramer(conn, reader)
	if framer.WriteSettings() != nil {
		return
	}
	streams := map[uint32]*rawRequest{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		ended := false
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			request, trailers := streams[frame.StreamID], true
			if request == nil {
				request, trailers = new(rawRequest), false
				streams[frame.StreamID] = request
			}
			for _, field := range frame.Fields {
				header := [2]string{field.Name, field.Value}
				switch {
				case trailers:
					request.trailers = append(request.trailers, header)
				case field.IsPseudo():
					request.line += field.Value + " "
				default:
					request.headers = append(request.headers, header)
				}
			}
			ended = frame.StreamEnded()
		case *http2.DataFrame:
			ended = frame.StreamEnded()
		}
		if id := frame.Header().StreamID; ended {
			a.keep(*streams[id])
			writeFields(framer, id, false, ":status", "200", "x-application", streams[id].user())
			_ = framer.WriteData(id, true, []byte("served"))
			delete(streams, id)
		}
	}
}

func newFramer(w io.Writer, r io.Reader) *http2.Framer {
	framer := http2.NewFramer(w, r)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	framer.AllowIllegalWrites = true
	return framer
}

// writeFields writes a header, or trailers: pairs of a name and a value. None of them is indexed, so that an encoder for each
// block will do.
func writeFields(framer *http2.Framer, stream uint32, last bool, pairs ...string) {
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(pairs); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1], Sensitive: true})
	}
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: last})
}

func (r rawRequest) values(name string) (values []string) {
	for _, header := range r.headers {
		if header[0] == name {
			values = append(values, header[1])
		}
	}
	return values
}

func (r rawRequest) user() string {
	return strings.Join(append(r.values("remote-user"), "nobody")[:1], "")
}

// fault says what no gateway may let through of a request to change the protocol; "" where all is well.
func (r rawRequest) fault() string {
	upgrade, connection := r.values("upgrade"), strings.ToLower(strings.Join(r.values("connection"), "|"))
	switch {
	case len(upgrade) > 0 && !slices.Equal(upgrade, []string{"websocket"}):
		return fmt.Sprintf("Upgrade: %q at %s", upgrade, r.line)
	case len(r.values("http2-settings")) > 0:
		return "HTTP2-Settings at " + r.line
	case !slices.Contains([]string{"", "close", "keep-alive", "upgrade"}, connection), len(upgrade) == 0 && connection == "upgrade":
		return "Connection: " + connection + " at " + r.line
	case strings.Contains(r.line, secretPath):
		return r.line
	}
	return ""
}

// tryTunnel sends a request. Where the protocol changes to another one than websocket, it speaks HTTP/2 inside, and asks for
// what only staff may see.
func tryTunnel(t *testing.T, addr, request string) (status int) {
	t.Helper()
	conn := dialGateway(t, addr)
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodGet})
	if err != nil {
		_ = conn.Close()
		return 0
	}
	defer func() {
		_ = conn.Close() // first: otherwise the next line reads what is left
		_ = response.Body.Close()
	}()
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Upgrade") == "websocket" {
		return response.StatusCode
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := newFramer(conn, reader)
	_ = framer.WriteSettings()
	writeFields(framer, 3, true, ":method", "GET", ":scheme", "http", ":path", secretPath, ":authority", "example.com", "remote-user", "root")
	for {
		// An answer to the question, or the end. It may be the gateway's own: Traefik speaks HTTP/2 itself when it is asked to.
		frame, err := framer.ReadFrame()
		if err != nil || frame.Header().StreamID == 3 {
			return response.StatusCode
		}
	}
}

// http2Request is a request over HTTP/2: a header as pairs of a name and a value, the pseudo headers first, and what follows it.
type http2Request struct {
	fields   []string
	body     string
	trailers []string // pairs too
	// tunnel: the request does not end.
	tunnel bool
}

// http2Exchange sends a request on a connection of its own, and waits for an answer or the end.
func http2Exchange(t *testing.T, addr string, request http2Request) {
	t.Helper()
	conn := dialGateway(t, addr)
	defer conn.Close() //nolint:errcheck // all has been read
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := newFramer(conn, bufio.NewReader(conn))
	_ = framer.WriteSettings()
	writeFields(framer, 1, request.body == "" && request.trailers == nil && !request.tunnel, request.fields...)
	if request.body != "" {
		_ = framer.WriteData(1, request.trailers == nil && !request.tunnel, []byte(request.body))
	}
	if request.trailers != nil {
		writeFields(framer, 1, true, request.trailers...)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			if frame.StreamID == 1 && frame.PseudoValue("status") != "100" {
				return
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return
		}
	}
}

// http2Get are the fields of a request; more are pairs too.
func http2Get(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "example.com"}, more...)
}

// forgedIn returns what of a request says what a client has forged. Names with other characters than letters, digits, "-", "_"
// and "." are forgiven: no server takes them for another.
func (r rawRequest) forgedIn() (found []string) {
	for _, header := range slices.Concat(r.headers, r.trailers) {
		if strings.Contains(header[1], forged) && !oddRawName.MatchString(header[0]) {
			found = append(found, header[0])
		}
	}
	return found
}

var oddRawName = regexp.MustCompile("[^a-z0-9_.-]")
