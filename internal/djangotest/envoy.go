package djangotest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// envoyVersion is what tools/setup-gateways.sh installs.
const envoyVersion = "1.40.0"

// Envoy starts Envoy with deploy/envoy/envoy.yaml, which asks over HTTP.
func Envoy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverHTTP(tb, "deploy/envoy/envoy.yaml", route)
}

// EnvoyRules starts Envoy as Envoy does, with other rules in place of the one for /admin: paths, and what each
// requires.
func EnvoyRules(tb testing.TB, route GatewayRoute, rules map[string][]string) *Gateway {
	tb.Helper()
	const file = "deploy/envoy/envoy.yaml"
	return envoyOverHTTP(tb, file, route, envoyRules(tb, file, "/auth/envoy;require=staff", rules, func(words []string) string {
		return strconv.Quote("/auth/envoy;require=" + strings.Join(words, ";require="))
	})...)
}

// EnvoyGRPCRules starts Envoy as EnvoyGRPC does, with the rules of EnvoyRules.
func EnvoyGRPCRules(tb testing.TB, route GatewayRoute, rules map[string][]string) *Gateway {
	tb.Helper()
	const file = "deploy/envoy/envoy-grpc.yaml"
	return envoyOverGRPC(tb, file, route, envoyRules(tb, file, "{require: staff}", rules, func(words []string) string {
		return fmt.Sprintf("{require: %q}", strings.Join(words, "&require="))
	})...)
}

// envoyRules finds the rule for /admin in a file, and makes copies of it, in which the requirement is another.
func envoyRules(tb testing.TB, file, requirement string, rules map[string][]string, write func(words []string) string) (replace []string) {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(RepositoryPath(), file))
	if err != nil {
		tb.Fatal(err)
	}
	const begin, end = "- match: {prefix: /admin,", "# 7. "
	_, rest, found := strings.Cut(string(raw), begin)
	rule, _, ended := strings.Cut(rest, end)
	if !found || !ended || strings.Count(rule, requirement) != 1 {
		tb.Fatalf("%s has no rule for /admin that requires %s", file, requirement)
	}
	rule = begin + rule
	var all strings.Builder
	for path, words := range rules {
		all.WriteString(strings.NewReplacer("prefix: /admin", "prefix: "+path, requirement, write(words)).Replace(rule))
	}
	return []string{rule, all.String()}
}

// EnvoyBare starts Envoy with testdata/gateways/envoy-bare.yaml, which removes nothing from a request.
func EnvoyBare(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverHTTP(tb, "testdata/gateways/envoy-bare.yaml", route)
}

func envoyOverHTTP(tb testing.TB, file string, route GatewayRoute, replace ...string) *Gateway {
	tb.Helper()
	return envoy(tb, file, route, append(replace, "port_value: 8100", "port_value: "+portOf(tb, route.Sidecar))...)
}

// EnvoyGRPC starts Envoy with deploy/envoy/envoy-grpc.yaml.
func EnvoyGRPC(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoyOverGRPC(tb, "deploy/envoy/envoy-grpc.yaml", route)
}

// EnvoyGRPCBare starts Envoy with testdata/gateways/envoy-grpc-bare.yaml, which removes nothing from a request.
func EnvoyGRPCBare(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return envoy(tb, "testdata/gateways/envoy-grpc-bare.yaml", route, "port_value: 8102",
		"port_value: "+portOf(tb, route.SidecarGRPC))
}

func envoyOverGRPC(tb testing.TB, file string, route GatewayRoute, replace ...string) *Gateway {
	tb.Helper()
	return envoy(tb, file, route, append(replace, "port_value: 8102", "port_value: "+portOf(tb, route.SidecarGRPC),
		"port_value: 8100", "port_value: "+portOf(tb, route.Sidecar))...)
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
	g.copyFile(file, append(replace, "address: 0.0.0.0, port_value: 8080",
		fmt.Sprintf("address: 127.0.0.1, port_value: %d", port))...)
	return g.run(func() *exec.Cmd {
		// Without a base id of their own, two Envoys on a machine share memory, and the second does not start.
		return exec.Command(program, "-c", g.path(filepath.Base(file)), "--use-dynamic-base-id", "--concurrency", "2",
			"--log-level", "warning")
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
