package media

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// own gives the file the mode and the group that Django would give it in a directory: core/files/storage/filesystem.py,
// 5.2, _save. First the mode, then the group, since a change of group may take bits away.
func (f *PendingFile) own(root *os.Root, in folder) error {
	top, err := root.Open(".")
	if err != nil {
		return err
	}
	defer top.Close() //nolint:errcheck // it was only read
	file, err := statOf(f.file)
	leaf, err2 := statOf(in.File)
	location, err3 := statOf(top)
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	// A file that is created in a directory with the setgid bit is of its group. This one was created elsewhere.
	created := file.Gid
	switch {
	case leaf.Mode&unix.S_ISGID != 0:
		created = leaf.Gid
	case location.Mode&unix.S_ISGID != 0:
		created = uint32(os.Getegid()) //nolint:gosec // a group is a uint32
	}
	if err := f.chgrp(&file, created); err != nil {
		return err
	}
	if p := f.dir.config.FilePermissions; p != nil {
		err := again(func() error { return unix.Fchmod(fd(f.file), *p) })
		if err != nil && (!refused(err) || uint32(file.Mode)&0o7777 != *p) { // Django fails at the second too
			return err
		}
	}
	if !f.dir.config.Version.AtLeast(4, 1) {
		return nil
	}
	// core/files/storage.py, 4.1, _ensure_location_group_id
	return f.chgrp(&file, location.Gid)
}

// chgrp gives the file to a group, unless this process may not: Django passes over PermissionError, which is both.
// Where the file system knows no groups, it is passed over too.
func (f *PendingFile) chgrp(file *unix.Stat_t, group uint32) error {
	if file.Gid == group {
		return nil
	}
	err := again(func() error { return unix.Fchown(fd(f.file), -1, int(group)) })
	if errors.Is(err, fs.ErrPermission) || unknown(err) {
		return nil
	}
	if err == nil {
		file.Gid = group
	}
	return err
}

// mkdirMode is what a directory is made with, less the umask. It is never more than it ends up with.
func (d *Dir) mkdirMode() uint32 {
	if p := d.config.DirectoryPermissions; p != nil {
		return *p & 0o777
	}
	return 0o777
}

// setMode gives a directory that was just made the permissions that are configured. Three ways of Django's, as they are
// in the last release of each line:
//
//   - 4.2, 5.2 and from 6.0, with CVE-2026-25674 fixed: utils/_os.py, safe_makedirs: chmod with all bits, at every level.
//   - 2.2 to 4.1, 5.0 and 5.1, with CVE-2020-24583 fixed: os.umask(0o777 & ~mode), then os.makedirs(…, mode). mkdir(2)
//     takes no setgid bit, but has that of the parent inherited; the sticky bit reaches the last level only, because
//     Python 3.7 makes the others with 0o777.
//   - 1.11 to 2.1: the same with os.umask(0). The Pythons before 3.7 make all levels alike. Later ones make all but the
//     last open to everybody, which is not copied.
func (d *Dir) setMode(made folder, leaf bool) error {
	p := d.config.DirectoryPermissions
	if p == nil {
		return nil
	}
	mode := *p
	if !d.makesExact() {
		info, err := statOf(made.File)
		if err != nil {
			return err
		}
		bits := uint32(0o777)
		if leaf || !d.config.Version.AtLeast(2, 2) {
			bits |= unix.S_ISVTX
		}
		mode = mode&bits | uint32(info.Mode)&unix.S_ISGID
		if mode == uint32(info.Mode)&0o7777 {
			return nil // chmod would take the setgid bit from a directory of a group that this process is not in
		}
	}
	err := again(func() error { return unix.Fchmod(fd(made.File), mode) })
	if errors.Is(err, fs.ErrPermission) { // safe_makedirs passes over it, and the directory is open to fewer
		return nil
	}
	return err
}

// makesExact reports whether Django makes directories with safe_makedirs.
func (d *Dir) makesExact() bool {
	v := d.config.Version
	return v.Major > 5 || v.Major == 5 && v.Minor == 2 || v.Major == 4 && v.Minor == 2
}
