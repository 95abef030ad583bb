package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/internal/demo"
	"django-sidecar/internal/serving"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"django-sidecar": main})
}

// leakChecked fails a run of tests that leaves goroutines behind.
type leakChecked struct{ tests interface{ Run() int } }

func (l leakChecked) Run() int {
	code := l.tests.Run()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// scriptKey is the SECRET_KEY of the scripts' deployments.
const scriptKey = "the scripts' own secret key"

// TestScripts runs the commands as a user does: testdata/script/*.txtar, a behaviour a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("SIDECAR_LISTEN", "unix:"+filepath.Join(e.WorkDir, "public"))
			e.Setenv("SIDECAR_ADMIN_LISTEN", "unix:"+filepath.Join(e.WorkDir, "admin"))
			e.Setenv("SCRIPT_KEY", scriptKey)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"deploy": deployDemo, "waitready": waitReady, "visit": visitDemo,
		},
	})
}

// deployDemo (deploy FILE) makes the demo's database, and writes each visit's session key into a file called after
// its reason, or "alive".
func deployDemo(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	c, err := config.ForDemo(scriptKey, "sqlite:///"+path, "")
	ts.Check(err)
	visits, err := demo.Deploy(context.Background(), c, path)
	ts.Check(err)
	for i := len(visits) - 1; i >= 0; i-- { // the first of a kind stays
		name := string(visits[i].Reason)
		if visits[i].Alive {
			name = "alive"
		}
		key := djangosession.SessionKey([]string{visits[i].Cookie}, "sessionid")
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(key+"\n"), 0o600))
	}
}

// waitReady (waitready) waits until the sidecar that runs in the background is ready.
func waitReady(ts *testscript.TestScript, _ bool, _ []string) {
	deadline, tick := time.NewTimer(time.Minute), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		if status, err := serving.AskAdmin(context.Background(), ts.Getenv("SIDECAR_ADMIN_LISTEN"), nil, "/readyz"); err == nil && status == 200 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("the sidecar is not ready")
		}
	}
}

// visitDemo (visit FILE) runs each curl line that a demo has printed into a file, and fails unless it answers as the
// line before says.
func visitDemo(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.Split(ts.ReadFile(args[0]), "\n")
	visited := 0
	for i, line := range lines {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		visited++
		_, promise, _ := strings.Cut(lines[i-1], " -> ")
		status, _, _ := strings.Cut(promise, ",")
		answer, err := exec.Command("sh", "-c", line).Output()
		ts.Check(err)
		head, _, _ := strings.Cut(string(answer), "\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 "+status+" ") || strings.Contains(promise, "alive") != strings.Contains(string(answer), `"result":true`) {
			ts.Fatalf("%q promises %q, and gets %q", line, promise, answer)
		}
	}
	if visited < 10 {
		ts.Fatalf("only %d curl lines", visited)
	}
}
