package media

import (
	"errors"
	"fmt"
	"syscall"
)

// What a caller tells apart. An error that is none of these is the file system's, and the next attempt may succeed.
var (
	// ErrNoSpace says that the disk, a quota or a limit on the size of files has no room for the upload.
	ErrNoSpace = errors.New("no space for the upload")
	// ErrReadOnly says that the file system or the permissions on it allow no writing.
	ErrReadOnly = errors.New("not writable")
	// ErrOutside says that a symlink on the way to a name leads out of MEDIA_ROOT, or a mount to another file system.
	ErrOutside = errors.New("outside MEDIA_ROOT and its file system")
	// ErrName says that a name is not one below MEDIA_ROOT, or too long for the file system.
	ErrName = errors.New("not a possible name")
	// ErrTaken says that every name that was offered is taken.
	ErrTaken = errors.New("all names are taken")
	// ErrID says that the id of a part is not made of 32 lower-case hexadecimal digits.
	ErrID = errors.New("not the id of a part")
	// ErrNoStateDir says that the state directory is not there, for instance since its volume is not mounted.
	ErrNoStateDir = errors.New("the state directory is not there")
	// ErrBusy says that a part is open, here or in another process.
	ErrBusy = errors.New("the part is in use")
	// ErrDamaged says that a part has fewer bytes than were known to be on the disk. It is of no use any more.
	ErrDamaged = errors.New("the part has lost bytes")
	// ErrPublished says that a part is a published file already.
	ErrPublished = errors.New("the part is published")
)

// meanings are the errors of system calls that have a sentinel here.
var meanings = []struct {
	number   syscall.Errno
	sentinel error
}{
	{syscall.ENOSPC, ErrNoSpace},
	{syscall.EDQUOT, ErrNoSpace},
	{syscall.EFBIG, ErrNoSpace}, // the file system's, or RLIMIT_FSIZE
	{syscall.EROFS, ErrReadOnly},
	{syscall.EACCES, ErrReadOnly},
	{syscall.EPERM, ErrReadOnly},
	{syscall.EXDEV, ErrOutside},
	{syscall.ENAMETOOLONG, ErrName},
	{syscall.EILSEQ, ErrName}, // a file system that takes UTF-8 or Unicode's normal forms only
}

// fault says what was being done, and wraps both the error and what it means to the caller. It is nil for nil.
func fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, m := range meanings {
		if errors.Is(err, m.number) && !errors.Is(err, m.sentinel) {
			return fmt.Errorf("%s: %w: %w", doing, m.sentinel, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
