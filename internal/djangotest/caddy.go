package djangotest

import (
	"fmt"
	"os/exec"
	"testing"
)

// Caddy starts Caddy with deploy/caddy.
func Caddy(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return caddy(tb, route, "")
}

// CaddyHTTP2 is Caddy, for clients that speak HTTP/2 without TLS.
func CaddyHTTP2(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	return caddy(tb, route, "\tservers {\n\t\tprotocols h1 h2c\n\t}\n")
}

func caddy(tb testing.TB, route GatewayRoute, options string) *Gateway {
	tb.Helper()
	if route.HTTP2 {
		route.Application = "h2c://" + route.Application
	}
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	replace := []string{
		":8080 {", fmt.Sprintf("http://:%d {\n\tbind 127.0.0.1",
			port), deployedSidecar, route.Sidecar, deployedApplication, route.Application,
	}
	if route.Preflight {
		replace = append(replace, `import asked ""`, "import asked preflight=1")
	}
	g.copyFile("deploy/caddy/Caddyfile", append(replace, route.Changes...)...)
	g.write("main", "{\n\tadmin off\n"+options+"}\nimport Caddyfile\n")
	return g.runCaddy("main")
}

// runCaddy starts Caddy with a file of the gateway's directory.
func (g *Gateway) runCaddy(name string) *Gateway {
	g.tb.Helper()
	program := cachedProgram(g.tb, "caddy", "bin", "caddy")
	return g.run(func() *exec.Cmd {
		cmd := exec.Command(program, "run", "--config", g.path(name), "--adapter", "caddyfile")
		cmd.Env = append(cmd.Environ(), "HOME="+g.dir, "XDG_DATA_HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir)
		return cmd
	})
}
