//go:build live

package djangotest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/internal/djangotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(djangotest.Suite{M: m}) }

// recorder stands for the TB of a test that is allowed to fail.
type recorder struct {
	testing.TB

	failed   bool
	messages []string
	cleanups []func()
}

func (r *recorder) Helper()                     {}
func (r *recorder) Failed() bool                { return r.failed }
func (r *recorder) Cleanup(f func())            { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Log(args ...any)             { r.messages = append(r.messages, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, args ...any)  { r.Log(fmt.Sprintf(f, args...)) }
func (r *recorder) Error(args ...any)           { r.failed = true; r.Log(args...) }
func (r *recorder) Errorf(f string, a ...any)   { r.Error(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)           { r.Error(args...); panic(r) }
func (r *recorder) Fatalf(f string, arg ...any) { r.Fatal(fmt.Sprintf(f, arg...)) }

// record runs f as a test of its own would run, and returns its messages and whether it failed.
func record(t *testing.T, f func(tb testing.TB)) (log string, failed bool) {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if got := recover(); got != nil && got != any(r) {
				panic(got)
			}
		}()
		f(r)
	}()
	for _, cleanup := range slices.Backward(r.cleanups) {
		cleanup()
	}
	return strings.Join(r.messages, "\n"), r.failed
}

func shell(script string) *exec.Cmd { return exec.Command("sh", "-c", script) }

// fileExists is a probe: the script is ready when it has made the file.
func fileExists(path string) func(context.Context) error {
	return func(context.Context) error {
		_, err := os.Stat(path)
		return err
	}
}

// waitFor polls until done, and fails the test when that takes longer than a minute.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// running reports whether a process exists and is more than a zombie that nobody reaps.
func running(t *testing.T, pid int) bool {
	t.Helper()
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	if exit := (&exec.ExitError{}); err != nil && !errors.As(err, &exit) { // ps exits 1 when there is none
		t.Fatal(err)
	}
	return len(state) > 0 && state[0] != 'Z'
}

func readPid(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestProcessStopsWithItsGroup(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	// The child ignores SIGTERM and outlives its parent, unless the group is swept.
	script := `(trap "" TERM; exec sleep 300) & echo $! > ` + pidFile + `.tmp; mv ` + pidFile + `.tmp ` + pidFile + `; wait`
	var leader, child int
	log, failed := record(t, func(tb testing.TB) {
		process := djangotest.StartProcess(t.Context(), tb, shell(script), fileExists(pidFile))
		leader, child = process.Pid(), readPid(t, pidFile)
		if !running(t, leader) || !running(t, child) {
			t.Error("the process or its child does not run once it is ready")
		}
	})
	if failed {
		t.Fatal(log)
	}
	if log != "" {
		t.Errorf("a test that passes printed %q", log)
	}
	if running(t, leader) {
		t.Error("the process runs after the cleanup")
	}
	waitFor(t, "the end of the child", func() bool { return !running(t, child) })
}

func TestProcessKillReachesOtherGroups(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	script := `setsid sh -c 'echo $$ > ` + pidFile + `.tmp; mv ` + pidFile + `.tmp ` + pidFile + `; sleep 300; true' & wait`
	process := djangotest.StartProcess(t.Context(), t, shell(script), fileExists(pidFile))
	child := readPid(t, pidFile)
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if running(t, process.Pid()) || running(t, child) {
		t.Error("the process or its child runs after Kill")
	}
}

func TestProcessPause(t *testing.T) {
	countFile := filepath.Join(t.TempDir(), "count")
	process := djangotest.StartProcess(t.Context(), t,
		shell(`while :; do echo x >> `+countFile+`; sleep 0.01; done`), fileExists(countFile))
	size := func() int64 {
		info, err := os.Stat(countFile)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if err := process.Pause(); err != nil {
		t.Fatal(err)
	}
	paused := size()
	<-time.After(200 * time.Millisecond)
	if got := size(); got != paused {
		t.Errorf("the process wrote %d bytes while paused", got-paused)
	}
	process.Resume()
	waitFor(t, "the process to go on", func() bool { return size() > paused })
}

func TestProcessOutputOfAFailedTest(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ready")
	log, failed := record(t, func(tb testing.TB) {
		djangotest.StartProcess(t.Context(), tb,
			shell(`echo to stdout; echo to stderr >&2; touch `+marker+`; exec sleep 300`), fileExists(marker))
		tb.Error("the test finds a fault")
	})
	if !failed || !strings.Contains(log, "to stdout\nto stderr") {
		t.Errorf("failed %v, printed %q; want the output of the process", failed, log)
	}
}

func TestProcessThatDoesNotGetReady(t *testing.T) {
	never := func(context.Context) error { return errors.New("no answer on its port") }
	t.Run("it ends first", func(t *testing.T) {
		log, failed := record(t, func(tb testing.TB) {
			djangotest.StartProcess(t.Context(), tb, shell(`echo bad setting; exit 3`), never)
		})
		if !failed || !strings.Contains(log, "exit status 3") || !strings.Contains(log, "bad setting") {
			t.Errorf("failed %v, printed %q; want the exit status and the output", failed, log)
		}
	})
	t.Run("it takes too long", func(t *testing.T) {
		pidFile := filepath.Join(t.TempDir(), "pid")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		log, failed := record(t, func(tb testing.TB) {
			running := fileExists(pidFile)
			djangotest.StartProcess(ctx, tb, shell(`echo $$ > `+pidFile+`.new; mv `+pidFile+`.new `+pidFile+`; exec sleep 300`), func(ctx context.Context) error {
				if running(ctx) == nil {
					cancel()
				}
				return never(ctx)
			})
		})
		if !failed || !strings.Contains(log, "no answer on its port") {
			t.Errorf("failed %v, printed %q; want the last answer of the probe", failed, log)
		}
		if running(t, readPid(t, pidFile)) {
			t.Error("the process was left running")
		}
	})
	t.Run("there is no such program", func(t *testing.T) {
		log, failed := record(t, func(tb testing.TB) {
			djangotest.StartProcess(t.Context(), tb, exec.Command("/nonexistent/program"), never)
		})
		if !failed || !strings.Contains(log, "/nonexistent/program") {
			t.Errorf("failed %v, printed %q", failed, log)
		}
	})
}

// A test binary that dies without cleaning up must not leave servers behind.
func TestProcessDiesWithTheTestBinary(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	if os.Getenv("DJANGOTEST_ORPHAN") != "" { // we are the binary that dies
		file := os.Getenv("DJANGOTEST_ORPHAN") // it is there when it is whole
		djangotest.StartProcess(t.Context(), t, shell(`echo $$ > `+file+`.new; mv `+file+`.new `+file+`; exec sleep 300`), fileExists(file))
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	binary := exec.Command(os.Args[0], "-test.run=^TestProcessDiesWithTheTestBinary$")
	binary.Env = append(os.Environ(), "DJANGOTEST_ORPHAN="+pidFile)
	if output, err := binary.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the binary ended with %v, want killed:\n%s", err, output)
	}
	orphan := readPid(t, pidFile)
	waitFor(t, "the end of the orphan", func() bool { return !running(t, orphan) })
}

// TestPortsOfTwoProcesses: a test binary that runs at the same time has other ports, whatever is free.
func TestPortsOfTwoProcesses(t *testing.T) {
	const variable = "DJANGOTEST_PORTS"
	ours := map[string]bool{}
	for range 5000 {
		ours[djangotest.FreeAddr(t)] = true
	}
	if os.Getenv(variable) != "" {
		for addr := range ours {
			fmt.Println("ADDR", addr)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.CombinedOutput()
	theirs := 0
	for line := range strings.Lines(string(out)) {
		if addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ADDR "); ok {
			if theirs++; ours[addr] {
				t.Errorf("both have %s", addr)
			}
		}
	}
	if err != nil || theirs < 100 || len(ours) < 100 {
		t.Errorf("%d and %d ports: %v, %s", len(ours), theirs, err, out)
	}
}
