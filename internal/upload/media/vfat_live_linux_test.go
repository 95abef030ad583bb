//go:build live

package media_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/media"
)

// vfat is a machine, since not every kernel has vfat.
var vfat = djangotest.Machine{Test: "TestVFAT", Tags: "live", Memory: "256M", Prepare: func(dir string) error {
	if err := djangotest.LoadModules("fs/nls/nls_cp437", "fs/nls/nls_iso8859-1", "fs/nls/nls_ascii", "fs/nls/nls_utf8",
		"fs/fat/fat", "fs/fat/vfat"); err != nil {
		return err
	}
	mounted := filepath.Join(dir, "mounted")
	return errors.Join(os.Mkdir(mounted, 0o755), unix.Mount("/dev/ubda", mounted, "vfat", 0, "fmask=0133,dmask=0022"))
}}

func init() { vfat.AddTo(roles) }

func TestVFAT(t *testing.T) {
	if dir := djangotest.InMachine(); dir != "" {
		onVFAT(t, filepath.Join(dir, "mounted"))
		return
	}
	image := filepath.Join(t.TempDir(), "image")
	shell(t, "truncate", "-s", "64M", image)
	shell(t, "/sbin/mkfs.vfat", "-F", "32", image)
	vfat.Run(t, roles, "ubda="+image)
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
