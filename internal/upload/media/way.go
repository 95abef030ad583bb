package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"
)

// way is how a file of the state directory gets its name under Root. None of them replaces what is there. Where one is
// refused, the next is tried.
type way int

const (
	// byLink makes a hard link. It comes first, because the server of a network file system itself refuses a link to a
	// name that is taken, whichever machine took it. A file also keeps its name in the state directory until all is on
	// the disk.
	byLink way = iota
	// byRename is renameat2(RENAME_NOREPLACE). On SMB this machine alone looks whether the name is free, and asks the
	// server to replace what is there: fs/smb/client/smb2inode.c, smb2_compound_op, ReplaceIfExists, which is 0 for
	// links.
	byRename
	// byReservation makes an empty file, which O_EXCL makes only where there is nothing, and renames over it.
	byReservation
)

// unknown reports whether a file system does not know a call: each of them says so with one of these.
func unknown(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL)
}

// refused reports whether a file system does not do what it was asked for, while it may do the same by another call.
func refused(err error) bool {
	return unknown(err) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EMLINK)
}

// place gives the file the name in p.folder, in the first way that is not refused. moved says that it has lost its
// name in the state directory by that.
func (p *publication) place(base string) (moved bool, err error) {
	f, w := p.file, p.file.dir.way
	if f.name == "" {
		if err := f.dir.linker.link(f.file, p.folder, base); !refused(err) {
			return false, err
		}
		w = byRename
		if err := p.giveTempName(); err != nil {
			return false, err
		}
	}
	if p.state.File == nil {
		if p.state, err = f.dir.state(); err != nil {
			return false, err
		}
	}
	if !p.state.holds(f.name, f.file) {
		return false, fmt.Errorf("somebody has removed the unfinished upload: %w", fs.ErrNotExist)
	}
	for ; ; w++ {
		switch w {
		case byLink:
			err = p.linked(base)
		case byRename:
			err = p.state.moveNew(f.name, p.folder, base)
		case byReservation:
			return true, p.moveOntoReservation(base)
		}
		if !refused(err) {
			return w != byLink, err
		}
	}
}

// linked makes the hard link. A server whose answer was lost is asked again, and then says that the link is there.
func (p *publication) linked(base string) error {
	err := p.folder.link(base, p.state, p.file.name)
	if errors.Is(err, fs.ErrExist) && p.folder.holds(base, p.file.file) {
		return nil
	}
	return err
}

// giveTempName gives a file without a name one in the state directory, because a folder has refused the link to it.
// If the state directory refuses it too, the file is copied.
func (p *publication) giveTempName() error {
	f := p.file
	state, err := f.dir.state()
	if err != nil {
		return err
	}
	defer state.Close() //nolint:errcheck // the name is a temporary one
	name := tempName(tempSuffix)
	if err = f.dir.lock(name, f.file); err != nil {
		return err
	}
	if err = f.dir.linker.link(f.file, state, name); err == nil {
		f.name = name
		return nil
	}
	f.dir.unlock(name, f.file)
	if !refused(err) {
		return err
	}
	copied, name, err := f.dir.createTemp(state, tempSuffix, f.dir.createMode())
	if err != nil {
		return err
	}
	if _, err = io.Copy(copied, io.NewSectionReader(f.file, 0, f.size)); err != nil {
		return errors.Join(err, state.unlink(name), f.dir.closeLocked(name, copied))
	}
	_ = f.file.Close() // nobody needs what was in it
	f.file, f.name = copied, name
	if err := f.own(p.root, p.folder); err != nil {
		return err
	}
	return f.Sync()
}

// persist writes to the disk that the file has its new name, and no more the one that it was moved from.
func (p *publication) persist(moved bool) error {
	err := p.file.dir.syncFolder(p.folder)
	if err == nil && moved {
		err = p.file.dir.syncFolder(p.state)
	}
	return err
}

// takeBack takes the name from a file that may not be on the disk. A part goes back to where it was.
func (p *publication) takeBack(base string, moved bool) error {
	f := p.file
	if !p.folder.holds(base, f.file) {
		return nil
	}
	if moved {
		err := p.folder.move(base, p.state, f.name)
		if err == nil || f.id != "" {
			return err
		}
	}
	return p.folder.unlink(base)
}
