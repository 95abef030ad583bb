package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
)

// ErrOtherUser says that the directory's sessions belong to another user of the system than this process runs as, or
// that nothing shows whose they are. Each file can be read by its owner alone, so that Django would lose what is
// written here.
var ErrOtherUser = errors.New("session files are of another user, or nothing shows whose: run this as the user that " +
	"Django runs as, and give SESSION_FILE_PATH to that user")

// Create implements djangosession.Writer. Here and in Save, the file says when a session ends: expire is not looked at.
func (s *Store) Create(ctx context.Context, key string, session *djangosession.Session, _ time.Time) error {
	return s.write(ctx, "creating", key, session, func(root *os.Root, name string) error {
		if err := s.ownsNew(root); err != nil {
			return err
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, folder.FileMode)
		if errors.Is(err, fs.ErrExist) {
			return djangosession.ErrExists
		}
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// Save implements djangosession.Writer. Where two files cannot change places in one step, as on NFS, who saves while
// somebody logs out may come last, as with two Djangos.
func (s *Store) Save(ctx context.Context, key string, session *djangosession.Session, _ time.Time) error {
	if err := s.alive(ctx, key); err != nil {
		return err
	}
	return s.write(ctx, "saving", key, session, s.owns)
}

// alive fails with djangosession.ErrNotFound where there is no session that Django could read.
func (s *Store) alive(ctx context.Context, key string) error {
	_, err := s.Load(ctx, key)
	if djangosession.IsAnswer(err) {
		return djangosession.ErrNotFound
	}
	return err
}

// Delete implements djangosession.Writer.
func (s *Store) Delete(ctx context.Context, key string) error {
	if !validKey(key) {
		return nil // there is none of that name
	}
	return s.change(ctx, "deleting", key, func(root *os.Root, name string) error {
		if err := root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// Touch implements djangosession.Writer: the file is as old as one that Django has saved now.
func (s *Store) Touch(ctx context.Context, key string, _ *djangosession.Session, _ time.Time) error {
	if err := s.alive(ctx, key); err != nil {
		return err
	}
	return s.change(ctx, "touching", key, func(root *os.Root, name string) error {
		if err := s.owns(root, name); err != nil {
			return err
		}
		err := root.Chtimes(name, time.Time{}, s.config.Now())
		if errors.Is(err, fs.ErrNotExist) {
			return djangosession.ErrNotFound
		}
		return err
	})
}

// ProbeWriting reports whether the directory lets sessions be written: nil says that it does.
func (s *Store) ProbeWriting(ctx context.Context) error {
	return s.change(ctx, "writing", "probe", func(root *os.Root, name string) error {
		if err := s.ownsNew(root); err != nil {
			return err
		}
		temporary, err := folder.WriteTemporary(root, name+beside, nil)
		if err != nil {
			return err
		}
		return root.Remove(temporary)
	})
}

// beside is what follows the name of a session's file in that of a temporary one.
const beside = "_out_"

// write stores a session in the place that prepare finds or makes: contrib/sessions/backends/file.py, 1.11 to 6.1,
// save, which writes another file and renames it.
func (s *Store) write(
	ctx context.Context, doing, key string, session *djangosession.Session, prepare func(*os.Root, string) error,
) error {
	text, err := s.config.Codec.EncodeSession(session, s.config.Now())
	if err != nil {
		return err
	}
	return s.change(ctx, doing, key, func(root *os.Root, name string) error {
		if err := prepare(root, name); err != nil {
			return err
		}
		temporary, err := folder.WriteTemporary(root, name+beside, []byte(text))
		if err != nil {
			return err
		}
		if err = folder.Replace(root, temporary, name); errors.Is(err, fs.ErrNotExist) {
			return djangosession.ErrNotFound
		}
		return err
	})
}

// change does something to the file of a session, within ctx.
func (s *Store) change(ctx context.Context, doing, key string, do func(root *os.Root, name string) error) error {
	if !validKey(key) {
		return djangosession.ErrNotFound
	}
	return folder.Do(ctx, s.slots, s.config.Dir, func(root *os.Root) error {
		if err := do(root, s.config.Prefix+key); err != nil {
			return fmt.Errorf("%s a session file: %w", doing, withoutNames(err))
		}
		return nil
	})
}

// withoutNames takes files' names out of an error: they have the session key in them.
func withoutNames(err error) error {
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return withoutName(err)
}

// owns reports whether a session's file is of the user of this process. It fails with djangosession.ErrNotFound where
// there is none.
func (s *Store) owns(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return djangosession.ErrNotFound
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	return s.ownsFile(info)
}

func (s *Store) ownsFile(info fs.FileInfo) error {
	if !folder.IsOf(info, s.user) {
		return ErrOtherUser
	}
	return nil
}

// ownsNew reports whether Django could read a new file of ours: a session in the directory is of our user, or the
// directory is where it has none.
func (s *Store) ownsNew(root *os.Root) (err error) {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	const some = 256
	for looked := 0; looked < maxEntries; looked += some {
		names, err := dir.Readdirnames(some)
		for _, name := range names {
			if key, ok := strings.CutPrefix(name, s.config.Prefix); !ok || !validKey(key) {
				continue
			}
			if err := s.owns(root, name); !djangosession.IsAnswer(err) { // it was deleted meanwhile, or is no file
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	return s.ownsFile(info)
}
