package folder

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Replace has a temporary file take the place of the file of this name. It fails with fs.ErrNotExist where that has been
// deleted meanwhile: the two change places in one step, and a rename would bring back what somebody has just ended. File
// systems that know no such step, such as NFS, rename.
func Replace(root *os.Root, temporary, name string) (err error) {
	dir, err := root.Open(".")
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	fd := int(dir.Fd())
	err = unix.Renameat2(fd, temporary, fd, name, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return Move(root, temporary, name)
	}
	if err != nil {
		err = fmt.Errorf("replacing a file: %w", err)
	}
	return errors.Join(err, root.Remove(temporary)) // which has the old content now, or was not taken
}
