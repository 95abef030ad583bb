package media

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// linker is a way to give a file its name under Root.
type linker int

const (
	byName linker = iota // a link to the name that it has in the state directory; works everywhere
	byProc               // a link to what /proc/self/fd/N stands for; needs /proc
	// byDescriptor is linkat(AT_EMPTY_PATH). It needs CAP_DAC_READ_SEARCH or Linux 6.10, which takes the very
	// credentials that opened the file: where a process has changed its user, each of its threads has others. Hence
	// the last resort.
	byDescriptor
)

// openAnonymous creates a file without a name, as if it were in the directory: it has the group and the access control
// list that a file created there would have.
func openAnonymous(dir folder, mode uint32) (*os.File, error) {
	return dir.openFile(".", unix.O_TMPFILE|unix.O_RDWR, mode)
}

// link gives a file without a name its name.
func (l linker) link(f *os.File, to folder, name string) error {
	return again(func() error {
		if l == byDescriptor {
			return unix.Linkat(fd(f), "", fd(to.File), name, unix.AT_EMPTY_PATH)
		}
		return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd(f)), fd(to.File), name,
			unix.AT_SYMLINK_FOLLOW)
	})
}

// moveNew renames a file into another directory, and fails where there is something of that name.
func (d folder) moveNew(old string, to folder, name string) error {
	return again(func() error { return unix.Renameat2(fd(d.File), old, fd(to.File), name, unix.RENAME_NOREPLACE) })
}

// sameMount fails when a file cannot be linked from one directory to the other: two mounts of the same file system
// have the same device number, and refuse that all the same. No directory can be linked, so that nothing is ever made
// here; but that they are on different mounts is found out first (fs/namei.c, do_linkat).
func sameMount(root, state folder) error {
	err := root.link(".django-sidecar-is-never-made", state, ".")
	if err == nil {
		return fmt.Errorf("a hard link to a directory was made in %s", root.Name())
	}
	if err == unix.EXDEV { //nolint:errorlint // a plain number of the call above
		return err
	}
	return nil
}
