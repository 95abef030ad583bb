package media

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/flock"
)

// probeSuffix is how the names of files end by which a process finds out what the file system can do. It has no locks
// yet by which the sweep of another could tell that they are in use.
const probeSuffix = ".probe"

// probe finds out what the file system can do, by doing it in the state directory, which is on Root's mount.
func (d *Dir) probe(root, state folder) error {
	p := &probing{Dir: d, state: state, name: tempName(probeSuffix)}
	defer p.clean()
	for _, step := range []func() error{
		p.create, p.probeLocks, p.probeModes, p.probePermissions,
		func() error { return p.probeWay(root) }, p.probeSync, p.probeSpace,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// probing is one call of probe.
type probing struct {
	*Dir
	state folder
	file  *os.File
	name  string   // of the file
	more  []string // other names that may be there
}

func (p *probing) clean() {
	if p.file != nil {
		_ = p.file.Close()
	}
	for _, name := range append(p.more, p.name) {
		_ = p.state.unlink(name) // or Sweep does it
	}
}

func (p *probing) lacks(what string, remedy string) {
	p.lacking = append(p.lacking, Lack{What: what, Remedy: remedy})
}

func (p *probing) create() (err error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_RDWR
	if p.file, err = p.state.openFile(p.name, flags, 0o600); err != nil {
		return fault("making a file in the state directory", err)
	}
	if f, err := p.state.openFile(p.name, flags, 0o600); err == nil {
		return errors.Join(fmt.Errorf("the file system of %s makes a file anew that is there already (O_EXCL); "+
			"uploads would be written over; use another file system", p.state.Name()), f.Close())
	}
	if !p.state.holds(p.name, p.file) {
		return fmt.Errorf("the file system of %s gives a file another inode number each time, so that it cannot be "+
			"known again; mount it with steady inode numbers (FUSE: use_ino or noforget)", p.state.Name())
	}
	return nil
}

func (p *probing) probeLocks() error {
	err := flock.Try(p.file)
	p.flocks = err == nil
	if err == nil {
		return nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return fault("locking a file in the state directory", err)
	}
	p.lacks("no locks (flock): two sidecars with one state directory may write to the same upload, and what a crash "+
		"leaves is removed an hour later",
		"run one sidecar on this state directory, or mount the file system with locks")
	return nil
}

// probeModes finds out whether permissions are kept, and what a reservation is known by.
func (p *probing) probeModes() error {
	reserved := tempName(probeSuffix)
	p.more = append(p.more, reserved)
	f, err := p.state.openFile(reserved, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, reservedMode)
	if err != nil {
		return fault("making a file in the state directory", err)
	}
	a, err := statOf(p.file)
	b, err2 := statOf(f)
	dir, err3 := statOf(p.state.File)
	if err := errors.Join(err, err2, err3, f.Close()); err != nil {
		return fault("reading the state directory", err)
	}
	p.reservedAs = uint32(b.Mode) & 0o777
	kept := a.Mode&0o077 == 0 && b.Mode&0o577 == 0
	if !kept {
		p.lacks(fmt.Sprintf("no permissions: every file is %#o, whatever FILE_UPLOAD_PERMISSIONS says", a.Mode&0o777),
			"give the mount the permissions that files are to have (vfat, SMB: uid, gid, fmask or file_mode, dmask "+
				"or dir_mode)")
	}
	if kept && dir.Mode&0o002 != 0 {
		return fmt.Errorf("everybody may write to the state directory %s, and so swap uploads; chmod it to 0700",
			p.state.Name())
	}
	return nil
}

// probePermissions finds out whether chmod gives FILE_UPLOAD_PERMISSIONS.
func (p *probing) probePermissions() error {
	want := p.config.FilePermissions
	if want == nil {
		return nil
	}
	err := again(func() error { return unix.Fchmod(fd(p.file), *want) })
	if err == nil {
		return nil
	}
	info, err2 := statOf(p.file)
	if err2 != nil {
		return fault("reading the state directory", err2)
	}
	l := Lack{
		What: fmt.Sprintf("no chmod (%v), and files are %#o: every upload is refused with 503, and Django "+
			"would answer 500", err, info.Mode&0o7777),
		Remedy: "set FILE_UPLOAD_PERMISSIONS to None, here and in Django", Fatal: true,
	}
	if uint32(info.Mode)&0o7777 == *want {
		l = Lack{
			What: fmt.Sprintf("no chmod (%v); files have the mode of FILE_UPLOAD_PERMISSIONS already, so that "+
				"uploads are stored, while Django would answer 500", err),
			Remedy: "set FILE_UPLOAD_PERMISSIONS to None, here and in Django",
		}
	}
	p.lacking = append(p.lacking, l)
	return nil
}

// probeWay finds out how a file gets its name, with a file that has none and with one that has.
func (p *probing) probeWay(root folder) error {
	p.linker = p.probeNameless(root)
	second, third := tempName(probeSuffix), tempName(probeSuffix)
	p.more = append(p.more, second, third)
	if p.state.link(second, p.state, p.name) == nil {
		info, err := statOf(p.file)
		if err == nil && info.Nlink == 2 && p.state.holds(second, p.file) {
			p.way = byLink
			return nil
		}
		_ = p.state.unlink(second) // a copy, or a link that cannot be told from a file
	}
	if p.state.moveNew(p.name, p.state, second) == nil && p.state.holds(second, p.file) {
		p.way = byRename
		p.lacks("no hard links: a file is renamed without replacing another. Where several machines write to one "+
			"share, only this one looks whether the name is free",
			"nothing, if no other machine writes to MEDIA_ROOT")
		return nil
	}
	if err := p.state.move(p.name, p.state, third); err != nil {
		return fmt.Errorf("the file system of MEDIA_ROOT has neither hard links nor renames, which uploads are "+
			"published with; use another one: %w", err)
	}
	p.way = byReservation
	p.lacks("neither hard links nor renames that replace nothing (RENAME_NOREPLACE): a name is an empty file for a "+
		"moment, and after a crash until the next sweep",
		"nothing, if a reader of MEDIA_ROOT can live with that")
	return nil
}

// probeNameless finds out how a file of Root's file system without a name gets one.
func (p *probing) probeNameless(root folder) linker {
	f, err := openAnonymous(root, 0o600)
	if err != nil {
		return byName
	}
	defer f.Close() //nolint:errcheck // nothing was written
	for _, l := range []linker{byProc, byDescriptor} {
		name := tempName(probeSuffix)
		p.more = append(p.more, name)
		if l.link(f, p.state, name) == nil {
			return l
		}
	}
	return byName
}

func (p *probing) probeSync() error {
	err := errors.Join(p.sync(p.file), p.sync(p.state.File))
	if unknown(err) {
		p.lacks("no fsync: what has been answered for may be lost in a power cut",
			"nothing, if the storage is elsewhere and keeps what it has been given")
		return nil
	}
	return fault("writing the state directory to the disk", err)
}

func (p *probing) probeSpace() error {
	_, err := freeBytes(p.file)
	if errors.Is(err, errUnknownSpace) {
		p.lacks("no free space is told: SIDECAR_UPLOAD_MIN_FREE has no effect, and a full disk is found "+
			"when it is full", "nothing, if there is room")
		return nil
	}
	return fault("asking for free space", err)
}
