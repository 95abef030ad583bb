//go:build live && gateways

package e2e

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGatewaysPast: no request gets past the question in what another request brings with it: CONNECT, a websocket that is
// refused, a body.
func TestGatewaysPast(t *testing.T) {
	rig := newGatewayRig(t)
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			application := startRawApplication(t)
			route := rig.route
			route.Application = application.addr
			through := gatewayTest{rig: rig, addr: g.start(t, route).Addr, gatewayUnderTest: g}
			through.connects(t, application)
			through.early(t, application)
			start := g.start
			if g.overHTTP2 != nil {
				start = g.overHTTP2
			}
			through.addr = start(t, route).Addr
			through.connectsHTTP2(t, application)
		})
	}
}

// smuggled is a request that only staff may send, as a client writes it where nobody looks.
const smuggled = "GET " + secretPath + " HTTP/1.1\r\nHost: example.com\r\nRemote-User: root\r\n\r\n"

// connects: no gateway opens a tunnel to whoever asks for one, signed in or not.
func (g gatewayTest) connects(t *testing.T, application *rawApplication) {
	t.Helper()
	trying := new(atMost)
	for _, target := range []string{
		"example.com:80", "example.com", "/accounts/login/", "/page", "http://example.com/static/x", "*", "example.com:80/accounts/", "127.0.0.1:8000",
	} {
		for _, cookie := range []string{"", gatewayCookie(g.rig.bob)} {
			for _, headers := range []string{"", "Upgrade: websocket\r\nConnection: Upgrade\r\n" + websocketKey} {
				trying.do(func() { g.sends(t, requestOf("CONNECT", target, cookie+headers)+smuggled) })
			}
		}
	}
	trying.wait()
	if seen := application.take(); len(seen) > 0 {
		t.Errorf("CONNECT: the application has seen %q", seen)
	}
}

// connectsHTTP2: the same over HTTP/2, where CONNECT can name a protocol (RFC 8441), and Upgrade is no header.
func (g gatewayTest) connectsHTTP2(t *testing.T, application *rawApplication) {
	t.Helper()
	var requests []http2Request
	for _, cookie := range [][]string{nil, {"cookie", "sessionid=" + g.rig.bob}} {
		requests = append(requests, http2Request{fields: append([]string{":method", "CONNECT", ":authority", "example.com:80"}, cookie...), tunnel: true, body: smuggled})
		for _, path := range []string{"/static/socket", "/page"} {
			for _, protocol := range []string{"websocket", "WebSocket", "h2c", "websocket, h2c", "foo", ""} {
				fields := append(http2Get("CONNECT", path, ":protocol", protocol), cookie...)
				requests = append(requests, http2Request{fields: append(fields, "sec-websocket-version", "13"), tunnel: true, body: smuggled})
			}
			for _, header := range []string{"upgrade", "connection", "http2-settings"} {
				requests = append(requests, http2Request{fields: append(http2Get("GET", path, header, "h2c"), cookie...)})
			}
		}
	}
	trying := new(atMost)
	for _, request := range requests {
		trying.do(func() { http2Exchange(t, g.addr, request) })
	}
	trying.wait()
	for _, request := range application.take() {
		fault := request.fault()
		if strings.HasPrefix(request.line, "CONNECT") || strings.Contains(request.body, secretPath) {
			fault = request.line + request.body
		}
		if strings.Contains(request.line, "/page") && request.user() != "bob" {
			fault = "nobody at " + request.line
		}
		if fault != "" {
			t.Errorf("the application has seen %s", fault)
		}
	}
}

// early sends a request behind one that asks for a websocket and is refused by the application, or inside its body.
func (g gatewayTest) early(t *testing.T, application *rawApplication) {
	t.Helper()
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n" + websocketKey
	length, chunk := fmt.Sprintf("Content-Length: %d\r\n", len(smuggled)), fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
	trying := new(atMost)
	for _, path := range []string{"/accounts/refused", "/refused", "/static/socket"} {
		for _, request := range []string{
			get(path, upgrade+gatewayCookie(g.rig.bob)) + smuggled,
			get(path, gatewayCookie(g.rig.bob)+length+upgrade) + smuggled,
			requestOf("POST", path, gatewayCookie(g.rig.bob)+length+upgrade) + smuggled,
			get(path, gatewayCookie(g.rig.bob)+"Transfer-Encoding: chunked\r\n"+upgrade) + chunk,
			requestOf("POST", path, gatewayCookie(g.rig.bob)+"Transfer-Encoding: chunked\r\n"+upgrade) + chunk,
			get(path, gatewayCookie(g.rig.bob)+"Content-Length: 0\r\n"+upgrade) + smuggled,
			get(path, gatewayCookie(g.rig.bob)+length+"Transfer-Encoding: chunked\r\n"+upgrade) + chunk,
		} {
			trying.do(func() { g.sends(t, request) })
		}
	}
	trying.wait()
	seen := application.take()
	if len(seen) == 0 {
		t.Error("nothing has reached the application: too little has been tried")
	}
	for _, request := range seen {
		if fault := request.fault(); fault != "" {
			t.Errorf("the application has seen %s", fault)
		}
		// Traefik's rules do not see whether a request has a body.
		if g.name != "traefik" && request.body != "" && slices.Contains(request.values("upgrade"), "websocket") {
			t.Errorf("the application has seen an Upgrade with a body: %q", request)
		}
	}
}

// sends sends bytes and reads until the gateway hangs up, or for two seconds: what the gateway has not passed on by then, it keeps.
func (g gatewayTest) sends(t *testing.T, request string) {
	t.Helper()
	conn := dialGateway(t, g.addr)
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, request)
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
