package media

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// allocateFrom is the least that is asked of the disk at once. Less is only promised: fallocate costs a small file
	// more than its data does.
	allocateFrom = 1 << 20
	// Where its size is not known, an upload's room grows by what it has already, within these bounds.
	minStep, maxStep = 256 << 10, 64 << 20
)

// room is what a file may still write without asking.
type room struct {
	reserved  int64 // the file has room for this many bytes from its start,
	allocated int64 // of which it has taken these from the disk,
	promised  int64 // and these count in Dir.promised; the rest is written
}

// grow makes room for the file's first n bytes, and for more if there is: its size is not known.
func (f *File) grow(n int64) error {
	if n <= f.reserved {
		return nil
	}
	if err := f.reserve(n + min(max(f.size, minStep), maxStep)); !errors.Is(err, ErrNoSpace) {
		return err
	}
	return f.reserve(n)
}

// reserve makes room for the file's first n bytes, or fails with ErrNoSpace. Half an upload is of use to nobody, and
// many halves fill a disk on which none of them can finish.
func (f *File) reserve(n int64) error {
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	need := n - f.reserved
	if need <= 0 {
		return nil
	}
	free, err := freeBytes(f.file)
	if err != nil {
		return fault("asking for free space", err)
	}
	if free -= f.dir.promised + f.dir.config.MinFree; free < need {
		return fmt.Errorf("%w: %d bytes are needed and %d are free", ErrNoSpace, need, max(free, 0))
	}
	if need >= allocateFrom {
		err := again(func() error { return allocate(f.file, f.reserved, need) })
		switch {
		case err == nil:
			f.allocated = n
		case !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, unix.EINVAL):
			return fault("allocating space", err)
		}
	}
	f.reserved = n
	f.settle()
	return nil
}

// settle counts what the file may still write and has not taken from the disk. Dir.space is held.
func (f *File) settle() {
	promised := max(0, f.reserved-max(f.size, f.allocated))
	f.dir.promised += promised - f.promised
	f.promised = promised
}

// written settles after a write.
func (f *File) written() {
	if f.promised == 0 {
		return
	}
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	f.settle()
}

// release gives up what is not written. What the disk gave goes with the file, or is cut off by trim.
func (f *File) release() {
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	f.reserved = 0
	f.settle()
}

// trim cuts off what was allocated and not written.
func (f *File) trim() error {
	if f.allocated <= f.size {
		return nil
	}
	f.allocated = 0
	return f.file.Truncate(f.size)
}
