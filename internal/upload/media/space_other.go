//go:build !linux

package media

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes returns how much room a file's file system has for this user.
func freeBytes(f *os.File) (int64, error) {
	var s unix.Statfs_t
	err := again(func() error { return unix.Fstatfs(fd(f), &s) })
	return roomOf(s.Bavail, s.Blocks, int64(s.Bsize), err)
}

// allocate takes nothing: the room is promised then.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// syncAll writes all file systems to their disks, or at least begins to.
func syncAll(folder) error { return unix.Sync() }
