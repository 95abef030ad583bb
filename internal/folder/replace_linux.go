package folder

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// renameat2 is the system call of that name, which package syscall does not know: include/uapi/linux/fs.h and the
// tables of Linux. golang.org/x/sys knows it, and the library imports nothing outside Go's own packages.
var renameat2 = map[string]uintptr{"amd64": 316, "arm64": 276, "riscv64": 276, "loong64": 276}[runtime.GOARCH]

// Replace has a temporary file take the place of the file of this name. It fails with fs.ErrNotExist where that has
// been deleted meanwhile: the two change places in one step, and a rename would bring back what somebody has just
// ended. File systems that know no such step, such as NFS, rename.
func Replace(root *os.Root, temporary, name string) error {
	err := exchange(root, temporary, name)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return Move(root, temporary, name)
	}
	return errors.Join(err, root.Remove(temporary)) // which has the old content now, or was not taken
}

// exchange has two files of a folder change places.
func exchange(root *os.Root, one, other string) (err error) {
	if renameat2 == 0 {
		return errors.ErrUnsupported
	}
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	from, err := syscall.BytePtrFromString(one)
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(other)
	if err != nil {
		return err
	}
	const renameExchange = 2
	_, _, code := syscall.Syscall6(renameat2,
		dir.Fd(), uintptr(unsafe.Pointer(from)), //nolint:gosec // the kernel takes addresses
		dir.Fd(), uintptr(unsafe.Pointer(to)), renameExchange, 0) //nolint:gosec // the same
	if code != 0 {
		return fmt.Errorf("replacing a file: %w", code)
	}
	return nil
}
