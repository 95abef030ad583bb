package filestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
	"django-sidecar/signing"
)

// sessionFile is a session's file as it was read.
type sessionFile struct {
	data     []byte
	modified time.Time
}

// read reads a file within ctx.
func (s *Store) read(ctx context.Context, name string) (sessionFile, error) {
	return folder.Within(ctx, s.slots, func() (sessionFile, error) { return s.open(name) })
}

// open reads a file. The directory is opened anew for each, because a directory that has been replaced, such as a
// volume that is mounted late, would look like an empty one for ever.
func (s *Store) open(name string) (f sessionFile, err error) {
	root, err := os.OpenRoot(s.config.Dir)
	if err != nil {
		return sessionFile{}, fmt.Errorf("opening the session directory: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	// O_NONBLOCK keeps a FIFO of that name from holding us up.
	opened, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return sessionFile{}, openFault(root, name, err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	f, err = readRegular(opened, s.config.MaxBytes)
	return f, withoutName(err)
}

// readRegular reads a regular file of up to limit bytes. Everything else is no session.
func readRegular(opened *os.File, limit int) (sessionFile, error) {
	info, err := opened.Stat()
	if err != nil {
		return sessionFile{}, err
	}
	if !info.Mode().IsRegular() {
		return sessionFile{}, errNotRegular
	}
	tooLarge := &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes", limit)}
	if info.Size() > int64(limit) {
		return sessionFile{}, tooLarge
	}
	// The size is not trusted any further: the file may grow meanwhile.
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(opened, int64(limit)+1)); err != nil {
		return sessionFile{}, fmt.Errorf("reading a session file: %w", withoutName(err))
	}
	if b.Len() > limit {
		return sessionFile{}, tooLarge
	}
	return sessionFile{b.Bytes(), info.ModTime()}, nil
}

var errNotRegular = &signing.SyntaxError{Problem: "not a regular file of the session directory"}

// openFault tells the faults that are answers from those of the file system. To Django each OSError is an empty session
// (contrib/sessions/backends/file.py, 5.2, load), which ends the sessions of everybody while a disk is away.
func openFault(root *os.Root, name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENAMETOOLONG):
		return djangosession.ErrNotFound
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENXIO): // a directory, a socket
		return errNotRegular
	}
	// A link that leads out of the directory, or to itself. os.Root has no error of its own for the former.
	if info, statErr := root.Lstat(name); statErr == nil && info.Mode().Type() == fs.ModeSymlink {
		return errNotRegular
	}
	return fmt.Errorf("opening a session file: %w", withoutName(err))
}

// withoutName takes the file's name out of an error: it has the session key in it.
func withoutName(err error) error {
	var named *fs.PathError
	if errors.As(err, &named) {
		return named.Err
	}
	return err
}
