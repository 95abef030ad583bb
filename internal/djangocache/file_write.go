package djangocache

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
)

// Delete implements store: _delete.
func (b *fileBackend) Delete(ctx context.Context, key string) error {
	err := folder.Do(ctx, b.slots, b.dir, func(dir *os.Root) error {
		if err := dir.Remove(fileName(key)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("deleting from the cache: %w", err)
	}
	return nil
}

// errOtherUser says whose the files are that Django reads: each can be read by its owner alone.
var errOtherUser = errors.New("the cache's files are of another user: run this as the user that Django runs as")

// Add implements store. A file that has expired stands in the way until Django looks at it, and deletes it.
func (b *fileBackend) Add(ctx context.Context, key string, value []byte, expires time.Time) error {
	return b.change(ctx, "adding to", func(dir *os.Root) (err error) {
		if err := owned(dir.Stat(".")); err != nil {
			return err
		}
		temporary, err := writeTemporary(dir, value, expires)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dir.Remove(temporary)) }()
		err = dir.Link(temporary, fileName(key))
		if errors.Is(err, fs.ErrExist) {
			return djangosession.ErrExists
		}
		return err
	})
}

// Replace implements store: set(), which writes another file and renames it. Where two files cannot change places in one
// step, as on NFS, who stores while somebody deletes may come last, as with two Djangos.
func (b *fileBackend) Replace(ctx context.Context, key string, value []byte, expires time.Time) error {
	return b.change(ctx, "writing to", func(dir *os.Root) error {
		if err := b.alive(fileName(key)); err != nil {
			return err
		}
		if err := owned(dir.Lstat(fileName(key))); err != nil {
			return err
		}
		temporary, err := writeTemporary(dir, value, expires)
		if err != nil {
			return err
		}
		return folder.Replace(dir, temporary, fileName(key))
	})
}

// Touch implements store: touch(), which writes into the file. Of the file that it has opened, it changes the expiry
// alone: where another has taken its place meanwhile, or none, nobody reads what it has written.
func (b *fileBackend) Touch(
	ctx context.Context, key string, same func(value []byte) bool, expires time.Time,
) error {
	return b.change(ctx, "touching", func(dir *os.Root) (err error) {
		name := fileName(key)
		if info, err := dir.Lstat(name); err != nil {
			return err
		} else if !info.Mode().IsRegular() {
			return djangosession.ErrNotFound
		}
		file, err := dir.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		data, err := io.ReadAll(io.LimitReader(file, int64(b.maxBytes)+1))
		if err != nil {
			return err
		}
		value, _, err := b.decode(data)
		if err != nil || len(data) > b.maxBytes || !same(value) {
			return djangosession.ErrNotFound
		}
		place := 2 // behind PROTO
		if data[place] == '\x95' {
			place += 9 // and behind FRAME
		}
		if data[place] != 'G' { // BINFLOAT; decode has found all of it
			return errNoFloat
		}
		if _, err := file.WriteAt(pickledTime(expires)[3:11], int64(place)+1); err != nil {
			return err
		}
		before, err := file.Stat()
		if err != nil {
			return err
		}
		if after, err := dir.Lstat(name); err != nil || !os.SameFile(before, after) {
			return djangosession.ErrNotFound
		}
		return nil
	})
}

// errNoFloat says that a file expires at no time.time() and some seconds, as all do that Django writes with a timeout.
var errNoFloat = errors.New("the time when it expires is no float")

// alive is a file that Django would read now. It fails with djangosession.ErrNotFound where there is none.
func (b *fileBackend) alive(name string) error {
	data, err := b.read(name)
	if err == nil {
		_, _, err = b.decode(data)
	}
	if djangosession.IsAnswer(err) {
		return djangosession.ErrNotFound
	}
	return err
}

// change does something in the directory.
func (b *fileBackend) change(ctx context.Context, doing string, do func(dir *os.Root) error) error {
	err := folder.Do(ctx, b.slots, b.dir, do)
	switch {
	case errors.Is(err, djangosession.ErrNotFound), errors.Is(err, djangosession.ErrExists):
		return err
	case errors.Is(err, fs.ErrNotExist) && doing != "adding to":
		if _, statErr := os.Stat(b.dir); statErr == nil {
			return djangosession.ErrNotFound
		}
	}
	if err != nil {
		return fmt.Errorf("%s the cache: %w", doing, err)
	}
	return nil
}

// owned fails where a file or directory is not of the user of this process.
func owned(info fs.FileInfo, err error) error {
	if err != nil {
		return err
	}
	if !folder.IsOf(info, os.Geteuid()) {
		return errOtherUser
	}
	return nil
}

// pickledTime is the pickle of time.time() at an instant, in protocol 2.
func pickledTime(t time.Time) []byte {
	seconds := float64(t.UnixMicro()) / 1e6
	return append(binary.BigEndian.AppendUint64([]byte("\x80\x02G"), math.Float64bits(seconds)), '.')
}

// writeTemporary writes a file that is in nobody's way: _write_content, in a file as tempfile.mkstemp makes it.
func writeTemporary(dir *os.Root, value []byte, expires time.Time) (name string, err error) {
	content := bytes.NewBuffer(pickledTime(expires))
	z := zlib.NewWriter(content)
	_, err = z.Write(value)
	if err := errors.Join(err, z.Close()); err != nil {
		return "", err
	}
	return folder.WriteTemporary(dir, "tmp", content.Bytes())
}
