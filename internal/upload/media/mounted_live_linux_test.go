//go:build live

package media_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/media"
)

// onTmpfs runs a test in every way to name a file, each time on a small disk of its own.
func onTmpfs(t *testing.T, options string, c media.Config, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, linker := range linkers(t) {
		t.Run(linker, func(t *testing.T) {
			disk := t.TempDir()
			djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, options)
			defer djangotest.Unmount(t, disk, 0)
			f := newFixture(t, disk, c)
			f.Force(linker)
			test(t, f)
		})
	}
}

func free(t *testing.T, path string) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// TestFullDisk: uploads are refused before the disk is full, and those that were not are finished.
func TestFullDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	const minFree, slack = 1 << 20, 256 << 10
	for _, size := range []int64{100 << 10, 2 << 20} { // promised, allocated
		onTmpfs(t, "size=16m", media.Config{MinFree: minFree}, func(t *testing.T, f *fixture) {
			before := free(t, f.root)
			var files []*media.PendingFile
			for {
				file, err := f.Create(size)
				if errors.Is(err, media.ErrNoSpace) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
			}
			if want := (before - minFree) / size; int64(len(files)) > want || int64(len(files)) < want-1 {
				t.Errorf("%d uploads of %d bytes were let in on %d", len(files), size, before)
			}
			for i, file := range files {
				for range size / (50 << 10) {
					if _, err := file.Write(make([]byte, 50<<10)); err != nil {
						t.Fatalf("upload %d of %d: %v", i, len(files), err)
					}
				}
				if i%2 == 0 {
					if _, err := file.Publish(names(t, fmt.Sprintf("up/%d", i))); err != nil {
						t.Errorf("upload %d: %v", i, err)
					}
				}
				if err := file.Discard(); err != nil {
					t.Error(err)
				}
			}
			if left := free(t, f.root); left < minFree {
				t.Errorf("%d bytes are left free", left)
			}
			if err := os.RemoveAll(filepath.Join(f.root, "up")); err != nil {
				t.Fatal(err)
			}
			if after := free(t, f.root); after < before-slack {
				t.Errorf("%d bytes are free afterwards, %d were before", after, before)
			}
			f.expectClean(t)
		})
	}
}

// TestUnknownSizes: uploads whose sizes are not known share what there is; those that do not fit leave nothing.
func TestUnknownSizes(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	onTmpfs(t, "size=16m", media.Config{}, func(t *testing.T, f *fixture) {
		before := free(t, f.root)
		var wait sync.WaitGroup
		refused := make(chan int64, 8)
		for range cap(refused) {
			wait.Go(func() {
				file, err := f.Create(-1)
				for err == nil {
					_, err = file.Write(make([]byte, 30<<10))
				}
				if !errors.Is(err, media.ErrNoSpace) {
					t.Error(err)
				}
				refused <- file.Size()
				if err := file.Discard(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		close(refused)
		most := int64(0)
		for n := range refused {
			most = max(most, n)
		}
		if most < before/int64(cap(refused))/2 || most > before {
			t.Errorf("the largest had %d bytes, of %d", most, before)
		}
		if after := free(t, f.root); after != before {
			t.Errorf("%d bytes are free afterwards, %d were before", after, before)
		}
		if got := tree(t, f.root); len(got) != 0 {
			t.Errorf("there is %v", got)
		}
		f.expectClean(t)
	})
}

// TestSomebodyElse fills the disk, or takes its last inode: the system's own ENOSPC.
func TestSomebodyElse(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	onTmpfs(t, "size=4m", media.Config{}, func(t *testing.T, f *fixture) {
		file, err := f.Create(1 << 19) // promised
		if err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(filepath.Dir(f.root), "other")
		if err := os.WriteFile(other, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		n, err := file.Write(make([]byte, 1<<19))
		if !errors.Is(err, media.ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) || int64(n) != file.Size() {
			t.Errorf("wrote %d bytes, %d count, %v", n, file.Size(), err)
		}
		if err := errors.Join(file.Discard(), os.Remove(other)); err != nil {
			t.Error(err)
		}
		f.publish(t, "content", "x")
		f.expectClean(t)
	})
	onTmpfs(t, "nr_inodes=8", media.Config{}, func(t *testing.T, f *fixture) {
		file := f.create(t, "content")
		if _, err := file.Publish(names(t, "1/2/3/4/5/6/7/8/x")); !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("got %v", err)
		}
		if err := file.Discard(); err != nil {
			t.Error(err)
		}
		for name, what := range tree(t, f.root) {
			if what != "d" { // directories stay, as Django's do
				t.Errorf("%s is %q", name, what)
			}
		}
		if err := os.Mkdir(filepath.Join(filepath.Dir(f.root), "last"), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Create(-1); !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("got %v", err)
		}
		if _, err := f.CreatePart(id, -1); !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("a part: got %v", err)
		}
		if err := f.SaveState(id, nil); !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("a state: got %v", err)
		}
		f.expectClean(t)
	})
}

func TestReadOnly(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	onTmpfs(t, "", media.Config{}, func(t *testing.T, f *fixture) {
		file := f.create(t, "content")
		djangotest.Mount(t, f.root, f.root, "", unix.MS_BIND, "")
		djangotest.Mount(t, "", f.root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		for _, name := range []string{"x", "a/b/x"} {
			// A rename between two mounts is refused before it is known that one of them is read-only.
			if _, err := file.Publish(names(t, name)); !errors.Is(err, media.ErrReadOnly) && !errors.Is(err, media.ErrOutside) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if created, err := f.Create(-1); err == nil { // beside MEDIA_ROOT
			if err := created.Discard(); err != nil || strings.HasPrefix(f.Linker(), "O_TMPFILE") {
				t.Errorf("a file was created: %v", err)
			}
		} else if !errors.Is(err, media.ErrReadOnly) {
			t.Errorf("got %v", err)
		}
		_, err := media.Open(media.Config{Root: f.root, StateDir: f.state, Version: django52})
		if !errors.Is(err, media.ErrReadOnly) {
			t.Errorf("got %v", err)
		}
		t.Log(err)
		djangotest.Unmount(t, f.root, 0)
		_, err = file.Publish(names(t, "x"))
		if err := errors.Join(err, file.Discard()); err != nil {
			t.Error(err)
		}
		f.expectClean(t)
	})
}

// TestMounts: links do not cross mounts, not even of one file system.
func TestMounts(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	onTmpfs(t, "", media.Config{}, func(t *testing.T, f *fixture) {
		other := t.TempDir()
		djangotest.Mount(t, "tmpfs", other, "tmpfs", 0, "mode=0700")
		defer djangotest.Unmount(t, other, 0)
		for _, state := range []string{other, f.state} {
			if state == f.state {
				djangotest.Mount(t, f.state, f.state, "", unix.MS_BIND, "")
				defer djangotest.Unmount(t, f.state, 0)
			}
			_, err := media.Open(media.Config{Root: f.root, StateDir: state, Version: django52})
			if !errors.Is(err, syscall.EXDEV) {
				t.Errorf("%s: got %v", state, err)
			}
			t.Log(err)
		}
		below := filepath.Join(f.root, "below")
		if err := os.Mkdir(below, 0o755); err != nil {
			t.Fatal(err)
		}
		djangotest.Mount(t, "tmpfs", below, "tmpfs", 0, "")
		defer djangotest.Unmount(t, below, 0)
		file := f.create(t, "content")
		if _, err := file.Publish(names(t, "below/x")); !errors.Is(err, media.ErrOutside) {
			t.Errorf("got %v", err)
		}
		if err := file.Discard(); err != nil {
			t.Error(err)
		}
		f.expectClean(t)
	})
}

// TestOverlay: overlayfs, which containers have, gives names in each way.
func TestOverlay(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	base := t.TempDir()
	djangotest.Mount(t, "tmpfs", base, "tmpfs", 0, "")
	defer djangotest.Unmount(t, base, 0)
	in := func(name string) string { return filepath.Join(base, name) }
	for _, name := range []string{"lower", "upper", "work", "merged", "lower/media", "lower/more"} {
		if err := os.Mkdir(in(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(in("lower/media/taken"), []byte("of the image"), 0o600); err != nil {
		t.Fatal(err)
	}
	djangotest.Mount(t, "overlay", in("merged"), "overlay", 0, "lowerdir="+in("lower")+",upperdir="+in("upper")+",workdir="+in("work"))
	defer djangotest.Unmount(t, in("merged"), 0)
	f := (&fixture{root: in("merged/media"), state: in("merged/.django-sidecar")}).open(t, media.Config{})
	if f.Linker() != "O_TMPFILE and /proc" || len(f.Lacking()) != 0 {
		t.Errorf("files are %s, lacking %v", f.Linker(), f.Lacking())
	}
	more := (&fixture{root: in("merged/more"), state: f.state}).open(t, media.Config{})
	for linker := range media.Linkers {
		f.Force(linker)
		if got := f.publish(t, linker, "taken", "free"); got != "free" {
			t.Errorf("%s: published as %s", linker, got)
		}
		more.Force(linker)
		more.publishAll(t)
		if err := errors.Join(os.Remove(filepath.Join(f.root, "free")), os.RemoveAll(in("merged/more/a")), os.RemoveAll(in("merged/more/b"))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPowerCut stops an ext4 as a power cut would: what the disk does not have by then is lost. What Publish has returned is
// there when it is mounted again, and every file is whole.
func TestPowerCut(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	const cuts = 10
	for _, linker := range linkers(t) {
		t.Run(linker, func(t *testing.T) {
			image, disk := filepath.Join(t.TempDir(), "image"), t.TempDir()
			shell(t, "truncate", "-s", "256M", image)
			shell(t, "mkfs.ext4", "-q", image)
			shell(t, "mount", "-o", "loop", image, disk)
			f := newFixture(t, disk, media.Config{FilePermissions: permissions(0o644)})
			f.Force(linker)
			reported, found := map[string]uint64{}, outcomes{}
			for range cuts {
				publishUntilCut(t, f, disk, reported)
				djangotest.Unmount(t, disk, 0)
				shell(t, "mount", "-o", "loop", image, disk)
				found.add(restart(t, f, true, reported))
				verify(t, f.root, reported)
				if t.Failed() {
					break
				}
			}
			t.Logf("%d cuts, %d files, %+v", cuts, len(reported), found)
			djangotest.Unmount(t, disk, 0)
		})
	}
}

func shell(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// publishUntilCut publishes from several goroutines, and cuts the power after some files.
func publishUntilCut(t *testing.T, f *fixture, disk string, reported map[string]uint64) {
	t.Helper()
	top, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = top.Close() }()
	var lock sync.Mutex
	enough := len(reported) + 20
	report := func(seed uint64, name string) error {
		lock.Lock()
		defer lock.Unlock()
		reported[name] = seed
		if len(reported) == enough {
			// Without a last write of the journal: EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h).
			const shutdown, noLogFlush = 0x8004587d, 2
			return unix.IoctlSetPointerInt(int(top.Fd()), shutdown, noLogFlush)
		}
		return nil
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				if err := publishOne(f.Dir, report); err != nil {
					if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EROFS) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	wait.Wait()
}

// TestSharesOfTheDisk: what one owner is promised, and does not send, leaves half of the disk to another, and takes nothing of it.
func TestSharesOfTheDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	const size = 4 << 20
	onTmpfs(t, "size=64m", media.Config{}, func(t *testing.T, f *fixture) {
		before := free(t, f.root)
		var ids []string
		for n := 0; ; n++ {
			each := fmt.Sprintf("%032x", n)
			f.Claim(each, "greedy", 0)
			p, err := f.CreatePart(each, size)
			if errors.Is(err, media.ErrNoSpace) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, each)
		}
		if want := int(before / size); len(ids) < want-1 || len(ids) > want {
			t.Errorf("%d parts were let in on %d bytes", len(ids), before)
		}
		if after := free(t, f.root); after < before-1<<20 {
			t.Errorf("parts without bytes take %d", before-after)
		}
		for n := range 3 { // each of them gets half of what is free, and sends it
			left := free(t, f.root)
			file, err := f.CreateFor(fmt.Sprint("modest", n), left/2-1<<20)
			if err != nil {
				t.Fatalf("%d: %v", n, err)
			}
			if _, err := f.CreateFor(fmt.Sprint("modest", n), left/2); !errors.Is(err, media.ErrNoSpace) {
				t.Errorf("%d: more than half: %v", n, err)
			}
			fill(t, file, int(left/2-1<<20))
			_, err = file.Publish(names(t, fmt.Sprint("modest", n)))
			if err := errors.Join(err, file.Discard()); err != nil {
				t.Fatal(err)
			}
		}
		for _, each := range ids {
			if err := f.Remove(each); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, f, 0)
	})
}
