package djangotest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// RefusingFS is a FUSE file system that passes everything on to a directory, and refuses what it is told to refuse.
type RefusingFS struct {
	// Dir is where it is mounted.
	Dir     string
	control string
}

// Refusals are what a RefusingFS is told.
type Refusals struct {
	// Refuse has the error of each call that is refused: link, rename, noreplace (a rename with RENAME_NOREPLACE),
	// create, mkdir, write, truncate, unlink, fsync, fsyncdir, chmod, chown, flock, statfs.
	Refuse map[string]syscall.Errno `json:"refuse,omitempty"`
	// Names is a pattern of names that cannot be made.
	Names string `json:"names,omitempty"`
	// Mode is what every file has for permissions, whatever chmod says; 0: what it was given.
	Mode int `json:"mode,omitempty"`
	// NoSpaceTold has statfs say nothing.
	NoSpaceTold bool `json:"no_space_told,omitempty"`
	// WriteToLock has only what is open for writing be locked, as on NFS.
	WriteToLock bool `json:"write_to_lock,omitempty"`
	// Held is the error of a lock that somebody else has; 0: EWOULDBLOCK.
	Held syscall.Errno `json:"held,omitempty"`
	// Kill kills a process before one of the calls that change something; nil kills nobody.
	Kill *KillAt `json:"kill,omitempty"`
}

// KillAt is a process, and the number of the call that it dies of. Calls are counted from when this is told.
type KillAt struct {
	PID int `json:"pid"`
	At  int `json:"at"`
}

// NewRefusingFS mounts one until the test ends. That takes root.
func NewRefusingFS(tb testing.TB) *RefusingFS {
	tb.Helper()
	base := tb.TempDir()
	r := &RefusingFS{Dir: filepath.Join(base, "mounted"), control: filepath.Join(base, "control")}
	source := filepath.Join(base, "source")
	if err := errors.Join(os.Mkdir(r.Dir, 0o755), os.Mkdir(source, 0o755)); err != nil {
		tb.Fatal(err)
	}
	r.Tell(tb, Refusals{})
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(Python(tb, "6.1"), "-W", "error", filepath.Join(RepositoryPath(), "testdata/refusingfs/refusing.py"), source, r.Dir, r.control)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(cache, "django-sidecar/mfusepy"),
		"FUSE_LIBRARY_NAME=fuse3")
	StartProcess(tb.Context(), tb, cmd, func(context.Context) error {
		var above, mounted syscall.Stat_t
		if err := errors.Join(syscall.Stat(base, &above), syscall.Stat(r.Dir, &mounted)); err != nil {
			return err
		}
		if above.Dev == mounted.Dev {
			return errors.New("nothing is mounted")
		}
		return nil
	})
	return r
}

// Tell says what is refused from now on.
func (r *RefusingFS) Tell(tb testing.TB, what Refusals) {
	tb.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(r.control+".new", text, 0o600), os.Rename(r.control+".new", r.control)); err != nil {
		tb.Fatal(err)
	}
}
