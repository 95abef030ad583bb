package webhook

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	failedFolder  = "failed"
	corruptFolder = "corrupt"

	staleAfter = time.Hour // a temporary file this old has no process any more that writes it
)

// queueFolder is where the events are: a path, so that a volume which is mounted again is found again.
type queueFolder string

func (d queueFolder) path(elements ...string) string {
	return filepath.Join(append([]string{string(d)}, elements...)...)
}

// make makes the folder and those in it, so that they would survive a power cut.
func (d queueFolder) make() error {
	for _, path := range []string{d.path(), d.path(failedFolder), d.path(corruptFolder)} {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errors.Join(queueFolder(filepath.Dir(d.path())).sync(), d.sync())
}

// sync writes the names in the folder to the disk, where the file system can.
func (d queueFolder) sync() error {
	f, err := os.Open(d.path())
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) { // SMB and FUSE may say so of a directory
		err = nil
	}
	return errors.Join(err, f.Close())
}

// add stores an event. If it fails there is nothing, unless it says that it did not come to remove it.
func (d queueFolder) add(e eventFile, text []byte) error {
	temp, name := d.path(e.key()+tempSuffix), d.path(e.name())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // made of an id that was checked
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := d.sync(); err != nil {
		return errors.Join(err, present(os.Remove(name)))
	}
	return nil
}

// present is nil for the error that something is not there, which whoever removes it wants.
func present(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// errCorrupt says that a file is no event, which no second look will change.
var errCorrupt = errors.New("not an event")

// read returns the JSON in an event's file.
func (d queueFolder) read(f *os.File, e eventFile) ([]byte, error) {
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errCorrupt)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxEventBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxEventBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", errCorrupt, maxEventBytes)
	}
	event, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if event.ID != e.id {
		return nil, fmt.Errorf("%w of this id", errCorrupt)
	}
	return text, nil
}

// put gives an event's file another name.
func (d queueFolder) put(e, next eventFile) error {
	return os.Rename(d.path(e.name()), d.path(next.name()))
}

// giveUp moves an event out of the queue. Moved back by hand, it begins again.
func (d queueFolder) giveUp(e eventFile) error {
	return errors.Join(os.Rename(d.path(e.name()), d.path(failedFolder, e.afresh().name())),
		queueFolder(d.path(failedFolder)).sync())
}

// setAside moves what is no event out of the queue.
func (d queueFolder) setAside(name string) error {
	return os.Rename(d.path(name), d.path(corruptFolder, name))
}

func (d queueFolder) remove(e eventFile) error { return present(os.Remove(d.path(e.name()))) }
