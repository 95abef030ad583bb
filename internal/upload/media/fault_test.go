package media_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/media"
)

// TestMeanings has what each error of the system means to the caller.
func TestMeanings(t *testing.T) {
	all := []error{media.ErrNoSpace, media.ErrReadOnly, media.ErrOutside, media.ErrName, media.ErrTaken, media.ErrID, media.ErrBusy, media.ErrPublished}
	for number, want := range map[syscall.Errno]error{
		syscall.ENOSPC: media.ErrNoSpace, syscall.EDQUOT: media.ErrNoSpace, syscall.EFBIG: media.ErrNoSpace, syscall.EROFS: media.ErrReadOnly,
		syscall.EACCES: media.ErrReadOnly, syscall.EPERM: media.ErrReadOnly, syscall.EXDEV: media.ErrOutside, syscall.ENAMETOOLONG: media.ErrName,
		syscall.EILSEQ: media.ErrName, syscall.EIO: nil, syscall.ENOTDIR: nil, syscall.EMFILE: nil, syscall.ESTALE: nil,
	} {
		err := media.Fault(number)
		if !errors.Is(err, number) {
			t.Errorf("%v is lost in %v", number, err)
		}
		for _, sentinel := range all {
			if errors.Is(err, sentinel) != (sentinel == want) { //nolint:errorlint // which of them it is
				t.Errorf("%v: is it %v? %t", number, sentinel, errors.Is(err, sentinel))
			}
		}
	}
	if media.Fault(0) == nil {
		t.Error("an error of nothing")
	}
}

// TestOrder: a file is on the disk before it has a name, the directories on the way to it too, and its name before Publish
// returns.
func TestOrder(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		in := func(name string) string { return filepath.Join(f.root, name) }
		publish := func() (synced []string) {
			file := f.create(t, "content")
			f.SetSync(func(opened *os.File) error {
				synced = append(synced, fmt.Sprintf("%s, visible: %t", which(t, opened, f.root, in("a"), in("a/b"), f.state), exists(in("a/b/x"))))
				return opened.Sync()
			})
			if _, err := file.Publish(names(t, "a/b/x")); err != nil {
				t.Fatal(err)
			}
			return synced
		}
		want := []string{"media, visible: false", "a, visible: false", "the file, visible: false"}
		switch f.Linker() {
		case "renamed": // and at the end the directory that it was moved from
			want = append(want, "b, visible: true", "the state directory, visible: true")
		case "reserved": // and the note, before the reservation is made
			want = append(want, "the file, visible: false", "the state directory, visible: false", "b, visible: true", "the state directory, visible: true")
		default:
			want = append(want, "b, visible: true")
		}
		if diff := cmp.Diff(want, publish()); diff != "" {
			t.Error(diff)
		}
		if err := os.Remove(in("a/b/x")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[2:], publish()); diff != "" {
			t.Error(diff)
		}
	})
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func which(t *testing.T, opened *os.File, dirs ...string) string {
	t.Helper()
	info, err := opened.Stat()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(dirs, func(dir string) bool {
		other, err := os.Stat(dir)
		return err == nil && os.SameFile(info, other)
	})
	if i < 0 {
		return "the file"
	}
	if name := filepath.Base(dirs[i]); name != ".django-sidecar" {
		return name
	}
	return "the state directory"
}

// writes are how often a publication in two new directories writes to the disk.
var writes = map[string]int{"O_TMPFILE and AT_EMPTY_PATH": 4, "O_TMPFILE and /proc": 4, "named": 4, "renamed": 5, "reserved": 7}

// TestDiskFails: whichever write to the disk fails, there is no file, and nothing left of it.
func TestDiskFails(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		for n := 1; ; n++ {
			name := fmt.Sprintf("%d/b/x", n)
			file := f.create(t, "content")
			calls := 0
			f.SetSync(func(*os.File) error {
				if calls++; calls == n {
					return &os.PathError{Op: "fsync", Err: syscall.EIO}
				}
				return nil
			})
			_, err := file.Publish(names(t, name))
			if err == nil {
				if want := writes[f.Linker()]; calls != want || n != want+1 {
					t.Errorf("%d writes to the disk, and it failed %d times", calls, n-1)
				}
				return
			}
			if !errors.Is(err, syscall.EIO) || exists(filepath.Join(f.root, name)) {
				t.Errorf("failure %d: %v, and a file", n, err)
			}
			if err := file.Discard(); err != nil {
				t.Error(err)
			}
			f.expectClean(t)
		}
	})
}

// TestDiskFailsPart: a part whose publishing fails is still there. It is published by the next attempt, unless what was
// not written to the disk is its own.
func TestDiskFailsPart(t *testing.T) {
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		for n := 1; n <= writes[f.Linker()]; n++ {
			f.SetSync((*os.File).Sync)
			part, calls := f.part(t, id, "content"), 0
			f.SetSync(func(*os.File) error {
				if calls++; calls == n {
					return syscall.EIO
				}
				return nil
			})
			name := fmt.Sprintf("%d/b/x", n)
			if _, err := part.Publish(names(t, name)); !errors.Is(err, syscall.EIO) || exists(filepath.Join(f.root, name)) {
				t.Errorf("failure %d: %v", n, err)
			}
			if left := tree(t, f.state); left[id+".part"] != "content" {
				t.Errorf("failure %d: %v is left", n, left)
			}
			_, err := part.Publish(names(t, name))
			if lost := n == 3; errors.Is(err, syscall.EIO) != lost || exists(filepath.Join(f.root, name)) == lost {
				t.Errorf("failure %d, again: %v", n, err)
			}
			if err := part.Discard(); err != nil {
				t.Error(err)
			}
			f.expectClean(t)
		}
	})
}

// TestStateFails: a document that cannot be saved leaves the one before.
func TestStateFails(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	if err := f.SaveState(id, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f.SetSync(func(*os.File) error { return syscall.EIO })
	if err := f.SaveState(id, []byte("new")); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	if _, err := f.CreatePart(id, 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	f.SetSync((*os.File).Sync)
	if got := tree(t, f.state); len(got) > 1 {
		t.Errorf("left: %v", got)
	}
}

func init() { roles["limited"] = limited }

// limited runs in a process that may write no file longer than 1 MiB.
func limited() error {
	const limit = 1 << 20
	err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit})
	if err != nil {
		return err
	}
	for linker := range media.Linkers {
		d, err := media.Open(media.Config{Root: os.Args[1], StateDir: os.Args[2], Version: django52})
		if err != nil {
			return err
		}
		if d.Linker() != "named" {
			d.Force(linker)
		}
		f, err := d.Create(-1)
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, limit/2))
		n, tooLarge := f.Write(make([]byte, limit))
		if err != nil || n != limit/2 || f.Size() != limit || !errors.Is(tooLarge, media.ErrNoSpace) || !errors.Is(tooLarge, syscall.EFBIG) {
			return fmt.Errorf("%w, %d bytes, %w", err, n, tooLarge)
		}
		if err := f.Discard(); err != nil {
			return err
		}
	}
	return nil
}

func TestFileSizeLimit(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	cmd := exec.Command(os.Args[0], f.root, f.state)
	cmd.Env = append(os.Environ(), roles.As("limited"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if left := tree(t, f.root); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	f.expectClean(t)
}
