//go:build !linux

package media

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// linker is a way to give a file its name under Root; outside Linux there is one.
type linker int

const (
	byName linker = iota // a link to the name that it has in the state directory
	byDescriptor
	byProc
)

func openAnonymous(folder, uint32) (*os.File, error) { return nil, errors.ErrUnsupported }

func (linker) link(*os.File, folder, string) error { return errors.ErrUnsupported }

func (d folder) moveNew(string, folder, string) error { return errors.ErrUnsupported }

// sameMount fails when the directories are on different file systems.
func sameMount(root, state folder) error {
	a, err := statOf(root.File)
	b, err2 := statOf(state.File)
	if err = errors.Join(err, err2); err == nil && a.Dev != b.Dev {
		return unix.EXDEV
	}
	return err
}
