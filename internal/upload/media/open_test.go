package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/upload/media"
)

var openCases = []struct {
	what        string
	root, state string
	change      func(*media.Config)
	want        string // in the error; "" for none
}{
	{"a state directory that is missing", "media", ".state", nil, ""},
	{"a state directory that is there", "media", ".state", nil, ""},
	{"a state directory whose parent is missing too", "media", "a/b/.state", nil, ""},
	{"a MEDIA_ROOT that is a symlink", "link", ".state", nil, ""},
	{"a state directory with a name that begins like MEDIA_ROOT's", "media", "media-state", nil, ""},
	{"a path with detours", "media/../media/sub/..", "./.state/", nil, ""},
	{"no MEDIA_ROOT", "missing", ".state", nil, "MEDIA_ROOT must be a directory"},
	{"a file for a MEDIA_ROOT", "file", ".state", nil, "MEDIA_ROOT must be a directory"},
	{"the same directory", "media", "media", nil, "is inside MEDIA_ROOT"},
	{"the same directory by a symlink", "media", "link", nil, "is inside MEDIA_ROOT"},
	{"the same directory by another symlink", "link", "media", nil, "is inside MEDIA_ROOT"},
	{"inside", "media", "media/.state", nil, "is inside MEDIA_ROOT"},
	{"inside, in a directory that is missing", "media", "media/a/b/.state", nil, "is inside MEDIA_ROOT"},
	{"inside by a symlink", "media", "sublink/.state", nil, "is inside MEDIA_ROOT"},
	{"inside by detours", "media", "a/../media/.state", nil, "is inside MEDIA_ROOT"},
	{"a file for a state directory", "media", "file", nil, "state directory could not be made"},
	{"a state directory in a file", "media", "file/x", nil, "the state directory"},
	{"a symlink to nothing for a state directory", "media", "dangling", nil, "state directory could not be made"},
	{"a state directory in which everybody may write", "media", "open", nil, "chmod it to 0700"},
	{"no Django", "media", ".state", func(c *media.Config) { c.Version = djangosession.Version{} }, "need Django's version"},
	{"no root", "media", ".state", func(c *media.Config) { c.Root = "" }, "MEDIA_ROOT"},
	{"no state directory", "media", ".state", func(c *media.Config) { c.StateDir = "" }, "state directory"},
	{"bits that no file has", "media", ".state", func(c *media.Config) { c.FilePermissions = permissions(0o100644) }, "0100644 are no permissions"},
	{"bits that no directory has", "media", ".state", func(c *media.Config) { c.DirectoryPermissions = permissions(0o10000) }, "no permissions"},
	{"less than nothing to leave free", "media", ".state", func(c *media.Config) { c.MinFree = -1 }, "free"},
}

func TestOpen(t *testing.T) {
	base := t.TempDir()
	in := func(name string) string { return filepath.Join(base, name) }
	err := errors.Join(
		os.MkdirAll(in("media/sub"), 0o755), os.WriteFile(in("file"), nil, 0o600), os.Symlink(in("media"), in("link")),
		os.Symlink("media/sub", in("sublink")), os.Mkdir(in("open"), 0o700), os.Chmod(in("open"), 0o777), os.Symlink("nothing", in("dangling")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range openCases {
		c := media.Config{Root: in(tt.root), StateDir: base + "/" + tt.state, Version: django52}
		if tt.change != nil {
			tt.change(&c)
		}
		d, err := media.Open(c)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.what, err)
		case tt.want == "":
			if info, err := os.Stat(c.StateDir); err != nil || info.Mode().Perm() != 0o700 && !strings.HasSuffix(tt.state, "open") {
				t.Errorf("%s: the state directory is %v, %v", tt.what, info, err)
			}
		case err == nil || d != nil || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %v", tt.what, err)
		}
	}
	for _, dir := range []string{"media", ".state"} {
		for name := range tree(t, in(dir)) {
			if name != "sub" {
				t.Errorf("%s is left in %s", name, dir)
			}
		}
	}
}

// TestRelativePaths: what is relative stays where it was when the working directory changes.
func TestRelativePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("media", 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("media")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{root: "media", state: ".state"}
	f.open(t, media.Config{})
	t.Chdir(t.TempDir())
	f.publish(t, "content", "a/x")
	if got, err := os.ReadFile(filepath.Join(root, "a/x")); string(got) != "content" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestGone: directories that vanish are errors, and none once they are back.
func TestGone(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		file := f.create(t, "content")
		if err := os.RemoveAll(f.root); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Publish(names(t, "x")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no MEDIA_ROOT: got %v", err)
		}
		if err := errors.Join(file.Discard(), os.Mkdir(f.root, 0o755), os.RemoveAll(f.state)); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"Sweep": second(f.Sweep()), "Entries": second(f.Entries()), "LoadState": second(f.LoadState(id)), "SaveState": f.SaveState(id, nil),
			"CreatePart": second(f.CreatePart(id, 0)), "OpenPart": second(f.OpenPart(id, -1, 0)), "Remove": f.Remove(id), "Published": second(f.Published(id, "x")),
		} {
			if !errors.Is(err, media.ErrNoStateDir) || errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s without a state directory: got %v", what, err)
			}
		}
		if err := os.Mkdir(f.state, 0o700); err != nil {
			t.Fatal(err)
		}
		f.publish(t, "content", "x")
		f.expectClean(t)
	})
}

func second[T any](_ T, err error) error { return err }

// TestOpenBesideSweep: a process starts while others sweep. It finds the same as when it is alone.
func TestOpenBesideSweep(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	want := f.Linker()
	var stops []func()
	for range 2 {
		stops = append(stops, f.sweepMeanwhile(func(_ int, err error) {
			if err != nil {
				t.Error(err)
			}
		}))
	}
	for range 100 {
		d, err := media.Open(media.Config{Root: f.root, StateDir: f.state, Version: django52})
		if err != nil || d.Linker() != want {
			t.Errorf("opened: %v", err)
		}
	}
	for _, stop := range stops {
		stop()
	}
	f.expectClean(t)
}

// TestSweepAfterOpen: what a process leaves that is killed while it starts is removed when it is old.
func TestSweepAfterOpen(t *testing.T) {
	now := time.Now()
	f := newFixture(t, t.TempDir(), media.Config{Now: func() time.Time { return now }})
	if err := os.WriteFile(filepath.Join(f.state, "LEFT.probe"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		if n, err := f.Sweep(); n != want || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		now = now.Add(2 * time.Hour)
	}
	f.expectClean(t)
}
