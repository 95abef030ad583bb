package djangotest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// These gateways lead everything to the application, and ask for a user below /reports alone, as a page of
// docs/gateways has it. Each takes the lines of its page.

// NginxPage starts nginx with the lines of its page, and others that stand above the server.
func NginxPage(tb testing.TB, route GatewayRoute, lines ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	const server = "server {\nlisten 127.0.0.1:%d;\n%s\n" +
		"location / { proxy_pass http://%s; proxy_set_header Host $http_host; }\n}\n"
	above := strings.Join(lines[1:], "\n") + "\n"
	g.write("page.conf", above+fmt.Sprintf(server, port, route.inPage(lines[0]), route.Application))
	g.write("nginx.conf", fmt.Sprintf(nginxMain, "page.conf"))
	program := serverProgram(tb, "nginx", "nginx")
	return g.run(func() *exec.Cmd {
		return exec.Command(program, "-p", g.dir, "-e", "stderr", "-c", g.path("nginx.conf"))
	})
}

// HAProxyPage starts HAProxy with the lines of its page.
func HAProxyPage(tb testing.TB, route GatewayRoute, lines ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	g.copyFile("deploy/haproxy/django-sidecar.lua")
	global, frontend, found := strings.Cut(route.inPage(lines[0]), "frontend web\n")
	if !found {
		tb.Fatalf("there is no frontend in %s", lines[0])
	}
	g.write("haproxy.cfg", strings.ReplaceAll(global, "/etc/haproxy/django-sidecar.lua", g.path("django-sidecar.lua"))+
		"defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n"+
		fmt.Sprintf("frontend web\n    bind 127.0.0.1:%d\n    default_backend application\n%s\n", port, frontend)+
		"backend application\n    server application "+route.Application+"\n")
	program := serverProgram(tb, "haproxy", "haproxy")
	return g.run(func() *exec.Cmd { return exec.Command(program, "-db", "-f", g.path("haproxy.cfg")) })
}

// CaddyPage starts Caddy with the lines of its page: those above the sites, and those of the site.
func CaddyPage(tb testing.TB, route GatewayRoute, lines ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	const site = "{\n\tadmin off\n}\n%s\nhttp://:%d {\nbind 127.0.0.1\n%s\nhandle {\nreverse_proxy %s\n}\n}\n"
	g.write("Caddyfile", fmt.Sprintf(site, lines[0], port, route.inPage(lines[1]), route.Application))
	return g.runCaddy("Caddyfile")
}

// TraefikPage starts Traefik with the lines of its page: those of the entry point, and the others.
func TraefikPage(tb testing.TB, route GatewayRoute, lines ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	const static = "providers: {file: {filename: %s}}\n%s    address: 127.0.0.1:%d\n"
	g.write("traefik.yml", fmt.Sprintf(static, g.path("dynamic.yml"), lines[0], port))
	const routers = `http:
  services:
    application:
      loadBalancer: {servers: [{url: "http://%s"}]}
  routers:
    everything: {rule: "PathPrefix(` + "`/`" + `)", priority: 1, service: application}
    reports:
      {rule: "PathRegexp(` + "`(?i)^/reports`" + `)", priority: 2, middlewares: [django-user], service: application}
`
	_, rest, found := strings.Cut(route.inPage(lines[1]), "http:\n  routers:\n")
	if !found {
		tb.Fatalf("there are no routers in %s", lines[1])
	}
	g.write("dynamic.yml", fmt.Sprintf(routers, route.Application)+rest)
	return g.runTraefik()
}

// EnvoyPage starts Envoy as Envoy does, with the lines of its page about tokens: a filter, and a route.
func EnvoyPage(tb testing.TB, route GatewayRoute, lines ...string) *Gateway {
	tb.Helper()
	const (
		filter = "                  - name: envoy.filters.http.ext_authz\n"
		rest   = "                        # 8. What is protected"
	)
	return envoyOverHTTP(tb, "deploy/envoy/envoy.yaml", route, filter, lines[0]+filter, rest, lines[1]+rest)
}

// inPage puts the addresses of a route in place of those of a page.
func (r GatewayRoute) inPage(lines string) string {
	return strings.NewReplacer(deployedSidecar, r.Sidecar, deployedApplication, r.Application).Replace(lines)
}
