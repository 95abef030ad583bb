package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/media"
)

var symlinkCases = []struct {
	what, target string // of the symlink "link"; ROOT and OUTSIDE stand for what they are
	name         string
	want         string // where the file is then; "" if the name is refused
}{
	{"relative", "real", "link/x", "real/x"},
	{"relative, to make directories in", "real", "link/a/b/x", "real/a/b/x"},
	{"relative, through the parent of its target", "real/../real", "link/x", "real/x"},
	{"to another symlink", "other", "link/x", "real/x"},
	{"absolute, and inside", "ROOT/real", "link/x", "real/x"},
	{"absolute, inside, to make directories in", "ROOT/real", "link/a/b/x", "real/a/b/x"},
	{"absolute, to MEDIA_ROOT itself", "ROOT", "link/x", "x"},
	{"absolute, by MEDIA_ROOT's other name", "ALIAS/real", "link/x", "real/x"},
	{"out of MEDIA_ROOT and back", "../media/real", "link/x", "real/x"},
	{"to MEDIA_ROOT itself", ".", "link/x", "x"},
	{"absolute, and outside", "OUTSIDE", "link/x", ""},
	{"absolute, outside, to make directories in", "OUTSIDE", "link/a/b/x", ""},
	{"relative, and outside", "../outside", "link/x", ""},
	{"relative, outside, to make directories in", "../outside", "link/a/b/x", ""},
	{"to the parent", "..", "link/x", ""},
	{"to the root of all", "/", "link/x", ""},
	{"to a directory whose name begins like MEDIA_ROOT's", "ROOT-other", "link/x", ""},
	{"to a symlink that leads outside", "leak", "link/x", ""},
	{"into a symlink that leads outside", "leak/sub", "link/x", ""},
	{"to itself", "link", "link/x", ""},
	{"to nothing", "missing", "link/x", ""},
	{"to nothing outside", "../missing", "link/x", ""},
	{"to nothing outside, absolute", "OUTSIDE/missing", "link/x", ""},
	{"to a file", "file", "link/x", ""},
	{"to a device", "/dev/null", "link/x", ""},
}

// TestSymlinks: those that stay inside MEDIA_ROOT are followed, as by Django; the others are refused, and nothing is made
// where they lead.
func TestSymlinks(t *testing.T) {
	for _, tt := range symlinkCases {
		t.Run(tt.what, func(t *testing.T) {
			eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
				base := filepath.Dir(f.root)
				outside, alias := filepath.Join(base, "outside"), filepath.Join(base, "alias")
				in := func(name string) string { return filepath.Join(f.root, name) }
				target := expand(tt.target, f.root, outside, alias)
				err := errors.Join(
					os.MkdirAll(filepath.Join(outside, "sub"), 0o755), os.Mkdir(f.root+"-other", 0o755), os.Symlink(f.root, alias),
					os.Mkdir(in("real"), 0o755), os.WriteFile(in("file"), nil, 0o600),
					os.Symlink("real", in("other")), os.Symlink(outside, in("leak")), os.Symlink(target, in("link")),
				)
				if err != nil {
					t.Fatal(err)
				}
				before := tree(t, base)
				file := f.create(t, "content")
				_, err = file.Publish(names(t, tt.name))
				if (err == nil) != (tt.want != "") {
					t.Errorf("got %v", err)
				}
				if err := file.Discard(); err != nil {
					t.Error(err)
				}
				if tt.want != "" {
					got, err := os.ReadFile(in(tt.want))
					if string(got) != "content" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					if err := os.Remove(in(tt.want)); err != nil {
						t.Error(err)
					}
					removeEmpty(t, in("real/a/b"), in("real/a"))
				}
				if diff := cmp.Diff(before, tree(t, base)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func expand(target, root, outside, alias string) string {
	for from, to := range map[string]string{"ROOT": root, "OUTSIDE": outside, "ALIAS": alias} {
		if len(target) >= len(from) && target[:len(from)] == from {
			return to + target[len(from):]
		}
	}
	return target
}

func removeEmpty(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// TestErrOutside: where a symlink leads outside, the error says so.
func TestErrOutside(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	for _, target := range []string{"..", "../..", "/", t.TempDir()} {
		link := filepath.Join(f.root, "link")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"link/x", "link/a/x", "link/a/b/x"} {
			if _, err := f.create(t, "content").Publish(names(t, name)); !errors.Is(err, media.ErrOutside) {
				t.Errorf("%s to %s: %v", name, target, err)
			}
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMediaRootIsASymlink: it may be one, and where it leads may change.
func TestMediaRootIsASymlink(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		first, second := f.root+".1", f.root+".2"
		err := errors.Join(os.Rename(f.root, first), os.Symlink(first, f.root), os.Mkdir(second, 0o755))
		if err != nil {
			t.Fatal(err)
		}
		linker := f.Linker()
		f.open(t, media.Config{}).Force(linker)
		f.publish(t, "1", "a/x")
		file := f.create(t, "2")
		if err := errors.Join(os.Remove(f.root), os.Symlink(second, f.root)); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Publish(names(t, "a/x")); err != nil {
			t.Error(err)
		}
		for dir, want := range map[string]string{first: "1", second: "2"} {
			if got, err := os.ReadFile(filepath.Join(dir, "a/x")); string(got) != want || err != nil {
				t.Errorf("%s: got %q, %v", dir, got, err)
			}
		}
	})
}
