package media

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// PendingFile is a file on its way to MEDIA_ROOT. It is not safe for concurrent use.
type PendingFile struct {
	dir  *Dir
	file *os.File // nil once it is closed
	name string   // in the state directory; "" for a file without a name
	id   string   // of a part; "" for a file that ends with the process
	// owner is whose share of the disk it takes.
	owner string
	size  int64
	room
	damaged error    // the disk lost what had been written: see Sync
	kept    *os.File // once it is published, and no part
	at      string   // the name that it has then
}

// tempSuffix is how the names of files end that are nothing when their process is gone.
const tempSuffix = ".unfinished"

func tempName(suffix string) string { return rand.Text() + suffix }

// CreateFor begins an upload of size bytes, or -1 if that is not known, and has room promised to it. The owner's share
// of the disk counts apart from that of others. The caller defers Discard.
func (d *Dir) CreateFor(owner string, size int64) (*PendingFile, error) {
	f, err := d.create()
	if err != nil {
		return nil, fault("creating an upload", err)
	}
	f.owner = owner
	if err := f.reserve(size); err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

func (d *Dir) create() (*PendingFile, error) {
	if d.linker == byName {
		state, err := d.state()
		if err != nil {
			return nil, err
		}
		defer state.Close() //nolint:errcheck // what is written to it is the file
		file, name, err := d.createTemp(state, tempSuffix, d.createMode())
		return &PendingFile{dir: d, file: file, name: name}, err
	}
	file, err := d.createAnonymous()
	return &PendingFile{dir: d, file: file}, err
}

func (d *Dir) createAnonymous() (*os.File, error) {
	root, err := openFolder(d.config.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	return openAnonymous(root, d.createMode())
}

// createMode is what the umask, or the access control list of the directory, takes its share from. Without
// FILE_UPLOAD_PERMISSIONS that is the end of it: core/files/storage/filesystem.py, 5.2, _save: os.open(…, 0o666).
func (d *Dir) createMode() uint32 {
	if d.config.FilePermissions == nil {
		return 0o666
	}
	return 0o600
}

// createTemp creates a locked file in the state directory, which Sweep removes once nobody locks it.
func (d *Dir) createTemp(state folder, suffix string, mode uint32) (*os.File, string, error) {
	for {
		name := tempName(suffix)
		f, err := state.openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, mode)
		if err != nil {
			return nil, "", err
		}
		err = d.lock(name, f)
		if err == nil && state.holds(name, f) {
			return f, name, nil
		}
		// A sweep came between, and has removed it or is about to.
		if err = errors.Join(err, d.closeLocked(name, f)); err != nil && !errors.Is(err, ErrBusy) {
			return nil, "", errors.Join(err, state.unlink(name))
		}
	}
}

// Write appends to the upload, and makes room for it beyond the size that was announced, if any. It fails with
// ErrNoSpace if there is none; what had been written by then counts in Size.
func (f *PendingFile) Write(p []byte) (int, error) {
	if f.file == nil {
		return 0, os.ErrClosed
	}
	if err := f.grow(f.size + int64(len(p))); err != nil {
		return 0, err
	}
	n, err := f.file.Write(p) // WriteAt does not say how much it wrote before it failed
	f.size += int64(n)
	f.written()
	return n, fault("writing an upload", err)
}

// ReadAt reads what has been written: an io.ReaderAt.
func (f *PendingFile) ReadAt(p []byte, offset int64) (int, error) {
	if f.file == nil {
		return 0, os.ErrClosed
	}
	return f.file.ReadAt(p, offset) // io.EOF as it is
}

// Size is how many bytes the upload has.
func (f *PendingFile) Size() int64 { return f.size }

// Truncate takes back what was written after the first size bytes, and unless a part has a known size, the room for
// more.
func (f *PendingFile) Truncate(size int64) error {
	if f.file == nil {
		return os.ErrClosed
	}
	if size < 0 || size > f.size {
		return fmt.Errorf("truncating %d bytes to %d", f.size, size)
	}
	err := f.file.Truncate(size)
	if err == nil {
		_, err = f.file.Seek(size, io.SeekStart)
	}
	if err != nil {
		return fault("truncating an upload", err)
	}
	f.dir.space.Lock()
	defer f.dir.space.Unlock()
	f.size, f.allocated = size, size // what had been allocated beyond the size is gone too
	if !f.sized {
		f.reserved = size
	}
	f.settle()
	return nil
}

// Sync returns when what was written would survive a power cut. After an error the file is lost: the kernel has dropped
// what it could not write, and calls the next attempt a success.
func (f *PendingFile) Sync() error {
	if f.file == nil {
		return os.ErrClosed
	}
	if f.damaged == nil {
		f.damaged = fault("writing an upload to the disk", f.dir.syncFile(f.file))
	}
	return f.damaged
}

// Close ends the use of a part, which stays. Every other file is discarded.
func (f *PendingFile) Close() error {
	if f.id == "" {
		return f.Discard()
	}
	if f.file == nil {
		return nil
	}
	err := fault("truncating an upload", f.suspend())
	return errors.Join(err, f.end())
}

func (f *PendingFile) close() error {
	if f.file == nil {
		return nil
	}
	f.release()
	return f.end()
}

func (f *PendingFile) end() error {
	err := f.dir.closeLocked(f.name, f.file)
	f.file = nil
	return fault("closing an upload", err)
}

// Discard removes the upload, and with a part its state. What is published stays, and nothing is done after Close or
// another Discard.
func (f *PendingFile) Discard() error {
	if f.kept != nil {
		_ = f.kept.Close() // it is on the disk already
		f.kept = nil
	}
	if f.file == nil {
		return nil
	}
	if f.name == "" {
		return f.close()
	}
	state, err := f.dir.state()
	if err != nil {
		return errors.Join(err, f.close())
	}
	defer state.Close() //nolint:errcheck // a name that comes back after a power cut is swept
	if f.id != "" {
		err = removed(state.unlink(f.id + stateSuffix))
	}
	// Unlocked only when it is gone: nobody is to begin with it.
	return errors.Join(err, removed(state.unlink(f.name)), f.close())
}

// removed passes over files that are not there.
func removed(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fault("removing an upload", err)
}
