//go:build live && gateways

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"django-sidecar/internal/djangotest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c" //nolint:staticcheck // deprecated; net/http itself knows no "Upgrade: h2c", which many servers in Go still do
)

// TestGatewaysTunnels: whatever a client writes into Upgrade, Connection and HTTP2-Settings, no request reaches an application
// in a tunnel, where no gateway asks; and a websocket works.
func TestGatewaysTunnels(t *testing.T) {
	rig := newGatewayRig(t)
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			for name, start := range map[string]func(*testing.T) tunnelled{"bytes": tunnelledRaw, "hypercorn": tunnelledHypercorn, "go": tunnelledGo} {
				t.Run(name, func(t *testing.T) {
					application := start(t)
					route := rig.route
					route.Application = application.addr
					through := gatewayTest{rig: rig, addr: g.start(t, route).Addr, gatewayUnderTest: g}
					through.tunnels(t, application, "/static/socket", "/socket", "/accounts/refused")
				})
			}
		})
	}
}

// tunnelled is an application that changes protocols.
type tunnelled struct {
	addr string
	// faults tells what has come, since it was asked last, that must not come.
	faults func(*testing.T) []string
	// socket: it speaks websocket.
	socket bool
}

// served tells of requests alone that were served in a tunnel: lines that leave other paths as they were may pass words for one on.
func (a tunnelled) served() tunnelled {
	faults := a.faults
	return tunnelled{addr: a.addr, faults: func(t *testing.T) []string {
		t.Helper()
		return slices.DeleteFunc(faults(t), func(fault string) bool { return !strings.HasPrefix(fault, inTunnel) })
	}}
}

// inTunnel is how faults begin of which the requests went past the gateway.
const inTunnel = "HTTP/2 for "

func tunnelledRaw(t *testing.T) tunnelled {
	t.Helper()
	application := startRawApplication(t)
	return tunnelled{addr: application.addr, socket: true, faults: func(*testing.T) (faults []string) {
		for _, request := range application.take() {
			if fault := request.fault(); fault != "" {
				faults = append(faults, fault)
			}
		}
		return faults
	}}
}

func tunnelledHypercorn(t *testing.T) tunnelled {
	t.Helper()
	addr := djangotest.StartHypercorn(t).Addr
	return tunnelled{addr: addr, socket: true, faults: func(t *testing.T) (faults []string) {
		t.Helper()
		var seen []struct {
			Version, Path string
			Headers       [][2]string
		}
		answer := exchange(t, addr, "GET /-/seen HTTP/1.1\r\nHost: application\r\n\r\n")
		if err := json.Unmarshal([]byte(answer.body), &seen); err != nil {
			t.Fatal(err)
		}
		for _, request := range seen {
			if request.Version == "2" {
				faults = append(faults, inTunnel+request.Path)
			}
			if fault := (rawRequest{line: request.Path, headers: request.Headers}).fault(); fault != "" {
				faults = append(faults, fault)
			}
		}
		return faults
	}}
}

func tunnelledGo(t *testing.T) tunnelled {
	t.Helper()
	var mu sync.Mutex
	var faults []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		request := rawRequest{line: r.URL.Path}
		for name, values := range r.Header {
			for _, value := range values {
				request.headers = append(request.headers, [2]string{strings.ToLower(name), value})
			}
		}
		if fault := request.fault(); fault != "" {
			faults = append(faults, fault)
		}
		if r.ProtoMajor == 2 {
			faults = append(faults, inTunnel+r.URL.Path)
		}
		_, _ = io.WriteString(w, "served")
	})
	server := httptest.NewServer(h2c.NewHandler(handler, new(http2.Server))) //nolint:staticcheck // see the import
	t.Cleanup(server.Close)
	return tunnelled{addr: server.Listener.Addr().String(), faults: func(*testing.T) []string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { faults = nil }()
		return faults
	}}
}

// upgrades are sections of a header that ask for another protocol: orders, lists and spellings of Upgrade, each with the ways
// to write Connection and HTTP2-Settings.
func upgrades() (list []string) {
	values := []string{
		"websocket", "WebSocket", "WEBSOCKET", "\twebsocket\t", "  websocket  ", "websocket,", ",websocket", ", websocket", "websocket, websocket", "websocket,,",
		"h2c", "H2C", "\th2c", "h2c,", ",h2c", "h2c,websocket", "h2c, websocket", "h2c\t,\twebsocket", "websocket,h2c", "websocket, h2c", "websocket ,h2c", ",,websocket,h2c",
		"WebSocket, H2C", "websocket/13", "websocket/13, h2c", "h2c/1", "h2c/1, websocket", "h2c websocket", "websocket h2c", "websocket;h2c", "websocket;q=1",
		"\"websocket\"", "\"h2c\", websocket", "h2c, foo, websocket", "foo", "TLS/1.0", "TLS/1.0, websocket", "HTTP/2.0", "HTTP/2.0, websocket", "h2", "h2, websocket", "h2c-14", "",
		",", " ", "xwebsocket", "websocketx", "websocket\x0bh2c",
	}
	lines := func(name string, values ...string) (lines string) {
		for _, value := range values {
			lines += name + ": " + value + "\r\n"
		}
		return lines
	}
	sections := []string{
		"Upgrade:websocket\r\n", "Upgrade:h2c\r\n", "upgrade: h2c\r\n", "UPGRADE: h2c\r\nupgrade: websocket\r\n", "Upgrade : h2c\r\n", "Upgrade: websocket\r\n\th2c\r\n", "Upgrade: h2c\r\n , websocket\r\n",
		"Upgrade\t: h2c\r\nUpgrade: websocket\r\n", "X: y\r\n Upgrade: h2c\r\n", "Upgrade_: h2c\r\nUpgrade: websocket\r\n", "Upgrade: h2c\nUpgrade: websocket\r\n", "Upgrade: websocket\nUpgrade: h2c\r\n",
	}
	for _, value := range values {
		sections = append(sections, lines("Upgrade", value))
	}
	pairs := []string{"websocket", "WebSocket", "h2c", "H2C", "h2c, websocket", "websocket, h2c", "", "websocket/13", "TLS/1.0"}
	for _, first := range pairs {
		for _, second := range pairs {
			sections = append(sections, lines("Upgrade", first, second))
		}
	}
	sections = append(sections, lines("Upgrade", "websocket", "h2c", "websocket"), lines("Upgrade", "h2c", "websocket", "h2c"), lines("Upgrade", "", "websocket", "h2c"),
		lines("upgrade", "h2c")+lines("Upgrade", "websocket"), lines("Upgrade", "websocket")+lines("upgrade", "h2c"))
	const settings = "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"
	connections := []string{
		"Connection: Upgrade, HTTP2-Settings\r\n" + settings, "Connection: HTTP2-Settings,upgrade\r\n" + settings, "connection: UPGRADE\r\n" + settings,
		"Connection: Upgrade\r\nConnection: HTTP2-Settings\r\n" + settings, "Connection: keep-alive, Upgrade\r\n", settings,
	}
	for i, section := range sections {
		// Each of the first two, and in turn one of the rest.
		for _, connection := range append(connections[:2:2], connections[2+i%(len(connections)-2)]) {
			list = append(list, section+connection, connection+section)
		}
	}
	return list
}

const websocketKey = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// tunnels asks for other protocols where nobody is asked (open), where a user is (asked), and without one (refused): many at once,
// since Envoy takes a second for some.
func (g gatewayTest) tunnels(t *testing.T, application tunnelled, open, asked, refused string) {
	var changed atomic.Int64
	list := upgrades()
	var next atomic.Int64
	var trying sync.WaitGroup
	for range 16 {
		trying.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(list); i = next.Add(1) - 1 {
				path, cookie := open, ""
				switch i % 3 {
				case 1:
					path, cookie = asked, gatewayCookie(g.rig.bob)
				case 2:
					path = refused
				}
				// The number says which it was, where the application has seen something wrong.
				if tryTunnel(t, g.addr, get(fmt.Sprintf("%s/%d", path, i), websocketKey+cookie+list[i])) == http.StatusSwitchingProtocols {
					changed.Add(1)
				}
			}
		})
	}
	trying.Wait()
	for i, fault := range slices.Sorted(slices.Values(application.faults(t))) { // what is served in a tunnel stands first
		if i < 10 {
			t.Errorf("the application has seen %s", fault)
		}
	}
	if t.Failed() {
		for i, headers := range list {
			t.Logf("%d is %q", i, headers)
		}
	}
	if application.socket {
		g.greets(t, get(open, websocketKey+"Upgrade: websocket\r\nConnection: Upgrade\r\n"))
		g.greets(t, get(asked, gatewayCookie(g.rig.bob)+websocketKey+"Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"))
	}
	if application.socket && changed.Load() < 20 {
		t.Errorf("only %d requests have changed the protocol: too little has been tried", changed.Load())
	}
}

// greets wants a websocket in which the application says what the client has said.
func (g gatewayTest) greets(t *testing.T, request string) {
	t.Helper()
	conn := dialGateway(t, g.addr)
	reader := bufio.NewReader(conn)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer := readAnswer(reader, http.MethodGet)
	if answer.status != http.StatusSwitchingProtocols {
		t.Errorf("%q: status %d %v, want a websocket", request, answer.status, answer.err)
		return
	}
	// RFC 6455, 5.2: a text of five bytes, masked with zeros.
	_, _ = io.WriteString(conn, "\x81\x85\x00\x00\x00\x00hello")
	said, err := reader.ReadString('o')
	if !strings.HasSuffix(said, "hello") {
		t.Errorf("%q: the application says %q, %v", request, said, err)
	}
}
