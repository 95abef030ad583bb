package djangotest

import (
	"os"
	"strings"
	"testing"
)

// GatewayTLS is how a gateway speaks TLS to the sidecar: lines of a page, and what is in the files that they name.
type GatewayTLS struct {
	Lines  string
	Server string            // the sidecar's name in its certificate
	Files  map[string]string // names in the folder of the lines, and the files whose texts belong there
}

// NginxTLS is Nginx, over TLS.
func NginxTLS(tb testing.TB, route GatewayRoute, t GatewayTLS) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	lines := t.in(g, "/etc/nginx/tls/")
	return g.runNginx("django-sidecar.conf", port, deployedSidecar, route.Sidecar, deployedApplication,
		route.Application, "proxy_pass http://django_sidecar", "proxy_pass https://django_sidecar",
		"upstream application ", lines+"upstream application ")
}

// EnvoyGRPCTLS is EnvoyGRPC, over TLS.
func EnvoyGRPCTLS(tb testing.TB, route GatewayRoute, t GatewayTLS) *Gateway {
	tb.Helper()
	files, _ := newGateway(tb)
	lines := "      " + strings.ReplaceAll(strings.TrimSpace(t.in(files, "/etc/envoy/tls/")), "\n", "\n      ") + "\n"
	var replace []string
	for _, cluster := range []string{"django_sidecar", "uploads"} {
		line := "    - name: " + cluster + "\n"
		if cluster == "uploads" {
			line = "    - name: uploads # the sidecar's public listener\n"
		}
		replace = append(replace, line, line+lines)
	}
	return envoyOverGRPC(tb, "deploy/envoy/envoy-grpc.yaml", route, replace...)
}

// in puts the files into a gateway's folder, and returns the lines with that folder in place of another.
func (t GatewayTLS) in(g *Gateway, folder string) string {
	g.tb.Helper()
	for name, source := range t.Files {
		raw, err := os.ReadFile(source)
		if err != nil {
			g.tb.Fatal(err)
		}
		g.write(name, string(raw))
	}
	return strings.NewReplacer(folder, g.path("")+"/", "sidecar.internal", t.Server).Replace(t.Lines)
}
