package djangotest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// GatewayRoute says what a gateway stands between. Each is a host:port; SidecarGRPC is the sidecar's gRPC listener.
type GatewayRoute struct {
	Sidecar, SidecarGRPC, Application string

	// HTTP2: the application is spoken to over HTTP/2, without TLS. nginx cannot.
	HTTP2 bool
	// Preflight: where any user will do, the question has preflight=1 beside. Envoy over HTTP cannot.
	Preflight bool
	// Changes are further changes to the configurations of Caddy and Traefik: pairs of what stands there and what is to
	// stand there.
	Changes []string
}

// Gateway is a running gateway, with the configuration that deploy/ has for it: the addresses apart, what is tried is
// the file that people copy.
type Gateway struct {
	*SmallServer

	// Addr is its host:port.
	Addr string

	reload func() error // nil where no test wants it
}

// newGateway makes a gateway's directory and takes a port for it.
func newGateway(tb testing.TB) (g *Gateway, port int) {
	tb.Helper()
	g = &Gateway{SmallServer: newSmallServer(tb)}
	port = mustFreePort(tb)
	g.Addr = loopback(port)
	return g, port
}

// run starts the gateway: command is asked for the command once everything is in place.
func (g *Gateway) run(command func() *exec.Cmd) *Gateway {
	g.tb.Helper()
	g.command = command
	g.ready = func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.Addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	g.Start()
	return g
}

// copyFile puts a file of the repository into the gateway's directory, with other addresses: pairs of what stands
// there and what is to stand there. Each must be found, so that a file that has changed is not started half as it was
// meant.
func (g *Gateway) copyFile(name string, replace ...string) {
	g.tb.Helper()
	source := filepath.Join(RepositoryPath(), name)
	raw, err := os.ReadFile(source)
	if err != nil {
		g.tb.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(raw), replace[i]) {
			g.tb.Fatalf("%s does not say %q any more", source, replace[i])
		}
	}
	g.write(filepath.Base(name), strings.NewReplacer(replace...).Replace(string(raw)))
}

func (g *Gateway) write(name, text string) {
	g.tb.Helper()
	if err := g.account.writeFile(g.path(name), text); err != nil {
		g.tb.Fatal(err)
	}
}

// The addresses that the files of deploy/ name.
const (
	deployedSidecar     = "127.0.0.1:8100"
	deployedApplication = "127.0.0.1:8000"
)

// cachedProgram finds a program on PATH, or where tools/setup-gateways.sh puts it in the user's own cache.
func cachedProgram(tb testing.TB, name string, below ...string) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	candidate := filepath.Join(append([]string{cache, "django-sidecar"}, below...)...)
	if path, err := exec.LookPath(candidate); err == nil {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Fatalf("no %s: run tools/setup-gateways.sh, which makes %s", name, candidate)
	}
	return path
}

// GatewayApplication is the WSGI Django of testdata/gateway_app, which shows what reaches it.
type GatewayApplication struct {
	*SmallServer

	// Addr is its host:port.
	Addr string
}

// StartGatewayApplication starts it under a Django.
func StartGatewayApplication(tb testing.TB, version string) *GatewayApplication {
	tb.Helper()
	port := mustFreePort(tb)
	a := &GatewayApplication{SmallServer: newSmallServer(tb), Addr: loopback(port)}
	a.account.switchTo = false // the virtual environment lies in our own cache
	python, app := pythonOf(tb, version), filepath.Join(RepositoryPath(), "testdata", "gateway_app", "app.py")
	a.command = func() *exec.Cmd { return exec.Command(python, app, strconv.Itoa(port)) }
	a.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, "tcp", a.Addr, "GET /-/seen HTTP/1.0\r\n\r\n")
		if err == nil && !strings.Contains(answer, " 200 ") {
			err = fmt.Errorf("the application answers %q", answer)
		}
		return err
	}
	a.Start()
	return a
}
