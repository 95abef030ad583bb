package djangotest

import (
	"fmt"
	"os/exec"
	"testing"
)

// HAProxy starts HAProxy with deploy/haproxy.
func HAProxy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	program := serverProgram(tb, "haproxy", "haproxy")
	if route.HTTP2 {
		route.Application += " proto h2"
	}
	g, port := newGateway(tb)
	g.copyFile("deploy/haproxy/django-sidecar.lua")
	replace := []string{
		"bind :8080", fmt.Sprintf("bind 127.0.0.1:%d", port), "/etc/haproxy/django-sidecar.lua",
		g.path("django-sidecar.lua"),
		deployedSidecar, route.Sidecar, deployedApplication, route.Application,
	}
	if route.Preflight {
		replace = append(replace, "/auth/forward unless", "/auth/forward?preflight=1 unless")
	}
	g.copyFile("deploy/haproxy/haproxy.cfg", replace...)
	return g.run(func() *exec.Cmd { return exec.Command(program, "-db", "-f", g.path("haproxy.cfg")) })
}
