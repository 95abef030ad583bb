package media

import (
	"os"
	"syscall"
)

// naming is a way to give a file its name.
type naming struct {
	linker
	way
}

// Linkers are the ways to give a file its name, of which Open picks one.
var Linkers = map[string]naming{
	"O_TMPFILE and AT_EMPTY_PATH": {byDescriptor, byLink}, "O_TMPFILE and /proc": {byProc, byLink},
	"named": {byName, byLink}, "renamed": {byName, byRename}, "reserved": {byName, byReservation},
}

// Force makes a Dir use one of them, and restores nothing.
func (d *Dir) Force(name string) { d.linker, d.way = Linkers[name].linker, Linkers[name].way }

// Linker is the one that Open picked.
func (d *Dir) Linker() string {
	for name, l := range Linkers {
		if l == (naming{d.linker, d.way}) {
			return name
		}
	}
	return ""
}

// WithoutLocks makes a Dir do without flock.
func (d *Dir) WithoutLocks() { d.flocks = false }

// SetSync replaces fsync.
func (d *Dir) SetSync(sync func(*os.File) error) { d.sync = sync }

// Create is CreateFor for nobody.
func (d *Dir) Create(size int64) (*PendingFile, error) { return d.CreateFor("", size) }

// Remove is RemoveIf for whoever is always allowed to.
func (d *Dir) Remove(id string) error { return d.RemoveIf(id, func() error { return nil }) }

// AllPromised is Promised for all owners together.
func (d *Dir) AllPromised() int64 {
	d.space.Lock()
	defer d.space.Unlock()
	return d.promises.all
}

// Fault is what is made of a system call's error.
func Fault(number syscall.Errno) error {
	return fault("testing", &os.PathError{Op: "test", Err: number})
}

const (
	AllocateFrom  = allocateFrom
	MaxCandidates = maxCandidates
)
