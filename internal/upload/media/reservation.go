package media

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// reservedMode lets a reservation be read by nobody: a web server does not serve it. Not 0, which SMB takes for
// "read-only" and then does not let it be replaced.
const reservedMode = 0o200

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

// unreserve removes the reservation that a locked note speaks of, if it is there. It fails with ErrBusy where somebody
// may be about to move an upload over it.
//
// No call removes a file only if it is the one that was seen, so an upload that came over the reservation meanwhile
// would be lost. Whoever may do that has a note of the same file, from before its reservation until after the move.
// So the file that was there before such a note was looked for, and still is afterwards, is nobody's any more: nobody
// moves an upload over a reservation of somebody else.
func (d *Dir) unreserve(noteName string, note *os.File) error {
	reserved, ok, err := d.readNote(note)
	if err != nil || !ok {
		return err
	}
	in, there, err := d.folderOf(reserved.name)
	if err != nil || !there {
		return err
	}
	defer in.Close() //nolint:errcheck // a name that comes back after a power cut has lost its note, and is an empty file
	base := path.Base(reserved.name)
	seen, err := in.stat(base)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !d.isReservation(seen) {
		return d.syncFolder(in)
	}
	release, err2 := d.lockNotes(seen, noteName)
	defer release()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	now, err := in.stat(base)
	switch {
	case err != nil: // what comes next under the name is somebody's
	case !same(seen, now):
		return ErrBusy
	case d.isReservation(now) && now.Ino != reserved.upload:
		err = in.unlink(base)
	}
	return errors.Join(removed(err), d.syncFolder(in))
}

// isReservation tells a reservation from an empty file of somebody else's, which has other permissions wherever
// permissions are kept.
func (d *Dir) isReservation(info unix.Stat_t) bool {
	return info.Mode&unix.S_IFMT == unix.S_IFREG && info.Size == 0 && uint32(info.Mode)&0o777 == d.reservedAs
}
