//go:build live

package media_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/upload/media"
)

// vfatVariable is where vfat is mounted, for the test that runs there.
const vfatVariable = "MEDIA_TEST_VFAT"

// TestVFAT is run by user-mode Linux, since not every kernel has vfat.
func TestVFAT(t *testing.T) {
	if dir := os.Getenv(vfatVariable); dir != "" {
		onVFAT(t, dir)
		return
	}
	base := t.TempDir()
	image, mounted, program := filepath.Join(base, "image"), filepath.Join(base, "mounted"), filepath.Join(base, "media.test")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	shell(t, "truncate", "-s", "64M", image)
	shell(t, "/sbin/mkfs.vfat", "-F", "32", image)
	build := exec.Command("go", "test", "-c", "-tags", "live", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // what the race detector needs does not fit
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	uml := exec.CommandContext(t.Context(), "linux.uml", "mem=256M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "quiet",
		"ubda="+image, "con=null", "con0=null,fd:1", "uml_dir="+base, "init="+program, roles.As("vfat"), vfatVariable+"="+mounted)
	uml.Env = append(os.Environ(), "TMPDIR="+base)
	out, err := uml.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestVFAT") || strings.Contains(string(out), "--- FAIL") {
		t.Errorf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

func init() { roles["vfat"] = initVFAT }

// initVFAT is the init process of user-mode Linux: it mounts vfat, runs the test there, and turns the machine off.
func initVFAT() error {
	err := runOnVFAT(os.Getenv(vfatVariable))
	if err != nil {
		fmt.Println("--- FAIL:", err)
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func runOnVFAT(dir string) error {
	for _, name := range []string{"nls/nls_cp437", "nls/nls_iso8859-1", "nls/nls_ascii", "nls/nls_utf8", "fat/fat", "fat/vfat"} {
		found, err := filepath.Glob("/usr/lib/uml/modules/*/kernel/fs/" + name + ".ko")
		if err != nil {
			return err
		}
		for _, path := range found { // what is missing is in the kernel itself, or mount says that it is missing
			f, err := os.Open(path)
			if err == nil {
				err = errors.Join(unix.FinitModule(int(f.Fd()), "", 0), f.Close())
			}
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	if err := errors.Join(unix.Mount("proc", "/proc", "proc", 0, ""), unix.Mount("/dev/ubda", dir, "vfat", 0, "fmask=0133,dmask=0022")); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestVFAT$", "-test.v")
	cmd.Env = []string{vfatVariable + "=" + dir}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	return errors.Join(cmd.Run(), unix.Unmount(dir, 0))
}

func onVFAT(t *testing.T, dir string) {
	t.Helper()
	for i, tt := range []struct {
		linker string
		chmod  *uint32
	}{{"renamed", nil}, {"renamed", permissions(0o644)}, {"reserved", nil}} {
		below := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		f := newFixture(t, below, media.Config{FilePermissions: tt.chmod})
		if lacking := fmt.Sprint(f.Lacking()); f.Linker() != "renamed" || !strings.Contains(lacking, "no permissions") {
			t.Errorf("files are %s, lacking %s", f.Linker(), lacking)
		}
		f.Force(tt.linker)
		f.publishAll(t)
		if got := f.publish(t, "other capitals", "A/X", "a/x_1"); got != "a/x_1" {
			t.Errorf("published as %s", got)
		}
		if got := f.publish(t, "from a telephone", "IMG_0001.JPG", "IMG_0001_1.JPG"); got != "IMG_0001.JPG" {
			t.Errorf("published as %s", got)
		}
		if got := f.publish(t, "from another", "img_0001.jpg", "img_0001_1.jpg"); got != "img_0001_1.jpg" {
			t.Errorf("published as %s", got)
		}
		for _, name := range []string{"10:30.txt", "what?.txt", "a|b"} {
			file := f.create(t, "content")
			if _, err := file.Publish(names(t, name)); !errors.Is(err, media.ErrName) {
				t.Errorf("%s: got %v", name, err)
			}
			if err := file.Discard(); err != nil {
				t.Error(err)
			}
		}
		f.publish(t, "content", "ends with a dot.")
		if got, err := os.ReadFile(filepath.Join(f.root, "ends with a dot.")); string(got) != "content" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		f.expectClean(t)
	}
}
