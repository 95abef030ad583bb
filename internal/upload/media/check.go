package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// apart fails when the state directory, which may not be there yet, is Root or inside it.
func apart(root, stateDir string) error {
	inside, err := os.Stat(root)
	if err != nil {
		return fault("reading MEDIA_ROOT", err)
	}
	for dir := stateDir; ; dir = filepath.Dir(dir) {
		resolved, err := filepath.EvalSymlinks(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue // what will be made is where its parent is
		}
		if err != nil {
			return fault("reading the state directory", err)
		}
		for ; ; resolved = filepath.Dir(resolved) {
			info, err := os.Stat(resolved)
			if err != nil {
				return fault("reading the state directory", err)
			}
			if os.SameFile(info, inside) {
				return fmt.Errorf("the state directory %s is inside MEDIA_ROOT, where unfinished uploads could be "+
					"downloaded; put it beside it: set SIDECAR_UPLOAD_STATE_DIR", stateDir)
			}
			if resolved == filepath.Dir(resolved) {
				return nil
			}
		}
	}
}

// suitable fails when uploads could not be written to one of the directories, or not be moved from one to the other.
func suitable(root, state folder) error {
	for _, dir := range []folder{root, state} {
		err := again(func() error { return unix.Faccessat(fd(dir.File), ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS) })
		if err != nil {
			return fault(fmt.Sprintf("%s must be writable for user %d; change its owner or mode, or mount "+
				"it read-write",
				dir.Name(), os.Geteuid()), err)
		}
	}
	if err := sameMount(root, state); err != nil {
		return fmt.Errorf("the state directory %s must be on the file system of MEDIA_ROOT %s, and on the same mount: "+
			"set SIDECAR_UPLOAD_STATE_DIR, or mount the directory that holds both: %w", state.Name(), root.Name(), err)
	}
	return nil
}
