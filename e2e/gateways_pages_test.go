//go:build live && gateways

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestGatewaysPages: whoever has a gateway already, and takes the lines of its page for one path, has that path protected, and the paths
// refused that programs read in different ways.
func TestGatewaysPages(t *testing.T) {
	rig := newGatewayRig(t)
	for _, tt := range []struct {
		name, section string
		start         func(testing.TB, djangotest.GatewayRoute, ...string) *djangotest.Gateway
		down          int // the status where the sidecar does not answer
	}{
		{"nginx", "server", djangotest.NginxPage, http.StatusServiceUnavailable},
		{"haproxy", "frontend", djangotest.HAProxyPage, http.StatusServiceUnavailable},
		{"caddy", "site", djangotest.CaddyPage, http.StatusServiceUnavailable},
		{"traefik", "configuration", djangotest.TraefikPage, http.StatusInternalServerError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := blocksOfPage(t, "docs/gateways/"+tt.name+".md", "## Into an existing "+tt.section)
			g := gatewayTest{rig: rig, addr: tt.start(t, rig.route, lines...).Addr, gatewayUnderTest: gatewayUnderTest{name: tt.name}}
			for _, path := range []string{"/reports/", "/REPORTS/x", "/reports.json?a=//b"} {
				g.wantReached(t, get(path, gatewayCookie(rig.bob)), gatewayBob)
				g.wantLogin(t, g.wantRefused(t, get(path, asPage), http.StatusFound), path)
				g.wantRefused(t, get(path, asScript), http.StatusUnauthorized)
				g.wantRefused(t, get(path, asScript+gatewayCookie(rig.loggedOut)), http.StatusUnauthorized)
			}
			g.wantReached(t, get("/page", ""), gatewayNobody)
			t.Run("forgeries", func(t *testing.T) { g.forgedReports(t) })
			t.Run("paths", func(t *testing.T) { g.oddPaths(t) })
			t.Run("tunnels", func(t *testing.T) {
				application, route := tunnelledHypercorn(t).served(), rig.route
				route.Application = application.addr
				through := gatewayTest{rig: rig, addr: tt.start(t, route, lines...).Addr, gatewayUnderTest: g.gatewayUnderTest}
				through.tunnels(t, application, "/page/socket", "/reports/socket", "/reports/refused")
			})
			rig.sidecar[0].SetMode(djangotest.Reset())
			defer rig.sidecar[0].SetMode(djangotest.Pass())
			g.wantRefused(t, get("/reports/", asPage+gatewayCookie(rig.bob)), tt.down)
		})
	}
}

// TestGatewaysPagesNotUpgraded: with the line that its page has for a Traefik which passes h2c on, the application is never asked for
// another protocol. Any Traefik passes websocket on without the line.
func TestGatewaysPagesNotUpgraded(t *testing.T) {
	lines := blocksOfPage(t, "docs/gateways/traefik.md", "## Into an existing configuration")
	const below = "entryPoints:\n  web:\n    http:\n"
	if len(lines) != 3 || !strings.HasPrefix(lines[0], below) || !strings.HasPrefix(lines[2], below) {
		t.Fatalf("the lines of the page have changed:\n%s", lines)
	}
	lines[0] = lines[2] + strings.TrimPrefix(lines[0], below)
	rig, application := newGatewayRig(t), startRawApplication(t)
	route := rig.route
	route.Application = application.addr
	addr := djangotest.TraefikPage(t, route, lines...).Addr
	application.take() // what has been asked to see whether it runs
	const settings = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
	for _, upgrade := range []string{"Upgrade: websocket\r\n", "upgrade: H2C\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n", "Upgrade: foo\r\n"} {
		for _, path := range []string{"/page", "/reports/"} {
			request := get(path, upgrade+settings+websocketKey+gatewayCookie(rig.bob))
			if status := tryTunnel(t, addr, request); status != http.StatusOK {
				t.Errorf("%q: status %d", request, status)
			}
		}
	}
	requests := application.take()
	for _, request := range requests {
		if upgrade := request.values("upgrade"); len(upgrade) > 0 {
			t.Errorf("the application has seen Upgrade: %q at %s", upgrade, request.line)
		}
	}
	if len(requests) != 8 {
		t.Errorf("%d requests have arrived, want 8", len(requests))
	}
}

// TestGatewaysTenants: nginx asks the sidecar of the tenant that Django gets the host of. A session of one tenant is nobody's at the other.
func TestGatewaysTenants(t *testing.T) {
	one, two := newGatewayRig(t), newGatewayRig(t)
	blocks := blocksOfPage(t, "docs/applications.md", "## django-tenants")
	const asks = "    proxy_pass http://127.0.0.1:8100/auth/nginx; # a requirement: /auth/nginx?require=staff\n"
	page := blocksOfPage(t, "docs/gateways/nginx.md", "## Into an existing server")[0]
	if len(blocks) != 2 || strings.Count(page, asks) != 1 {
		t.Fatalf("the lines of the pages have changed:\n%s\n%s", blocks, page)
	}
	tenants := strings.NewReplacer("127.0.0.1:8100", one.route.Sidecar, "127.0.0.1:8110", two.route.Sidecar).Replace(blocks[0])
	g := gatewayTest{rig: one, addr: djangotest.NginxPage(t, one.route, strings.Replace(page, asks, blocks[1], 1), tenants).Addr}
	at := func(host, key string) string {
		return "GET /reports/ HTTP/1.1\r\nHost: " + host + "\r\n" + asScript + gatewayCookie(key) + "\r\n"
	}
	for _, host := range []string{"one.shop.example", "ONE.shop.example:8443"} {
		g.wantReached(t, at(host, one.ada), gatewayAda)
		g.wantRefused(t, at(host, two.ada), http.StatusUnauthorized)
	}
	g.wantReached(t, at("two.shop.example", two.bob), gatewayBob)
	g.wantRefused(t, at("two.shop.example", one.bob), http.StatusUnauthorized)
	for _, host := range []string{"shop.example", "one.shop.example.evil.example", "notone.shop.example", "one.shop.example."} {
		g.wantRefused(t, at(host, one.ada), http.StatusServiceUnavailable)
	}
	// The host of the request line counts neither for nginx nor for Django.
	line := strings.Replace(at("two.shop.example", one.ada), "GET /", "GET http://one.shop.example/", 1)
	g.wantRefused(t, line, http.StatusUnauthorized)
}

// forgedReports forges identities below /reports.
func (g gatewayTest) forgedReports(t *testing.T) {
	arrived := 0
	for _, name := range []string{"Remote-User", "Remote-User-Id", "Remote-Email", "Remote-Groups"} {
		for _, spelling := range spellings(name) {
			g.noForgery(t, get("/reports/", spelling+": "+forged+"\r\n"+gatewayCookie(g.rig.bob)), gatewayBob, &arrived)
		}
		g.wantReached(t, get("/reports/", "Connection: close, "+name+"\r\n"+gatewayCookie(g.rig.bob)), gatewayBob)
	}
	if arrived < 20 {
		t.Errorf("only %d requests have reached the application", arrived)
	}
}

// oddPaths asks for the paths that docs/gateways/README.md says are refused. Traefik writes some of them plainly instead.
func (g gatewayTest) oddPaths(t *testing.T) {
	refused, _ := djangotest.DocumentedPaths(t)
	for _, path := range refused {
		for _, spelt := range []string{path, "/reports" + path} {
			if answer := g.do(t, get(spelt, gatewayCookie(g.rig.bob))); answer.status != http.StatusBadRequest &&
				(g.name != "traefik" || !unreserved.MatchString(path)) {
				t.Errorf("%q: status %d %v, want 400", spelt, answer.status, answer.err)
			}
		}
	}
}
