package djangotest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// StartHypercorn starts testdata/gateway_app/h2c.py in Hypercorn, which goes over to HTTP/2 where a request asks it to.
func StartHypercorn(tb testing.TB) *GatewayApplication {
	tb.Helper()
	program := cachedProgram(tb, "hypercorn", "venv", "hypercorn-0.18", "bin", "hypercorn")
	a := &GatewayApplication{SmallServer: newSmallServer(tb), Addr: loopback(mustFreePort(tb))}
	a.account.switchTo = false // the virtual environment lies in our own cache
	a.command = func() *exec.Cmd {
		cmd := exec.Command(program, "--bind", a.Addr, "h2c:application")
		cmd.Env = append(cmd.Environ(), "PYTHONDONTWRITEBYTECODE=1",
			"PYTHONPATH="+filepath.Join(RepositoryPath(), "testdata", "gateway_app"))
		return cmd
	}
	a.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, "tcp", a.Addr, "GET /-/seen HTTP/1.1\r\nHost: application\r\nConnection: "+
			"close\r\n\r\n")
		if err == nil && !strings.Contains(answer, " 200 ") {
			err = fmt.Errorf("the application answers %q", answer)
		}
		return err
	}
	a.Start()
	return a
}
