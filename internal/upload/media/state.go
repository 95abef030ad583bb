package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxStateBytes bounds a part's state.
const maxStateBytes = 1 << 20

// SaveState stores a document beside a part, in place of the one that is there. It is there as a whole, the old one or
// the new one, whatever happens, and would survive a power cut when SaveState returns.
func (d *Dir) SaveState(id string, document []byte) error {
	if err := checkID(id); err != nil {
		return err
	}
	if len(document) > maxStateBytes {
		return fmt.Errorf("a state of %d bytes", len(document))
	}
	state, err := d.state()
	if err != nil {
		return err
	}
	defer state.Close() //nolint:errcheck // it is synced
	f, name, err := d.createTemp(state, tempSuffix, 0o600)
	if err != nil {
		return fault("creating a part's state", err)
	}
	if _, err = f.Write(document); err == nil {
		err = d.syncFile(f)
	}
	if err == nil {
		err = state.move(name, state, id+stateSuffix)
	}
	if err != nil {
		return fault("saving a part's state", errors.Join(err, state.unlink(name), d.closeLocked(name, f)))
	}
	return fault("saving a part's state", errors.Join(d.syncFolder(state), d.closeLocked(name, f)))
}

// LoadState returns what SaveState stored last, or fs.ErrNotExist.
func (d *Dir) LoadState(id string) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	state, err := d.state()
	if err != nil {
		return nil, err
	}
	defer state.Close() //nolint:errcheck // it was only read
	f, err := state.openFile(id+stateSuffix, unix.O_RDONLY, 0)
	if err != nil {
		return nil, fault("loading a part's state", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	document, err := io.ReadAll(io.LimitReader(f, maxStateBytes+1))
	if err == nil && len(document) > maxStateBytes {
		err = fmt.Errorf("more than %d bytes", maxStateBytes)
	}
	return document, fault("loading a part's state", err)
}

// RemoveIf removes a part and its state, as far as they are there, unless allow fails. It fails with ErrBusy while the
// part is open: whoever has it open calls Discard. allow is asked when nobody else can have the part any more: until
// then the state may have become another.
func (d *Dir) RemoveIf(id string, allow func() error) error {
	if err := checkID(id); err != nil {
		return err
	}
	state, err := d.state()
	if err != nil {
		return err
	}
	defer state.Close() //nolint:errcheck // it is synced
	f, err := state.openToLock(id + partSuffix)
	if err == nil {
		defer d.closeLocked(id+partSuffix, f) //nolint:errcheck // it was only locked
		err = d.lock(id+partSuffix, f)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault("removing a part", err)
	}
	if err := allow(); err != nil {
		return err
	}
	d.Release(id)
	// The state first: a state without a part is a published upload.
	if err := removed(state.unlink(id + stateSuffix)); err != nil {
		return err
	}
	if f != nil {
		if err := removed(state.unlink(id + partSuffix)); err != nil {
			return err
		}
	}
	return fault("removing a part", d.syncFolder(state))
}

// syncState writes the names in the state directory to the disk.
func (d *Dir) syncState() error {
	state, err := d.state()
	if err != nil {
		return err
	}
	return fault("writing the state directory to the disk", errors.Join(d.syncFolder(state), state.Close()))
}
