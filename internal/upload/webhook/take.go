package webhook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"django-sidecar/internal/flock"
)

// errTaken says that an event is on its way, or was delivered, in another process.
var errTaken = errors.New("taken by another process")

// take opens an event's file and locks it: until it is closed, no other process delivers it.
func (d queueFolder) take(e eventFile) (*os.File, error) {
	// Whatever it is that has the name: no symlink is followed, and no pipe waited for.
	f, err := os.OpenFile(d.path(e.name()), os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errTaken
	}
	if info, statErr := os.Lstat(d.path(e.name())); err != nil && statErr == nil && !info.Mode().IsRegular() {
		return nil, errCorrupt // a symlink, or a socket
	}
	if err != nil {
		return nil, err
	}
	if err := d.lock(f, e); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d queueFolder) lock(f *os.File, e eventFile) error {
	switch err := flock.Try(f); {
	case errors.Is(err, flock.ErrHeld):
		return errTaken
	case errors.Is(err, errors.ErrUnsupported): // two processes may deliver it, and one does
	case err != nil:
		return fmt.Errorf("locking: %w", err)
	}
	// Between opening and locking another process may have delivered it, or put it off under another name.
	named, err := os.Lstat(d.path(e.name()))
	if errors.Is(err, fs.ErrNotExist) {
		return errTaken
	}
	opened, err2 := f.Stat()
	if err = errors.Join(err, err2); err == nil && !os.SameFile(named, opened) {
		return errTaken
	}
	return err
}
