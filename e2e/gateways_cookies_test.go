//go:build live && gateways

package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// TestGatewaysCookieLines: the cookies of HTTP/2 may come in several fields, which every gateway joins. Several lines of HTTP/1,
// which no browser sends, stay several but with Envoy over HTTP: the sidecar reads them as Django under WSGI does.
func TestGatewaysCookieLines(t *testing.T) {
	rig := newGatewayRig(t)
	session := "sessionid=" + rig.bob
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			application, sidecar := startRawApplication(t), startRawApplication(t)
			route := rig.route
			route.Application = application.addr
			start := g.start
			if g.overHTTP2 != nil {
				start = g.overHTTP2
			}
			addr := start(t, route).Addr
			for _, crumbs := range [][]string{
				{"cookie", "a=1", "cookie", session},
				{"cookie", session, "accept", "*/*", "cookie", "a=1", "cookie", "b=2"},
			} {
				http2Exchange(t, addr, http2Request{fields: http2Get("GET", "/page", crumbs...)})
				if seen := application.take(); len(seen) != 1 || seen[0].user() != "bob" {
					t.Errorf("%q: the application sees %v, want a request of bob's", crumbs, seen)
				}
			}
			lines := []string{"a=1", session}
			request := get("/page", "Cookie: "+lines[0]+"\r\nAccept: */*\r\nCookie: "+lines[1]+"\r\n")
			if answer := exchange(t, g.start(t, route).Addr, request); answer.status != http.StatusUnauthorized || answer.err != nil {
				t.Errorf("two lines: status %d %v, want 401", answer.status, answer.err)
			}
			want := lines
			switch g.name {
			case "envoy-grpc":
				return // the raw application speaks no gRPC
			case "envoy":
				want = []string{"a=1," + session} // ext_authz joins the lines of any header like this
			}
			route.Sidecar = sidecar.addr
			addr = g.start(t, route).Addr
			sidecar.take() // Traefik's first questions are nobody's
			exchange(t, addr, request)
			if seen := sidecar.take(); len(seen) != 1 || !slices.Equal(seen[0].values("cookie"), want) {
				t.Errorf("the sidecar is asked %v, want the cookies %q", seen, want)
			}
		})
	}
}
