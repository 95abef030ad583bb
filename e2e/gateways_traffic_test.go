//go:build live && gateways

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

func (g gatewayTest) websocket(t *testing.T) {
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, headers := range []string{upgrade, strings.Replace(upgrade, "Connection: Upgrade", "Connection: keep-alive, Upgrade, Remote-User", 1)} {
		conn := dialGateway(t, g.addr)
		_, writeErr := io.WriteString(conn, get("/socket", gatewayCookie(g.rig.ada)+"Remote-User: forged\r\n"+headers))
		reader := bufio.NewReader(conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
		if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("X-Application") != "ada" {
			t.Errorf("status %d, from %q", response.StatusCode, response.Header.Get("X-Application"))
		} else {
			fmt.Fprintf(conn, "hello\n")
			for range 2 {
				if line, err := reader.ReadString('\n'); line != "hello\n" {
					t.Errorf("the application says %q, %v", line, err)
				}
			}
		}
		_ = response.Body.Close()
	}
	g.wantRefused(t, get("/socket", upgrade), http.StatusUnauthorized)
	g.wantRefused(t, get("/socket", gatewayCookie(g.rig.loggedOut)+upgrade), http.StatusUnauthorized)
	// No other protocol is a way past the gateway.
	h2c := "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
	g.wantRefused(t, get("/page", h2c), http.StatusUnauthorized)
	for _, headers := range []string{h2c, "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n", "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n"} {
		shown := g.do(t, get("/page", gatewayCookie(g.rig.bob)+headers)).reached(t)
		if shown != nil && shown.Meta["HTTP_UPGRADE"] != "" {
			t.Errorf("the application is asked to upgrade to %s", shown.Meta["HTTP_UPGRADE"])
		}
	}
}

func (g gatewayTest) uploads(t *testing.T) {
	const size = 20 << 20
	body := strings.Repeat("0123456789abcdef", size/16)
	plain := fmt.Sprintf("Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", size)
	request := requestOf("POST", "/documents", gatewayCookie(g.rig.bob)+plain) + body
	if shown := g.wantReached(t, request, gatewayBob); shown.Body != size {
		t.Errorf("%d bytes have arrived of %d", shown.Body, size)
	}
	chunked := "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n"
	request = requestOf("PUT", "/documents", gatewayCookie(g.rig.bob)+chunked) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)
	if shown := g.wantReached(t, request, gatewayBob); shown.Body != size {
		t.Errorf("%d bytes have arrived of %d, in chunks", shown.Body, size)
	}
	// Who is refused is told before the body has been sent.
	expect := fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", size)
	g.wantRefused(t, requestOf("POST", "/documents", expect)+body[:g.drains], http.StatusUnauthorized)
	g.wantRefused(t, requestOf("POST", "/documents", plain)+body[:g.drains+1], http.StatusUnauthorized)
}

func (g gatewayTest) outages(t *testing.T) {
	request := get("/page", gatewayCookie(g.rig.ada))
	store := []*djangotest.FaultProxy{g.rig.store}
	for name, fault := range map[string]struct {
		proxies []*djangotest.FaultProxy
		mode    djangotest.Mode
	}{
		"the sidecar is down":              {g.rig.sidecar, djangotest.Refuse()},
		"the sidecar resets":               {g.rig.sidecar, djangotest.Reset()},
		"the sidecar hangs":                {g.rig.sidecar, djangotest.BlackHole()},
		"the sidecar is cut off mid-word":  {g.rig.sidecar, djangotest.CutAfter(9)},
		"the sidecar's header is cut off":  {g.rig.sidecar, djangotest.CutAfter(30)},
		"the store is down":                {store, djangotest.Refuse()},
		"the store hangs":                  {store, djangotest.BlackHole()},
		"the store's answers are cut off":  {store, djangotest.CutAfter(3)},
		"the store takes longer than 3 s":  {store, djangotest.Slow(5 * time.Second)},
		"the store resets its connections": {store, djangotest.Reset()},
	} {
		t.Run(name, func(t *testing.T) {
			setMode(fault.mode, fault.proxies)
			for _, headers := range []string{"", asPage, asScript} {
				answer := g.wantRefused(t, get("/page", gatewayCookie(g.rig.ada)+headers), http.StatusServiceUnavailable)
				if location := answer.header.Get("Location"); location != "" {
					t.Errorf("an outage sends to %s", location)
				}
			}
			setMode(djangotest.Pass(), fault.proxies)
			waitFor(t, 30*time.Second, "a user again", func() bool { return g.do(t, request).header.Get("X-Application") == "ada" })
		})
	}
	// What is public does not need the sidecar.
	setMode(djangotest.Refuse(), g.rig.sidecar)
	g.wantReached(t, get("/accounts/login/", ""), gatewayNobody)
	setMode(djangotest.Pass(), g.rig.sidecar)
	waitFor(t, 30*time.Second, "a user again", func() bool { return g.do(t, request).header.Get("X-Application") == "ada" })
}

func setMode(mode djangotest.Mode, proxies []*djangotest.FaultProxy) {
	for _, p := range proxies {
		p.SetMode(mode)
	}
}
