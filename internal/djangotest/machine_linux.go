package djangotest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Machine is user-mode Linux: a kernel of its own, with the files of this one. A test binary is its first process.
type Machine struct {
	// Test is the name of the test that it runs.
	Test string
	// Tags are those that the test is built with, and Memory is what the machine has, such as 256M.
	Tags, Memory string
	// Prepare is called in the machine before the test, with a folder of the test's own. /proc is there, and loopback.
	Prepare func(dir string) error
	// Env is what the test finds in its environment, where that is not the machine's own.
	Env []string
}

const machineVariable = "DJANGOTEST_MACHINE"

// AddTo adds the machine's first process to the roles of the test binary.
func (m Machine) AddTo(roles Roles) { roles[m.Test] = m.begin }

// InMachine returns the folder that Prepare was called with, or "" outside of a machine.
func InMachine() (dir string) { return os.Getenv(machineVariable) }

// Run has the machine run the test, with devices such as ubda=FILE.
func (m Machine) Run(t *testing.T, roles Roles, devices ...string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "tests")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", m.Tags, "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // what the race detector needs does not fit
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	uml := exec.CommandContext(t.Context(), "linux.uml", "mem="+m.Memory,
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "quiet", "con=null", "con0=null,fd:1", "uml_dir="+dir, "init="+program, roles.As(m.Test), machineVariable+"="+dir)
	uml.Args = append(uml.Args, devices...)
	uml.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := uml.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+m.Test) || strings.Contains(string(out), "--- FAIL") {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

// begin is the first process: it runs the test, and turns the machine off.
func (m Machine) begin() error {
	if err := m.run(InMachine()); err != nil {
		fmt.Println("--- FAIL:", err)
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func (m Machine) run(dir string) error {
	err := errors.Join(syscall.Mount("proc", "/proc", "proc", 0, ""), loopbackUp())
	if err == nil && m.Prepare != nil {
		err = m.Prepare(dir)
	}
	if err != nil {
		return err
	}
	test := exec.Command(os.Args[0], "-test.run=^"+m.Test+"$", "-test.v")
	test.Env = append([]string{machineVariable + "=" + dir}, m.Env...)
	test.Stdout, test.Stderr = os.Stdout, os.Stdout
	return test.Run()
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

// LoadModules loads modules of user-mode Linux, named without the folder of its version and without .ko. What is not
// there is in the kernel itself, or whoever needs it says that it is missing.
func LoadModules(names ...string) error {
	for _, name := range names {
		found, err := filepath.Glob("/usr/lib/uml/modules/*/kernel/" + name + ".ko")
		if err != nil {
			return err
		}
		for _, path := range found {
			f, err := os.Open(path)
			if err == nil {
				err = errors.Join(unix.FinitModule(int(f.Fd()), "", 0), f.Close())
			}
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return nil
}
