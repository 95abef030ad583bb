// Package folder does what stores of files have in common: it asks a file system, which knows no contexts, within one,
// and writes files that Django can read.
package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Slots are how many questions a file system is asked at a time. One that does not answer, as an NFS server may, holds
// a thread for each of them, whatever the context says.
type Slots chan struct{}

// New returns slots for as many questions as Django's stores of files are asked here.
func New() Slots {
	const questions = 64
	return make(Slots, questions)
}

// Within asks, and waits for the answer as long as ctx lasts. A file system that does not answer keeps a goroutine and
// a slot until it does.
func Within[T any](ctx context.Context, slots Slots, ask func() (T, error)) (T, error) {
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	if err := ctx.Err(); err != nil { // below, either of two that are ready would do
		return result{}.answer, fmt.Errorf("asking the file system: %w", err)
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return result{}.answer, fmt.Errorf("waiting for the file system: %w", ctx.Err())
	}
	go func() {
		defer func() { <-slots }()
		answer, err := ask()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return result{}.answer, fmt.Errorf("asking the file system: %w", ctx.Err())
	}
}

// Do does something in a folder, within ctx. The folder is opened anew each time: see filestore.
func Do(ctx context.Context, slots Slots, path string, do func(root *os.Root) error) error {
	_, err := Within(ctx, slots, func() (_ struct{}, err error) {
		root, err := os.OpenRoot(path)
		if err != nil {
			return struct{}{}, fmt.Errorf("opening the folder: %w", err)
		}
		defer func() { err = errors.Join(err, root.Close()) }()
		return struct{}{}, do(root)
	})
	return err
}

// FileMode is that of Python's tempfile.mkstemp: its owner alone may read a file.
const FileMode = 0o600

// WriteTemporary writes a file that is in nobody's way, and returns its name, which begins with prefix.
func WriteTemporary(root *os.Root, prefix string, data []byte) (name string, err error) {
	name = prefix + rand.Text() // whose capitals no session key has
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FileMode)
	if err != nil {
		return "", err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, root.Remove(name))
	}
	return name, nil
}

// Move renames a temporary file to its place, or removes it.
func Move(root *os.Root, temporary, name string) error {
	if err := root.Rename(temporary, name); err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return nil
}

// IsOf reports whether a file or a folder is of a user of the system.
func IsOf(info fs.FileInfo, user int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == user
}
