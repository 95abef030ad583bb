package djangotest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// traefikVersion is what tools/setup-gateways.sh installs.
const traefikVersion = "3.7.15"

// Traefik starts Traefik with deploy/traefik.
func Traefik(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	g.account.switchTo = false // the program lies in our own cache
	asking := loopback(mustFreePort(tb))
	g.copyFile("deploy/traefik/traefik.yml", `":8080"`, fmt.Sprintf(`"127.0.0.1:%d"`, port), "127.0.0.1:8110", asking,
		"/etc/traefik/dynamic.yml", g.path("dynamic.yml"))
	scheme := "http://"
	if route.HTTP2 {
		scheme = "h2c://"
	}
	replace := []string{
		"127.0.0.1:8110", asking, deployedSidecar, route.Sidecar, "http://" + deployedApplication,
		scheme + route.Application,
	}
	if route.Preflight {
		replace = append(replace, "/auth/forward\n", "/auth/forward?preflight=1\n")
	}
	g.copyFile("deploy/traefik/dynamic.yml", append(replace, route.Changes...)...)
	return g.runTraefik()
}

// runTraefik starts Traefik with the files of the gateway's directory.
func (g *Gateway) runTraefik() *Gateway {
	g.tb.Helper()
	program := cachedProgram(g.tb, "traefik", "traefik-"+traefikVersion, "traefik")
	g.command = func() *exec.Cmd {
		return exec.Command(program, "--configFile="+g.path("traefik.yml"))
	}
	// It listens before it has read dynamic.yml, and answers 404 until then.
	g.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, "tcp", g.Addr, "GET / HTTP/1.0\r\n\r\n")
		if err == nil && strings.Contains(answer, " 404 ") {
			err = errors.New("no router yet")
		}
		return err
	}
	g.Start()
	return g
}
