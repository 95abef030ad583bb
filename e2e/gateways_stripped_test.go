//go:build live && gateways

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// strippedSection is the first configuration below "Stripped paths" of a page in docs/gateways.
func strippedSection(t *testing.T, page string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "docs", "gateways", page))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "\n## Stripped paths\n")
	parts := strings.Split(section, "```")
	if !found || len(parts) < 3 {
		t.Fatalf("%s has no such section any more", page)
	}
	_, configuration, _ := strings.Cut(parts[1], "\n")
	return configuration
}

// caddyStripped puts rules into the Caddyfile, before the one for staff.
func caddyStripped(t *testing.T, rules string) []string {
	t.Helper()
	const before = "\t\thandle /admin* {\n"
	return []string{before, rules + before}
}

// traefikStripped puts routers and middlewares into dynamic.yml.
func traefikStripped(t *testing.T, configuration string) []string {
	t.Helper()
	routers, middlewares, found := strings.Cut(strings.TrimPrefix(configuration, "http:\n  routers:\n"), "  middlewares:\n")
	if !found {
		t.Fatalf("there are no middlewares in %s", configuration)
	}
	return []string{"\n  routers:\n", "\n  routers:\n" + routers, "\n  middlewares:\n", "\n  middlewares:\n" + middlewares}
}

// change replaces what must be there.
func change(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("there is no %q any more in %s", from, text)
	}
	return strings.ReplaceAll(text, from, to)
}

// TestGatewaysStripped: where a gateway takes the beginning of a path away, the sidecar is asked about the whole path, as the pages for Caddy
// and Traefik have it. In another order, it is not.
func TestGatewaysStripped(t *testing.T) {
	rig := newGatewayRig(t)
	inCaddy, inTraefik := strippedSection(t, "caddy.md"), strippedSection(t, "traefik.md")
	inCaddy = strings.ReplaceAll(inCaddy, "127.0.0.1:8000", rig.route.Application)
	start := func(t *testing.T, with func(testing.TB, djangotest.GatewayRoute) *djangotest.Gateway, changes []string) gatewayTest {
		route := rig.route
		route.Changes = changes
		return gatewayTest{rig: rig, addr: with(t, route).Addr}
	}
	for name, through := range map[string]func(t *testing.T) gatewayTest{
		"caddy":   func(t *testing.T) gatewayTest { return start(t, djangotest.Caddy, caddyStripped(t, inCaddy)) },
		"traefik": func(t *testing.T) gatewayTest { return start(t, djangotest.Traefik, traefikStripped(t, inTraefik)) },
	} {
		t.Run(name, func(t *testing.T) { through(t).stripped(t) })
	}
	for name, wrong := range map[string]func(t *testing.T) gatewayTest{
		"caddy, without route": func(t *testing.T) gatewayTest {
			return start(t, djangotest.Caddy, caddyStripped(t, change(t, inCaddy, "\troute {", "\thandle {")))
		},
		"traefik, stripped first": func(t *testing.T) gatewayTest {
			return start(t, djangotest.Traefik, traefikStripped(t, change(t, inTraefik, "[user, strip-shop]", "[strip-shop, user]")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := wrong(t)
			g.wantLogin(t, g.wantRefused(t, get("/shop/page?q=1", asPage), http.StatusFound), "/page?q=1")
		})
	}
	t.Run("caddy, handle_path", func(t *testing.T) {
		g := start(t, djangotest.Caddy, caddyStripped(t, "handle_path /shop/* {\n"+strings.ReplaceAll(inCaddy, "\t\turi strip_prefix /shop\n", "")+
			"\thandle {\n\t\timport asked \"\"\n\t\treverse_proxy "+rig.route.Application+"\n\t}\n}\n"))
		g.wantLogin(t, g.wantRefused(t, get("/shop/page?q=1", asPage), http.StatusFound), "/page?q=1")
		shown := g.wantReached(t, get("/shop/admin/", gatewayCookie(g.rig.bob)), gatewayBob) // who is not staff
		if got := shown.Meta["PATH_INFO"]; got != "/admin/" {
			t.Errorf("the application is asked for %s", got)
		}
	})
}

// stripped asks for what is below /shop/.
func (g gatewayTest) stripped(t *testing.T) {
	g.wantLogin(t, g.wantRefused(t, get("/shop/page?q=1", asPage), http.StatusFound), "/shop/page?q=1")
	g.wantLogin(t, g.wantRefused(t, get("/shop/admin/", asPage), http.StatusFound), "/shop/admin/")
	for path, want := range map[string]string{"/shop/page?q=1": "/page", "/shop/": "/", "/shop/a%20b/": "/a b/", "/shop/shop/": "/shop/"} {
		shown := g.wantReached(t, get(path, gatewayCookie(g.rig.bob)+"X-Forwarded-Prefix: /forged\r\n"), gatewayBob)
		if got := shown.Meta["PATH_INFO"]; got != want || shown.Meta["HTTP_X_FORWARDED_PREFIX"] != "/shop" {
			t.Errorf("%s: the application is asked for %s below %q, want %s", path, got, shown.Meta["HTTP_X_FORWARDED_PREFIX"], want)
		}
	}
	g.wantReached(t, get("/shop/admin/", gatewayCookie(g.rig.ada)), gatewayAda)
	for _, path := range []string{
		"/shop/admin/", "/SHOP/ADMIN/", "/shop/admin.json", "/shop/admin", "/shop/admin/?q=/shop/", "/Shop/admin/", "/shopadmin/", "/shop//admin/", "/shop/./admin/",
		"/shop/x/../admin/", "/shop/%61dmin/", "/%73hop/admin/", "/shop%2fadmin/", "/shop;/admin/", "/shop/%2e/admin/", "http://example.com/shop/admin/",
	} {
		answer := g.do(t, get(path, gatewayCookie(g.rig.bob)))
		if shown := answer.reached(t); shown != nil && strings.HasPrefix(strings.ToLower(shown.Meta["PATH_INFO"]), "/admin") {
			t.Errorf("%s: the application is asked for %s by bob", path, shown.Meta["PATH_INFO"])
		}
	}
	g.wantRefused(t, get("/shop/admin/", gatewayCookie(g.rig.bob)), http.StatusForbidden)
}
