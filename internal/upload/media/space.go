package media

import (
	"errors"
	"fmt"
	"math"
)

const (
	// allocateFrom is the least that is asked of the disk at once. Less is only promised: fallocate costs a small file
	// more than its data does.
	allocateFrom = 1 << 20
	// An upload takes from the disk what it has already besides what comes, within these bounds. Where its size is not
	// known, its room grows likewise.
	minStep, maxStep = 256 << 10, 64 << 20
)

// room is what a file may still write without asking.
type room struct {
	reserved  int64 // the file has room for this many bytes from its start,
	allocated int64 // of which it has taken these from the disk,
	promised  int64 // and these count in Dir.promises; the rest is written
	sized     bool  // its size is known: what it is promised stays promised between two requests
}

// promises are the bytes that uploads may still write, of those that no file has taken from the disk yet. Dir.space
// guards them.
type promises struct {
	all     int64
	byOwner map[string]int64
	parts   map[string]partPromise // by id, of parts that nobody has open
}

// partPromise is what a part is promised while nobody has it open.
type partPromise struct {
	owner string
	bytes int64
}

func (p *promises) add(owner string, by int64) {
	if p.byOwner == nil {
		p.byOwner, p.parts = map[string]int64{}, map[string]partPromise{}
	}
	p.all += by
	if p.byOwner[owner] += by; p.byOwner[owner] == 0 {
		delete(p.byOwner, owner)
	}
}

// available is what an owner may be promised of the free bytes. What others have been promised, and have not sent,
// leaves half of them to whoever asks: nobody can take the disk with words.
func (d *Dir) available(owner string, free int64) int64 {
	free = max(0, free-d.config.MinFree)
	own := d.promises.byOwner[owner]
	return max(free/2, free-(d.promises.all-own)) - own
}

// Claim says whose a part is, before it is created or opened. It changes nothing where that is known.
func (d *Dir) Claim(id, owner string, bytes int64) {
	d.space.Lock()
	defer d.space.Unlock()
	if _, known := d.promises.parts[id]; !known {
		d.promises.add(owner, bytes)
		d.promises.parts[id] = partPromise{owner, bytes}
	}
}

// Promised is how many bytes an owner's uploads may still write without having taken them from the disk.
func (d *Dir) Promised(owner string) int64 {
	d.space.Lock()
	defer d.space.Unlock()
	return d.promises.byOwner[owner]
}

// Release gives up what is promised to a part that nobody has open, or that is gone.
func (d *Dir) Release(id string) {
	d.space.Lock()
	defer d.space.Unlock()
	c := d.promises.parts[id]
	d.promises.add(c.owner, -c.bytes)
	delete(d.promises.parts, id)
}

// resume takes over what the part has been promised.
func (f *PendingFile) resume() {
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	c := f.dir.promises.parts[f.id]
	delete(f.dir.promises.parts, f.id)
	f.owner, f.promised = c.owner, c.bytes
	f.reserved = max(f.reserved, f.size+c.bytes)
	f.settle()
}

// suspend leaves what the part is promised for the next who opens it, and gives back what the disk gave for nothing.
func (f *PendingFile) suspend() error {
	const worthwhile = 64 << 10 // the last block of a file is no loss
	var err error
	if f.allocated-f.size >= worthwhile {
		err = f.trim()
	}
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	if !f.sized {
		f.reserved = f.size
	}
	f.settle()
	f.dir.promises.add(f.owner, 0)
	f.dir.promises.parts[f.id] = partPromise{f.owner, f.promised}
	f.promised = 0
	return err
}

// grow makes room for the file's first n bytes, and for more if there is and its size is not known.
func (f *PendingFile) grow(n int64) error {
	if n > f.reserved {
		err := f.reserve(n + f.step())
		if errors.Is(err, ErrNoSpace) {
			err = f.reserve(n)
		}
		if err != nil {
			return err
		}
	}
	return f.allocate(n)
}

func (f *PendingFile) step() int64 { return min(max(f.size, minStep), maxStep) }

// reserve promises room for the file's first n bytes, or fails with ErrNoSpace. Half an upload is of use to nobody, and
// many halves fill a disk on which none of them can finish.
func (f *PendingFile) reserve(n int64) error {
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	need := n - f.reserved
	if need <= 0 {
		return nil
	}
	free, err := freeBytes(f.file)
	if err != nil && !errors.Is(err, errUnknownSpace) {
		return fault("asking for free space", err)
	}
	if free = f.dir.available(f.owner, free); free < need {
		return fmt.Errorf("%w: %d bytes are needed and %d are free", ErrNoSpace, need, max(free, 0))
	}
	f.reserved = n
	f.settle()
	return nil
}

// allocate takes from the disk what the file's first n bytes need, and a step more: as they come, since many announce
// more than they send.
func (f *PendingFile) allocate(n int64) error {
	from := max(f.size, f.allocated)
	until := min(n+f.step(), f.reserved)
	if n <= f.allocated || until-from < allocateFrom {
		return nil
	}
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	free, err := freeBytes(f.file)
	if err != nil && !errors.Is(err, errUnknownSpace) {
		return fault("asking for free space", err)
	}
	if free -= f.dir.config.MinFree; free < until-from { // others have been quicker, or it is the last of the disk
		if free < n-from {
			return fmt.Errorf("%w: %d bytes are needed and %d are free", ErrNoSpace, n-from, max(free, 0))
		}
		return nil
	}
	err = fault("allocating space", again(func() error { return allocate(f.file, from, until-from) }))
	if err == nil {
		f.allocated = until
		f.settle()
	}
	if errors.Is(err, ErrNoSpace) {
		return err
	}
	return nil // without it a write finds out
}

// errUnknownSpace is that of a file system which does not say how much room there is. It then has all that is asked
// for.
var errUnknownSpace = errors.New("the free space is not told")

// roomOf is what a number of blocks has.
func roomOf(blocks, all uint64, size int64, err error) (int64, error) {
	switch {
	case unknown(err) || err == nil && (all == 0 || size <= 0):
		return math.MaxInt64, errUnknownSpace
	case err != nil:
		return 0, err
	case blocks > uint64(math.MaxInt64/size): //nolint:gosec // size is more than 0
		return math.MaxInt64, nil
	}
	return int64(blocks) * size, nil //nolint:gosec // it is less than 2^63
}

// settle counts what the file may still write and has not taken from the disk. Dir.space is held.
func (f *PendingFile) settle() {
	promised := max(0, f.reserved-max(f.size, f.allocated))
	f.dir.promises.add(f.owner, promised-f.promised)
	f.promised = promised
}

// written settles after a write.
func (f *PendingFile) written() {
	if f.promised == 0 {
		return
	}
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	f.settle()
}

// release gives up what is not written. What the disk gave goes with the file, or is cut off by trim.
func (f *PendingFile) release() {
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	f.reserved = 0
	f.settle()
}

// trim cuts off what was allocated and not written.
func (f *PendingFile) trim() error {
	if f.allocated <= f.size {
		return nil
	}
	f.allocated = 0
	return f.file.Truncate(f.size)
}
