// Package flock locks files, so that the processes of one machine can tell which files are in use.
package flock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld says that the file is locked already: here by another open file, or by another process.
var ErrHeld = errors.New("the file is locked")

// Try locks f for as long as it is open, and waits for nobody. The kernel unlocks it when the process dies, however it
// does; neither process ids nor boot ids tell that across containers.
//
// f must be open for writing: NFS refuses to lock another (Linux 6.1, fs/nfs/nfs4proc.c, nfs4_proc_lock).
//
// It fails with ErrHeld, and with [errors.ErrUnsupported] where the file system has no locks.
func Try(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR): // by a signal: package os repeats its calls too
		case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EACCES): // SMB says the latter
			return ErrHeld
		case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK):
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		default:
			return err
		}
	}
}
