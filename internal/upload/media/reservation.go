package media

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// reservedMode lets a reservation be read by nobody: a web server does not serve it. Not 0, which SMB takes for
	// "read-only" and then does not let it be replaced.
	reservedMode = 0o200
	// noteSuffix is how the names of notes end, which say what to remove when their process is gone.
	noteSuffix = ".reserved"
)

// moveOntoReservation reserves a name with an empty file and renames the upload over it. Django and other sidecars
// see that the name is taken, and rename(2) changes the empty file into the whole one in one step. What is lost is
// that for a moment there is an empty file under the name. A process that dies in this moment leaves it, and a note
// by which Sweep removes it.
func (p *publication) moveOntoReservation(base string) (err error) {
	d := p.file.dir
	if _, err := p.folder.stat(base); err == nil {
		return fs.ErrExist // and no note says that it is ours
	}
	upload, err := statOf(p.file.file)
	if err != nil {
		return err
	}
	note, noteName, err := d.note(p.state, reservation{path.Join(p.path, base), upload.Ino})
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			_ = p.state.unlink(noteName) // or Sweep does it, and finds no reservation
		}
		_ = d.closeLocked(noteName, note) // it is on the disk
	}()
	reserved, err := p.folder.openFile(base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, reservedMode)
	if errors.Is(err, unix.EINVAL) { // each way was refused with it: what is refused is the name
		return errors.Join(ErrName, err)
	}
	if err != nil {
		return err
	}
	info, err := statOf(reserved)
	if err = errors.Join(err, reserved.Close()); err == nil {
		var now unix.Stat_t
		if now, err = p.folder.stat(base); err == nil && (!same(info, now) || now.Size != 0) {
			return fs.ErrExist // somebody has replaced it
		}
	}
	if err == nil {
		err = p.state.move(p.file.name, p.folder, base)
	}
	if err == nil || p.folder.holds(base, p.file.file) { // a server's answer may be lost
		return nil
	}
	undone := d.removeReservation(p.folder, base, upload.Ino)
	keep = undone != nil
	return errors.Join(err, undone)
}

// removeReservation leaves alone what is no reservation, and the upload itself, which may be an empty file too.
func (d *Dir) removeReservation(in folder, base string, upload uint64) error {
	info, err := in.stat(base)
	if err == nil && d.isReservation(info) && info.Ino != upload {
		err = in.unlink(base)
	}
	return removed(err)
}

// reservation is what a note says: which name is reserved, and the inode of the upload that will be moved there.
type reservation struct {
	name   string
	upload uint64
}

func (r reservation) String() string { return r.name + "\n" + strconv.FormatUint(r.upload, 10) + "\n" }

// parseReservation is false for a note that is not whole: its process died before it reserved anything.
func (d *Dir) parseReservation(note string) (r reservation, ok bool) {
	rest, whole := strings.CutSuffix(note, "\n")
	i := strings.LastIndexByte(rest, '\n') // a name may have a line feed in it, and a number has none
	if !whole || i < 0 || d.checkName(rest[:i]) != nil {
		return r, false
	}
	upload, err := strconv.ParseUint(rest[i+1:], 10, 64)
	return reservation{rest[:i], upload}, err == nil
}

// note writes down which name is about to be reserved. Nobody else removes the note as long as it is open.
func (d *Dir) note(state folder, r reservation) (*os.File, string, error) {
	f, noteName, err := d.createTemp(state, noteSuffix, 0o600)
	if err != nil {
		return nil, "", err
	}
	if _, err = f.WriteString(r.String()); err == nil {
		err = d.syncFile(f)
	}
	if err == nil {
		err = d.syncFolder(state)
	}
	if err != nil {
		return nil, "", errors.Join(err, state.unlink(noteName), d.closeLocked(noteName, f))
	}
	return f, noteName, nil
}

// unreserve removes the reservation that a note speaks of, if it is there.
func (d *Dir) unreserve(note *os.File) error {
	text, err := io.ReadAll(io.LimitReader(note, 2*maxPath))
	if err != nil {
		return err
	}
	reserved, ok := d.parseReservation(string(text))
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(d.config.Root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it was only read
	in, err := d.open(root, path.Dir(reserved.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // a name that comes back after a power cut has lost its note, and is an empty file
	return errors.Join(d.removeReservation(in, path.Base(reserved.name), reserved.upload), d.syncFolder(in))
}

// isReservation tells a reservation from an empty file of somebody else's, which has other permissions wherever
// permissions are kept.
func (d *Dir) isReservation(info unix.Stat_t) bool {
	return info.Mode&unix.S_IFMT == unix.S_IFREG && info.Size == 0 && uint32(info.Mode)&0o777 == d.reservedAs
}
