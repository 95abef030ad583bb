package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	partSuffix  = ".part"
	stateSuffix = ".json"
	idLength    = 32 // 128 bits
)

func checkID(id string) error {
	if len(id) != idLength || strings.Trim(id, "0123456789abcdef") != "" {
		return ErrID
	}
	return nil
}

// CreatePart begins a part of size bytes, or -1 if that is not known, as Create does with an upload. It fails with
// fs.ErrExist if there is one of this id. A part of a known size keeps what it is promised until it is complete or
// gone; Claim says to whom that counts.
func (d *Dir) CreatePart(id string, size int64) (*PendingFile, error) {
	f, err := d.openPart(id, d.createPart)
	if err != nil {
		d.Release(id)
		return nil, err
	}
	f.sized = size >= 0
	err = f.reserve(size)
	if err == nil {
		err = d.syncState()
	}
	if err != nil {
		return nil, errors.Join(err, f.Discard())
	}
	return f, nil
}

// OpenPart opens a part to append to it, to publish or to discard it, and makes room for it to grow to size bytes;
// -1, if that is not known, makes none. Of what it has, the first synced bytes stay, those that Sync was called for;
// -1 keeps all. After a power cut the length of a file may be on the disk while its last bytes are not, and read as
// zeros.
//
// It fails with fs.ErrNotExist, with ErrDamaged, with ErrBusy as long as the part is open elsewhere, and with
// ErrPublished. Until Close nobody else can open it.
func (d *Dir) OpenPart(id string, synced, size int64) (*PendingFile, error) {
	f, err := d.openPart(id, func(state folder, name string) (*os.File, error) {
		return state.openFile(name, unix.O_RDWR, 0)
	})
	if err != nil {
		return nil, err
	}
	f.sized = size >= 0
	switch {
	case synced > f.size:
		err = fmt.Errorf("%w: %d of %d are left", ErrDamaged, f.size, synced)
	case synced >= 0 && synced < f.size:
		err = f.Truncate(synced)
	}
	if err == nil {
		err = f.reserve(size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// createPart creates a part as a file without a name, where that is possible: it then has the group of a file in
// MEDIA_ROOT.
func (d *Dir) createPart(state folder, name string) (*os.File, error) {
	if d.linker == byName {
		return state.openFile(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, d.createMode())
	}
	f, err := d.createAnonymous()
	if err != nil {
		return nil, err
	}
	if err := d.linker.link(f, state, name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *Dir) openPart(id string, open func(state folder, name string) (*os.File, error)) (*PendingFile, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	state, err := d.state()
	if err != nil {
		return nil, err
	}
	defer state.Close() //nolint:errcheck // CreatePart syncs it
	name := id + partSuffix
	file, err := open(state, name)
	if err != nil {
		return nil, fault("opening a part", err)
	}
	f, err := d.adopt(state, file, name)
	if err != nil {
		return nil, errors.Join(fault("opening a part", err), d.closeLocked(name, file))
	}
	f.id = id
	f.resume()
	return f, nil
}

// adopt locks a part, and takes it on if it is one.
func (d *Dir) adopt(state folder, file *os.File, name string) (*PendingFile, error) {
	if err := d.lock(name, file); err != nil {
		return nil, err
	}
	info, err := statOf(file)
	switch {
	case err != nil:
		return nil, err
	case info.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%s is not a regular file", name)
	case !state.holds(name, file): // removed or published, after it was opened and before it was locked
		return nil, fs.ErrNotExist
	case d.linked(info):
		return nil, ErrPublished
	}
	if _, err := file.Seek(info.Size, io.SeekStart); err != nil {
		return nil, err
	}
	const block = 512 // what st_blocks counts, whatever the file system's are
	taken := max(info.Size, info.Blocks*block)
	return &PendingFile{
		dir: d, file: file, name: name, size: info.Size,
		room: room{reserved: info.Size, allocated: taken},
	}, nil
}

// Published reports whether the part is what stands under a name below MEDIA_ROOT.
func (d *Dir) Published(id, name string) (bool, error) {
	if err := errors.Join(checkID(id), d.checkName(name)); err != nil {
		return false, err
	}
	state, err := d.state()
	if err != nil {
		return false, err
	}
	defer state.Close() //nolint:errcheck // it was only read
	part, err := state.stat(id + partSuffix)
	if err != nil {
		return false, fault("reading a part", err)
	}
	in, there, err := d.folderOf(name)
	if err != nil || !there {
		return false, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	file, err := in.stat(path.Base(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && same(part, file), fault("reading a published file", err)
}

// Persist writes to the disk that a file has its name below MEDIA_ROOT. A process that died while it published may not
// have come to that, and others tell of the file.
func (d *Dir) Persist(name string) error {
	if err := d.checkName(name); err != nil {
		return err
	}
	in, there, err := d.folderOf(name)
	if err != nil || !there {
		return err
	}
	defer in.Close() //nolint:errcheck // it is synced
	return fault("writing a directory to the disk", d.syncFolder(in))
}
