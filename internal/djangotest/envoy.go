package djangotest

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
)

// envoyVersion is what tools/setup-gateways.sh installs.
const envoyVersion = "1.40.0"

// Envoy starts Envoy with deploy/envoy/envoy.yaml, which asks over HTTP.
func Envoy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverHTTP(tb, "deploy/envoy/envoy.yaml", route)
}

// EnvoyBare starts Envoy with testdata/gateways/envoy-bare.yaml, which removes nothing from a request.
func EnvoyBare(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverHTTP(tb, "testdata/gateways/envoy-bare.yaml", route)
}

func envoyOverHTTP(tb testing.TB, file string, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoy(tb, file, route, "port_value: 8100", "port_value: "+portOf(tb, route.Sidecar))
}

// EnvoyGRPC starts Envoy with deploy/envoy/envoy-grpc.yaml.
func EnvoyGRPC(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverGRPC(tb, "deploy/envoy/envoy-grpc.yaml", route)
}

// EnvoyGRPCBare starts Envoy with testdata/gateways/envoy-grpc-bare.yaml, which removes nothing from a request.
func EnvoyGRPCBare(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverGRPC(tb, "testdata/gateways/envoy-grpc-bare.yaml", route)
}

func envoyOverGRPC(tb testing.TB, file string, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoy(tb, file, route, "port_value: 8102", "port_value: "+portOf(tb, route.SidecarGRPC))
}

// envoyHTTP2 is what makes Envoy speak HTTP/2 to a cluster.
const envoyHTTP2 = `    - name: application
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
      connect_timeout: 5s`

// envoyEverybody is the route for which any user will do, and envoyPreflight lets preflights through there.
const (
	envoyEverybody = "                        - match: {prefix: /}\n"
	envoyPreflight = `                          typed_per_filter_config:
                            envoy.filters.http.ext_authz:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                              check_settings: {context_extensions: {preflight: "1"}}
`
)

func envoy(tb testing.TB, file string, route GatewayRoute, replace ...string) *Gateway {
	tb.Helper()
	replace = append(replace, "port_value: 8000", "port_value: "+portOf(tb, route.Application))
	if route.HTTP2 {
		replace = append(replace, "    - name: application\n      connect_timeout: 5s", envoyHTTP2)
	}
	if route.Preflight {
		replace = append(replace, envoyEverybody, envoyEverybody+envoyPreflight)
	}
	program := cachedProgram(tb, "envoy", "envoy-"+envoyVersion, "envoy", "_bin", "envoy")
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	g.copyFile(file, append(replace, "address: 0.0.0.0, port_value: 8080", fmt.Sprintf("address: 127.0.0.1, port_value: %d", port))...)
	return g.run(func() *exec.Cmd {
		// Without a base id of their own, two Envoys on a machine share memory, and the second does not start.
		return exec.Command(program, "-c", g.path(filepath.Base(file)), "--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warning")
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
