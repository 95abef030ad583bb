package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"django-sidecar/djangosession"
)

// Config says where uploads go, and by which rules.
type Config struct {
	// Root is MEDIA_ROOT; required, and a directory that is there. It may be a symlink to one.
	Root string
	// StateDir is where unfinished uploads are: on Root's file system and mount, since files are moved between the
	// two, and not inside it, where they could be downloaded. Required; made if it is missing, for its owner only.
	StateDir string
	// FilePermissions is FILE_UPLOAD_PERMISSIONS as chmod(2) has it, such as 0o644; nil, Django's None, leaves a file
	// what the umask leaves of 0o666. Which of them is the default depends on Django's version, and is the caller's
	// to know.
	FilePermissions *uint32
	// DirectoryPermissions is FILE_UPLOAD_DIRECTORY_PERMISSIONS as chmod(2) has it: 0o2775 is with the setgid bit. nil,
	// which is Django's default, leaves directories what the umask leaves of 0o777.
	DirectoryPermissions *uint32
	// Version is the deployment's Django; required.
	Version djangosession.Version
	// MinFree is how many bytes of the disk are left to others: an upload that would go below them is refused.
	MinFree int64
	// Now is the clock by which a file is found to be left behind where the file system has no locks; nil finds none.
	Now func() time.Time
}

// Dir is a MEDIA_ROOT to publish in. It holds nothing open: a volume that is mounted again, or a symlink that a release
// moves on, is followed as Django follows it. It is safe for concurrent use.
type Dir struct {
	config  Config
	linker  linker // how a file without a name gets one
	way     way    // how a file with a name in the state directory gets one under Root
	flocks  bool   // the file system has locks; otherwise locks stands in for them
	locks   locks
	lacking []Lack
	// reservedAs are the permissions that a reservation ends up with.
	reservedAs uint32
	sync       func(*os.File) error // fsync; tests watch it, and make it fail
	making     sync.RWMutex         // held for writing while directories are made, until they would survive a crash
	space      sync.Mutex           // guards promises
	promises   promises
}

// Open checks both directories, makes the state directory if it is missing, and finds out what the file system can do.
func Open(c Config) (*Dir, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	root, err := openFolder(c.Root)
	if err != nil {
		return nil, fault("MEDIA_ROOT must be a directory that is there; make it, or mount it", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	if err := apart(c.Root, c.StateDir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return nil, fault("the state directory could not be made", err)
	}
	state, err := openFolder(c.StateDir)
	if err != nil {
		return nil, fault("the state directory cannot be opened", err)
	}
	defer state.Close() //nolint:errcheck // it was only read
	if err := suitable(root, state); err != nil {
		return nil, err
	}
	d := &Dir{config: c, sync: (*os.File).Sync}
	if err := d.probe(root, state); err != nil {
		return nil, err
	}
	return d, nil
}

func (c *Config) validate() error {
	if c.Version == (djangosession.Version{}) || c.Root == "" || c.StateDir == "" {
		return errors.New("uploads need Django's version, MEDIA_ROOT and a state directory")
	}
	for _, p := range []*uint32{c.FilePermissions, c.DirectoryPermissions} {
		if p != nil && *p > 0o7777 {
			return fmt.Errorf("%#o are no permissions", *p)
		}
	}
	if c.MinFree < 0 {
		return errors.New("less than no bytes to leave free")
	}
	// What is relative now must not become something else when the working directory changes.
	var err, err2 error
	c.Root, err = filepath.Abs(c.Root)
	c.StateDir, err2 = filepath.Abs(c.StateDir)
	return errors.Join(err, err2)
}

func (d *Dir) state() (folder, error) {
	state, err := openFolder(d.config.StateDir)
	if errors.Is(err, fs.ErrNotExist) { // no part is missing, but all of them
		err = fmt.Errorf("%w: %s", ErrNoStateDir, d.config.StateDir)
	}
	return state, fault("opening the state directory", err)
}
