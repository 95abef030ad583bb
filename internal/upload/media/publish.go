package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	// maxCandidates is how many names are tried: Django's own are seven random letters, of which the first is free.
	maxCandidates = 1000
	// maxPath is Linux's PATH_MAX. Django opens a file by its whole path.
	maxPath = 4096
)

// Publish gives the file a name under MEDIA_ROOT, and returns the name. It asks next for names until one is free. The
// names are relative to MEDIA_ROOT and normalised; Publish makes their directories. An error of next ends it, and is
// returned as it is.
//
// First the directory is made and the data is written to the disk. Then the file gets its name in one step, which
// fails where there is something already: see way.go. At last the directory is written to the disk; if that fails, the
// name is taken back. So when Publish returns, file and name survive a power cut.
//
// After an error there is no file under MEDIA_ROOT, but the directories that were made stay, as Django's do. Discard
// then removes the file, or Close keeps a part to be published later.
func (f *PendingFile) Publish(next func() (string, error)) (string, error) {
	if f.file == nil {
		return "", os.ErrClosed
	}
	if err := f.trim(); err != nil {
		return "", fault("truncating an upload", err)
	}
	root, err := os.OpenRoot(f.dir.config.Root)
	if err != nil {
		return "", fault("opening MEDIA_ROOT", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	p := publication{file: f, root: root}
	defer p.end()
	for range maxCandidates {
		name, err := next()
		if err != nil {
			return "", err
		}
		if err := f.dir.checkName(name); err != nil {
			return "", err
		}
		err = p.publish(name)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		f.published(name, p.moved)
		return name, nil
	}
	return "", fmt.Errorf("%w: %d of them", ErrTaken, maxCandidates)
}

// checkName refuses what is not a relative, normalised name. The caller's names are; this is in case they are not.
func (d *Dir) checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return fmt.Errorf("%w: %.100q", ErrName, name)
	}
	if len(d.config.Root)+len("/")+len(name) >= maxPath {
		return fmt.Errorf("%w: %d bytes", ErrName, len(name))
	}
	return nil
}

// publication is one call of Publish.
type publication struct {
	file   *PendingFile
	root   *os.Root
	folder folder // open; where the last candidate was
	path   string // of it
	state  folder // open, once the file has a name there
	moved  bool   // the file has lost that name by its publication
}

func (p *publication) leave() {
	if p.folder.File != nil {
		_ = p.folder.Close() // what was made in it is synced
	}
}

func (p *publication) end() {
	p.leave()
	if p.state.File != nil {
		_ = p.state.Close()
	}
}

// publish gives the file a name, or returns fs.ErrExist.
func (p *publication) publish(name string) error {
	if err := p.enter(path.Dir(name)); err != nil {
		return err
	}
	base := path.Base(name)
	moved, err := p.place(base)
	if err != nil {
		return fault("publishing an upload", err)
	}
	if err := p.persist(moved); err != nil {
		return errors.Join(fault("writing a directory to the disk", err), p.takeBack(base, moved))
	}
	p.moved = moved
	return nil
}

// enter opens the directory at this path, and makes it if it is missing. It gives the file the mode and group of
// files there, and writes it to the disk before it has a name.
func (p *publication) enter(at string) error {
	if p.folder.File != nil && p.path == at {
		return nil
	}
	opened, err := p.file.dir.directory(p.root, at)
	if err != nil {
		return err
	}
	p.leave()
	p.folder, p.path = opened, at
	if err := p.file.own(p.root, opened); err != nil {
		return fault("setting the permissions of an upload", err)
	}
	return p.file.Sync()
}

// published removes the file's name in the state directory. A failure is not reported: the upload is published, and
// Sweep knows the leftover by its two names.
func (f *PendingFile) published(name string, moved bool) {
	if f.name != "" && !moved {
		if state, err := f.dir.state(); err == nil {
			_ = state.unlink(f.name)
			_ = state.Close()
		}
	}
	if f.id != "" {
		_ = f.close() // it is on the disk already
		return
	}
	f.release()
	f.dir.unlock(f.name, f.file)
	f.kept, f.at, f.file = f.file, name, nil
}

// Withdraw removes a file that was published a moment ago, unless somebody else has the name by now. It is for several
// files that are published together, when a later one fails: no client has seen the name yet. It comes before Discard,
// until which the file stays open: otherwise another might have its inode.
func (f *PendingFile) Withdraw() error {
	if f.kept == nil {
		return os.ErrClosed
	}
	in, there, err := f.dir.folderOf(f.at)
	if err != nil || !there {
		return err
	}
	defer in.Close() //nolint:errcheck // a name that comes back after a power cut was told to nobody
	base := path.Base(f.at)
	if !in.holds(base, f.kept) {
		return nil
	}
	return removed(in.unlink(base))
}
