package djangotest

import (
	"fmt"
	"os/exec"
	"testing"
)

// HAProxy starts HAProxy with deploy/haproxy.
func HAProxy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return haproxy(tb, route, nil)
}

// haproxy starts HAProxy with further options and changes: pairs of what stands in its file and what is to stand there.
func haproxy(tb testing.TB, route GatewayRoute, options []string, replace ...string) *Gateway {
	tb.Helper()
	program := serverProgram(tb, "haproxy", "haproxy")
	if route.HTTP2 {
		route.Application += " proto h2"
	}
	g, port := newGateway(tb)
	g.copyFile("deploy/haproxy/django-sidecar.lua")
	replace = append(replace,
		"bind :8080", fmt.Sprintf("bind 127.0.0.1:%d", port), "/etc/haproxy/django-sidecar.lua",
		g.path("django-sidecar.lua"),
		deployedSidecar, route.Sidecar, deployedApplication, route.Application)
	if route.Preflight {
		replace = append(replace, "/auth/forward unless", "/auth/forward?preflight=1 unless")
	}
	g.copyFile("deploy/haproxy/haproxy.cfg", replace...)
	options = append(options, "-db", "-f", g.path("haproxy.cfg"))
	return g.run(func() *exec.Cmd { return exec.Command(program, options...) })
}
