package media_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"django-sidecar/internal/upload/media"
)

// TestNoRoom: where there is none the upload is refused before its first byte.
func TestNoRoom(t *testing.T) {
	eachLinker(t, media.Config{MinFree: 1 << 62}, func(t *testing.T, f *fixture) {
		for _, size := range []int64{1, media.AllocateFrom, 1 << 40, 1<<63 - 1} {
			if _, err := f.Create(size); !errors.Is(err, media.ErrNoSpace) {
				t.Errorf("%d bytes: got %v", size, err)
			}
			if _, err := f.CreatePart(id, size); !errors.Is(err, media.ErrNoSpace) {
				t.Errorf("a part of %d bytes: got %v", size, err)
			}
		}
		f.expectClean(t)
		file, err := f.Create(-1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := file.Write([]byte("x")); n != 0 || !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
		if err := file.Discard(); err != nil {
			t.Error(err)
		}
		f.publish(t, "", "empty") // needs none
		f.expectClean(t)
	})
}

func TestMoreThanTheDisk(t *testing.T) {
	f := newFixture(t, t.TempDir(), media.Config{})
	if _, err := f.Create(1<<63 - 1); !errors.Is(err, media.ErrNoSpace) {
		t.Errorf("got %v", err)
	}
	f.expectClean(t)
}

func expect(t *testing.T, f *fixture, want int64) {
	t.Helper()
	if got := f.AllPromised(); got != want {
		t.Errorf("%d bytes are promised, want %d", got, want)
	}
}

func fill(t *testing.T, file *media.PendingFile, n int) {
	t.Helper()
	if _, err := file.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// TestPromises: what is promised to an upload is what it has not written yet, and none remains after its end.
func TestPromises(t *testing.T) {
	const size = media.AllocateFrom - 1 // so that nothing is taken from the disk
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		a, err := f.Create(size)
		b, err2 := f.Create(size)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		expect(t, f, 2*size)
		fill(t, a, 1000)
		expect(t, f, 2*size-1000)
		fill(t, a, size-1000)
		expect(t, f, size)
		if _, err := a.Publish(names(t, "a")); err != nil {
			t.Fatal(err)
		}
		expect(t, f, size)
		if err := b.Discard(); err != nil {
			t.Fatal(err)
		}
		expect(t, f, 0)
	})
}

// TestPromisesToParts: a part of a known size keeps what it is promised, whether it is open or not, and one of an unknown size
// does while it is open.
func TestPromisesToParts(t *testing.T) {
	const size, block = media.AllocateFrom - 1, 4096
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		about := func(want int64) {
			t.Helper()
			if got := f.AllPromised(); got > want || got < want-block {
				t.Errorf("%d bytes are promised, want %d", got, want)
			}
		}
		f.Claim(id, "1", 0)
		p, err := f.CreatePart(id, size)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, p, 1000)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		about(size - 1000)
		f.Claim(id, "1", 5000) // is known
		if p, err = f.OpenPart(id, -1, size); err != nil {
			t.Fatal(err)
		}
		about(size - 1000)
		if err := p.Truncate(500); err != nil {
			t.Fatal(err)
		}
		about(size - 500)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		about(size - 500)
		if err := f.Remove(id); err != nil {
			t.Fatal(err)
		}
		about(0)
		if p, err = f.CreatePart(id, -1); err != nil {
			t.Fatal(err)
		}
		fill(t, p, 500)
		if f.AllPromised() == 0 {
			t.Error("a part that grows is promised nothing")
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		about(0)
		if err := f.Remove(id); err != nil {
			t.Fatal(err)
		}
		if _, err := f.CreatePart(id, 1<<62); !errors.Is(err, media.ErrNoSpace) {
			t.Errorf("got %v", err)
		}
		f.Claim(id, "1", 7000) // of an earlier process
		expect(t, f, 7000)
		f.Release(id)
		f.Release(id)
		expect(t, f, 0)
		f.expectClean(t)
	})
}

// TestAllocated: what was allocated and not written is given back, whether the size was announced or not.
func TestAllocated(t *testing.T) {
	const large = 8 << 20
	eachLinker(t, media.Config{}, func(t *testing.T, f *fixture) {
		for name, announced := range map[string]int64{"announced": large, "unknown": -1} {
			file, err := f.Create(announced)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := file.Write(make([]byte, media.AllocateFrom)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := file.Publish(names(t, name)); err != nil {
				t.Fatal(err)
			}
			if size, disk := usage(t, filepath.Join(f.root, name)); size != 3*media.AllocateFrom || disk > size+64<<10 {
				t.Errorf("%s: a file of %d bytes takes %d", name, size, disk)
			}
		}
		p, err := f.CreatePart(id, large)
		if err != nil {
			t.Fatal(err)
		}
		if _, disk := usage(t, filepath.Join(f.state, id+".part")); disk > 0 {
			t.Errorf("a part that has nothing takes %d", disk)
		}
		fill(t, p, 3*media.AllocateFrom)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if _, disk := usage(t, filepath.Join(f.state, id+".part")); disk > 3*media.AllocateFrom+64<<10 {
			t.Errorf("a part of 3 MiB that nobody has open takes %d", disk)
		}
		if p, err = f.OpenPart(id, 0, large); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(make([]byte, 2000)); err != nil {
			t.Fatal(err)
		}
		if err := p.Truncate(1000); err != nil {
			t.Fatal(err)
		}
		if size, disk := usage(t, filepath.Join(f.state, id+".part")); size != 1000 || disk > 64<<10 {
			t.Errorf("a part of %d bytes takes %d", size, disk)
		}
		if err := p.Discard(); err != nil {
			t.Fatal(err)
		}
		f.expectClean(t)
	})
}

// usage is the size of a file, and how much of the disk it takes.
func usage(tb testing.TB, path string) (size, disk int64) {
	tb.Helper()
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		tb.Fatalf("%s has no blocks", path)
	}
	return info.Size(), stat.Blocks * 512
}
