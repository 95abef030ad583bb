package djangotest

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TLSFiles is a folder of certificates that every gateway can read.
type TLSFiles struct{ folder *SmallServer }

// NewTLSFiles makes the folder, which the end of the test removes.
func NewTLSFiles(tb testing.TB) *TLSFiles {
	tb.Helper()
	return &TLSFiles{newSmallServer(tb)}
}

// Dir is its path.
func (f *TLSFiles) Dir() string { return f.folder.dir }

// Put moves a file with this text to its place, as programs do that renew certificates.
func (f *TLSFiles) Put(name, text string) {
	f.folder.tb.Helper()
	err := f.folder.account.writeFile(f.folder.path(name+".new"), text)
	if err == nil {
		err = os.Rename(f.folder.path(name+".new"), f.folder.path(name))
	}
	if err != nil {
		f.folder.tb.Fatal(err)
	}
}

// Reload tells a gateway to read its files again, in its own way.
func (g *Gateway) Reload() {
	g.tb.Helper()
	if err := g.reload(); err != nil {
		g.tb.Fatal(err)
	}
}

// reloadsAt has a gateway read its files again at a signal.
func (g *Gateway) reloadsAt(signal syscall.Signal) *Gateway {
	g.reload = func() error { return syscall.Kill(g.process.Pid(), signal) }
	return g
}

// NginxTLS is Nginx, with lines of its page that have it ask over TLS.
func NginxTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	return g.runNginx("django-sidecar.conf", port, deployedSidecar, route.Sidecar, deployedApplication,
		route.Application, "proxy_pass http://django_sidecar", "proxy_pass https://django_sidecar",
		"upstream application ", lines+"upstream application ").reloadsAt(syscall.SIGHUP)
}

// HAProxyTLS is HAProxy, with lines of its page that have it ask over TLS.
func HAProxyTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	asking := loopback(mustFreePort(tb))
	lines = strings.NewReplacer(deployedSidecar, route.Sidecar, "127.0.0.1:8110", asking).Replace(lines)
	return haproxy(tb, route, []string{"-W"}, "http://"+deployedSidecar, "http://"+asking,
		haproxyBackend, lines).reloadsAt(syscall.SIGUSR2)
}

// haproxyBackend is what lines for TLS stand in place of.
const haproxyBackend = `backend django-sidecar
    timeout server 5m # from the last byte to the answer: the disk may be slow
    server django-sidecar ` + deployedSidecar

// CaddyTLS is Caddy, with lines of its page that have it ask over TLS.
func CaddyTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	route.Changes = append(route.Changes, "forward_auth "+deployedSidecar, "forward_auth https://"+route.Sidecar,
		"reverse_proxy "+deployedSidecar, "reverse_proxy https://"+route.Sidecar,
		"transport http {\n", "transport http {\n"+lines)
	return caddy(tb, route, "").reloadsAt(syscall.SIGUSR1)
}

// TraefikTLS is Traefik, with lines of its page that have it ask over TLS.
func TraefikTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	lines = indent(lines, 6)
	route.Changes = append(route.Changes, "http://"+deployedSidecar, "https://"+route.Sidecar,
		"      maxIdleConnsPerHost: 64\n", lines+"      maxIdleConnsPerHost: 64\n")
	return Traefik(tb, route).reloadsAt(syscall.SIGHUP)
}

// EnvoyTLS is Envoy, with lines of its page that have it ask over TLS.
func EnvoyTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	return envoyOverHTTP(tb, "deploy/envoy/envoy.yaml", route, envoyTLS(lines)...).reloadsAlone()
}

// EnvoyGRPCTLS is EnvoyGRPC, with lines of its page that have it ask over TLS.
func EnvoyGRPCTLS(tb testing.TB, route GatewayRoute, lines string) *Gateway {
	tb.Helper()
	return envoyOverGRPC(tb, "deploy/envoy/envoy-grpc.yaml", route, envoyTLS(lines)...).reloadsAlone()
}

// envoyTLS puts the lines into both clusters of the sidecar.
func envoyTLS(lines string) []string {
	replace := []string{"static_resources:\n", "node: {id: gateway, cluster: gateway}\nstatic_resources:\n"}
	for _, name := range []string{"django_sidecar", "uploads # the sidecar's public listener"} {
		line := "    - name: " + name + "\n"
		replace = append(replace, line, line+indent(lines, 6))
	}
	return replace
}

// reloadsAlone is for a gateway that sees by itself that files are new.
func (g *Gateway) reloadsAlone() *Gateway {
	g.reload = func() error { return nil }
	return g
}

func indent(lines string, by int) string {
	margin := fmt.Sprintf("%*s", by, "")
	return margin + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n"+margin) + "\n"
}
