package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// directory opens a directory below Root, and makes what is missing of it.
func (d *Dir) directory(root *os.Root, at string) (folder, error) {
	// Whoever makes directories holds the lock until they would survive a power cut; a file that is published in them
	// meanwhile would not.
	d.making.RLock()
	opened, err := d.open(root, at)
	d.making.RUnlock()
	if errors.Is(err, fs.ErrNotExist) {
		d.making.Lock()
		defer d.making.Unlock()
		opened, err = d.makeAll(root, at, true)
	}
	return opened, fault("opening the directory of an upload", err)
}

// folderOf opens the directory of a name below Root, if it is there. That Root is not there is an error.
func (d *Dir) folderOf(name string) (in folder, there bool, err error) {
	root, err := os.OpenRoot(d.config.Root)
	if err != nil {
		return folder{}, false, fault("opening MEDIA_ROOT", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	in, err = d.open(root, path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return folder{}, false, nil
	}
	return in, err == nil, fault("opening the directory of an upload", err)
}

// open opens a directory below Root. os.Root follows only the symlinks that are relative and never leave Root; Django
// follows all. What leaves Root and comes back, as absolute ones do, is therefore looked up without opening anything,
// and opened by the path that came out: whatever is moved meanwhile, os.Root does not let it lead out.
func (d *Dir) open(root *os.Root, at string) (folder, error) {
	const flags = os.O_RDONLY | unix.O_DIRECTORY
	f, err := root.OpenFile(at, flags, 0)
	if !escapes(err) {
		return folder{f}, err
	}
	resolved, err := filepath.EvalSymlinks(filepath.Join(d.config.Root, at))
	if err != nil {
		return folder{}, err
	}
	top, err := filepath.EvalSymlinks(d.config.Root)
	if err != nil {
		return folder{}, err
	}
	inside, err := filepath.Rel(top, resolved)
	if err != nil || !filepath.IsLocal(inside) {
		return folder{}, fmt.Errorf("%w: %.200q", ErrOutside, at)
	}
	if f, err = root.OpenFile(inside, flags, 0); escapes(err) {
		return folder{}, fmt.Errorf("%w: %.200q", ErrOutside, at)
	}
	return folder{f}, err
}

// escapes reports whether os.Root refused to follow a symlink. Its error for that is not exported; all others are the
// system's.
func escapes(err error) bool { return err != nil && !errors.As(err, new(syscall.Errno)) }

// makeAll makes a directory and those above it, as far as they are missing, and opens it. Dir.making is held.
func (d *Dir) makeAll(root *os.Root, at string, leaf bool) (folder, error) {
	opened, err := d.open(root, at)
	if !errors.Is(err, fs.ErrNotExist) || at == "." {
		return opened, err
	}
	parent, err := d.makeAll(root, path.Dir(at), false)
	if err != nil {
		return folder{}, err
	}
	defer parent.Close() //nolint:errcheck // it is synced
	name := path.Base(at)
	err = parent.mkdir(name, d.mkdirMode())
	if errors.Is(err, fs.ErrExist) { // Django was first, or it is a symlink that leads to nothing
		opened, err := d.open(root, at)
		if errors.Is(err, fs.ErrNotExist) {
			// Django's words: core/files/storage/filesystem.py, 5.2, _save
			err = fmt.Errorf("%.200q exists and is not a directory: %w", at, syscall.ENOTDIR)
		}
		return opened, err
	}
	if err != nil {
		return folder{}, err
	}
	made, err := parent.openFolder(name)
	if err != nil {
		return folder{}, err
	}
	if err := errors.Join(d.setMode(made, leaf), d.syncFolder(parent)); err != nil {
		return folder{}, errors.Join(err, made.Close())
	}
	return made, nil
}
