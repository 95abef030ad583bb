package media

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// noteSuffix is how the names of notes end, which say what to remove when their process is gone.
const noteSuffix = ".reserved"

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

// readNote is false for what is no whole note.
func (d *Dir) readNote(note *os.File) (r reservation, ok bool, err error) {
	info, err := statOf(note)
	if err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG {
		return r, false, err
	}
	text, err := io.ReadAll(io.LimitReader(note, 2*maxPath))
	if err != nil {
		return r, false, err
	}
	r, ok = d.parseReservation(string(text))
	return r, ok, nil
}

// lockNotes locks all notes that speak of a file, but for one, until they are released. It fails with ErrBusy where
// somebody has one that lives. release is never nil.
func (d *Dir) lockNotes(of unix.Stat_t, but string) (release func(), err error) {
	var unlock []func()
	release = func() {
		for _, f := range unlock {
			f()
		}
	}
	state, err := d.state()
	if err != nil {
		return release, err
	}
	defer state.Close() //nolint:errcheck // it was only read
	names, err := state.Readdirnames(-1)
	for _, noteName := range names {
		if err != nil || noteName == but || !strings.HasSuffix(noteName, noteSuffix) {
			continue
		}
		var note *os.File
		if note, err = d.lockNote(state, noteName, of); note != nil {
			unlock = append(unlock, func() { _ = d.closeLocked(noteName, note) })
		}
	}
	return release, err
}

// lockNote opens and locks a note if it may speak of a file, and returns nil if it does not.
func (d *Dir) lockNote(state folder, noteName string, of unix.Stat_t) (*os.File, error) {
	note, err := state.openToLock(noteName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, ok, err := d.readNote(note)
	if err != nil || !ok || !d.mayBe(r.name, of) {
		return nil, errors.Join(err, note.Close())
	}
	err = d.lock(noteName, note)
	info, err2 := statOf(note)
	if err = errors.Join(err, err2); err == nil && !d.abandoned(time.Unix(info.Mtim.Unix())) {
		err = ErrBusy
	}
	if err != nil {
		return nil, errors.Join(err, d.closeLocked(noteName, note))
	}
	return note, nil
}

// mayBe reports whether a name below Root may stand for a file: two names may, such as two that differ in their case.
func (d *Dir) mayBe(name string, file unix.Stat_t) bool {
	in, there, err := d.folderOf(name)
	if err != nil || !there {
		return err != nil
	}
	defer in.Close() //nolint:errcheck // it was only read
	info, err := in.stat(path.Base(name))
	return err == nil && same(info, file) || err != nil && !errors.Is(err, fs.ErrNotExist)
}
