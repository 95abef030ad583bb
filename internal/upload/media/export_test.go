package media

import (
	"os"
	"syscall"
)

// Linkers are the ways to give a file its name, of which Open picks one.
var Linkers = map[string]linker{"O_TMPFILE and AT_EMPTY_PATH": byDescriptor, "O_TMPFILE and /proc": byProc, "named": byName}

// Force makes a Dir use one of them, and restores nothing.
func (d *Dir) Force(name string) { d.linker = Linkers[name] }

// Linker is the one that Open picked.
func (d *Dir) Linker() string {
	for name, l := range Linkers {
		if l == d.linker {
			return name
		}
	}
	return ""
}

// SetSync replaces fsync.
func (d *Dir) SetSync(sync func(*os.File) error) { d.sync = sync }

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
