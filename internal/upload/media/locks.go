package media

import (
	"errors"
	"os"
	"sync"
	"time"

	"django-sidecar/internal/flock"
)

// staleAfter is when a file of the state directory has no process any more that writes to it, where no lock says so. An
// upload that stands still is ended much earlier.
const staleAfter = time.Hour

// locks stands in for package flock where the file system has no locks. It knows of the files of this process alone.
type locks struct {
	mu   sync.Mutex
	held map[string]*os.File // by name in the state directory
}

// lock locks a file of the state directory for as long as it is open, or fails with ErrBusy.
func (d *Dir) lock(name string, f *os.File) error {
	if d.flocks {
		err := flock.Try(f)
		if errors.Is(err, flock.ErrHeld) {
			return ErrBusy
		}
		return err
	}
	d.locks.mu.Lock()
	defer d.locks.mu.Unlock()
	if d.locks.held[name] != nil {
		return ErrBusy
	}
	if d.locks.held == nil {
		d.locks.held = map[string]*os.File{}
	}
	d.locks.held[name] = f
	return nil
}

// unlock is for a file that stays open, or is about to be closed.
func (d *Dir) unlock(name string, f *os.File) {
	if d.flocks {
		return // closing does it
	}
	d.locks.mu.Lock()
	defer d.locks.mu.Unlock()
	if d.locks.held[name] == f {
		delete(d.locks.held, name)
	}
}

func (d *Dir) closeLocked(name string, f *os.File) error {
	d.unlock(name, f)
	return f.Close()
}

// abandoned reports whether a file that this process has locked can be nobody else's.
func (d *Dir) abandoned(modified time.Time) bool {
	return d.flocks || d.old(modified)
}

func (d *Dir) old(modified time.Time) bool {
	return d.config.Now != nil && d.config.Now().Sub(modified) > staleAfter
}
