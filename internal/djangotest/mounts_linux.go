package djangotest

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const ownMountsVariable = "DJANGOTEST_OWN_MOUNTS"

// OwnMounts runs the test in a process that has its mounts to itself, so that they go with it. It reports whether it is
// that process already.
func OwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMountsVariable) != "" {
		return true
	}
	if os.Getuid() != 0 {
		t.Fatal("must be run by root, who may mount file systems")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), ownMountsVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	t.Logf("inside:\n%s", out)
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in a mount namespace of its own (which takes CAP_SYS_ADMIN): %v", err)
	}
	return false
}

// Mount mounts a file system, as mount(2) does.
func Mount(tb testing.TB, source, target, kind string, flags uintptr, options string) {
	tb.Helper()
	if err := syscall.Mount(source, target, kind, flags, options); err != nil {
		tb.Fatalf("mounting %s: %v", target, err)
	}
}

// Unmount fails the test where something of the file system is open still, unless the flags have MNT_DETACH.
func Unmount(tb testing.TB, target string, flags int) {
	tb.Helper()
	if err := syscall.Unmount(target, flags); err != nil {
		tb.Fatalf("unmounting %s: %v", target, err)
	}
}
