package media

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes returns how much room a file's file system has for this user.
func freeBytes(f *os.File) (int64, error) {
	var s unix.Statfs_t
	err := again(func() error { return unix.Fstatfs(fd(f), &s) })
	size := s.Frsize
	if size == 0 { // it came with Linux 2.6, and some FUSE file systems leave it out
		size = s.Bsize
	}
	return roomOf(s.Bavail, s.Blocks, size, err)
}

// allocate takes bytes from the disk, without making the file longer.
func allocate(f *os.File, from, n int64) error {
	return unix.Fallocate(fd(f), unix.FALLOC_FL_KEEP_SIZE, from, n)
}

// syncAll writes all of a file system to the disk.
func syncAll(dir folder) error {
	return again(func() error { return unix.Syncfs(fd(dir.File)) })
}
