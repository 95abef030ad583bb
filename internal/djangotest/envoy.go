package djangotest

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
)

// envoyVersion is what tools/setup-gateways.sh installs.
const envoyVersion = "1.40.0"

// Envoy starts Envoy with deploy/envoy/envoy.yaml, which asks over HTTP.
func Envoy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	program := cachedProgram(tb, "envoy", "envoy-"+envoyVersion, "envoy", "_bin", "envoy")
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	g.copyFile("envoy/envoy.yaml", "address: 0.0.0.0, port_value: 8080", fmt.Sprintf("address: 127.0.0.1, port_value: %d", port),
		"port_value: 8100", "port_value: "+portOf(tb, route.Sidecar), "port_value: 8000", "port_value: "+portOf(tb, route.Application))
	return g.run(func() *exec.Cmd {
		// Without a base id of their own, two Envoys on a machine share memory, and the second does not start.
		return exec.Command(program, "-c", g.path("envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warning")
	})
}

func portOf(tb testing.TB, addr string) string {
	tb.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
