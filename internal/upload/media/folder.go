package media

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// folder is an open directory. Its methods take single names, never paths, and follow no symlink: whatever happens to
// the tree around it meanwhile, they act inside this directory.
type folder struct{ *os.File }

func openFolder(path string) (folder, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0) //nolint:gosec // one of the two that are configured
	return folder{f}, err
}

func fd(f *os.File) int { return int(f.Fd()) }

// again repeats a system call that a signal interrupted, as package os does with its own.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// openFile opens or creates a file of the directory.
func (d folder) openFile(name string, flags int, mode uint32) (*os.File, error) {
	var opened int
	err := again(func() (err error) {
		opened, err = unix.Openat(fd(d.File), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "openat", Path: name, Err: err}
	}
	return os.NewFile(uintptr(opened), name), nil
}

// openToLock opens a file that may be locked, and read if it has the permission.
func (d folder) openToLock(name string) (f *os.File, err error) {
	// O_WRONLY is for what a probe has made, and O_RDONLY for directories.
	for _, access := range []int{unix.O_RDWR, unix.O_WRONLY, unix.O_RDONLY} {
		f, err = d.openFile(name, access|unix.O_NONBLOCK, 0)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, err
}

// openFolder opens a directory of the directory.
func (d folder) openFolder(name string) (folder, error) {
	f, err := d.openFile(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	return folder{f}, err
}

func (d folder) mkdir(name string, mode uint32) error {
	return again(func() error { return unix.Mkdirat(fd(d.File), name, mode) })
}

// link gives a file of another directory a second name, here. It fails where there is something of that name.
func (d folder) link(name string, from folder, old string) error {
	return again(func() error { return unix.Linkat(fd(from.File), old, fd(d.File), name, 0) })
}

func (d folder) unlink(name string) error {
	return again(func() error { return unix.Unlinkat(fd(d.File), name, 0) })
}

// move renames a file of the directory into another one, over what has the name there.
func (d folder) move(old string, to folder, name string) error {
	return again(func() error { return unix.Renameat(fd(d.File), old, fd(to.File), name) })
}

// stat describes what has a name, a symlink itself and not what it points to.
func (d folder) stat(name string) (unix.Stat_t, error) {
	var s unix.Stat_t
	err := again(func() error { return unix.Fstatat(fd(d.File), name, &s, unix.AT_SYMLINK_NOFOLLOW) })
	return s, err
}

func statOf(f *os.File) (unix.Stat_t, error) {
	var s unix.Stat_t
	err := again(func() error { return unix.Fstat(fd(f), &s) })
	return s, err
}

func same(a, b unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// holds reports whether a name still stands for the open file.
func (d folder) holds(name string, f *os.File) bool {
	opened, err := statOf(f)
	named, err2 := d.stat(name)
	return errors.Join(err, err2) == nil && same(opened, named)
}
