//go:build live && clock

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// clockMachine is set where the wall clock may be set: in user-mode Linux, which has one of its own.
const clockMachine = "E2E_CLOCK_MACHINE"

// TestClockJumps sets the wall clock of the machine on which PostgreSQL and the sidecar run, under load.
func TestClockJumps(t *testing.T) {
	if os.Getenv(clockMachine) != "" {
		jumpClock(t)
		return
	}
	base := t.TempDir()
	program := filepath.Join(base, "e2e.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "live,clock", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // what the race detector needs does not fit
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	uml := exec.CommandContext(t.Context(), "linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "quiet",
		"con=null", "con0=null,fd:1", "uml_dir="+base, "init="+program, clockMachine+"="+base)
	uml.Env = append(os.Environ(), "TMPDIR="+base)
	out, err := uml.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestClockJumps") || strings.Contains(string(out), "--- FAIL") {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

func init() { asInit = initClockMachine }

// initClockMachine is the init process of user-mode Linux: it runs the test there, and turns the machine off.
func initClockMachine() {
	if err := runOnClockMachine(); err != nil {
		fmt.Println("--- FAIL:", err)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func runOnClockMachine() error {
	if err := errors.Join(
		unix.Mount("proc", "/proc", "proc", 0, ""),
		os.MkdirAll("/dev/shm", 0o755),
		unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777"),
	); err != nil {
		return err
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestClockJumps$", "-test.v")
	cmd.Env = append(os.Environ(), "HOME=/dev/shm", "TMPDIR=/dev/shm", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	return cmd.Run()
}

// loopbackUp has a new machine reach itself.
func loopbackUp() error {
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo), unix.Close(fd))
}

// setClock moves the wall clock.
func setClock(t *testing.T, by time.Duration) {
	t.Helper()
	to := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := unix.Settimeofday(&to); err != nil {
		t.Fatal(err)
	}
}

// jumpClock: sessions end by the clock that was set, as Django's do, whether their verdicts are kept or not. Nothing else
// follows it: each answer comes, and in time.
func jumpClock(t *testing.T) {
	r := newRig(t, 10*time.Second, nil)
	keeps := r.another(t, map[string]string{"SIDECAR_CACHE_TTL": "5m"})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	want := func(when string, want int) { // of a session that lives for an hour
		t.Helper()
		for _, r := range []*rig{r, keeps} {
			waitFor(t, time.Minute, fmt.Sprint(when, ": ", want), func() bool { return r.status(t, client, r.live[0]) == want })
		}
	}
	want("at first", http.StatusOK)
	setClock(t, 2*time.Hour)
	want("two hours later", http.StatusUnauthorized)
	setClock(t, -2*time.Hour)
	want("two hours earlier", http.StatusOK)
	keeps.stop()
	r.live = r.live[:3] // the machine is slow
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	for _, by := range []time.Duration{-30 * time.Minute, 30 * time.Minute} {
		l.endure(t, fault{by.String(), func(t *testing.T, _ *rig) func() {
			setClock(t, by)
			return nil
		}, false, false}, time.Second)
	}
}
