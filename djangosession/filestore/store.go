package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
	"django-sidecar/signing"
)

// Config is what a Store needs to know of the deployment.
type Config struct {
	// Version is the deployment's Django; required.
	Version djangosession.Version
	// Dir is SESSION_FILE_PATH; required. Django's default is Python's tempfile.gettempdir().
	Dir string
	// Prefix is SESSION_COOKIE_NAME, with which the files' names begin; "" means "sessionid".
	Prefix string
	// CookieAge is SESSION_COOKIE_AGE: how long a file without an expiry of its own lives after it was written. At 0,
	// as in Django, none does.
	CookieAge time.Duration
	// Codec decodes what is in the files; required.
	Codec *djangosession.Codec
	// Local is TIME_ZONE where USE_TZ is off, and nil where it is on.
	Local *time.Location
	// MaxBytes bounds a file, in bytes; 0 means djangosession.DefaultMaxBytes.
	MaxBytes int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Wait waits before a half-written file is read again, and fails when ctx ends; nil means with a timer.
	Wait func(ctx context.Context, d time.Duration) error
}

// Store is a djangosession.Store and a djangosession.Writer on a directory: contrib/sessions/backends/file.py.
type Store struct {
	config Config
	slots  folder.Slots // one for each file that is being read or written
	user   int          // whose files are written
}

// New returns a store that reads sessions from the files in c.Dir. It does no I/O.
func New(c Config) (*Store, error) {
	if c.Version == (djangosession.Version{}) || c.Dir == "" || c.Codec == nil {
		return nil, errors.New("a file store needs Django's version, a directory and a codec")
	}
	c.Prefix = cmp.Or(c.Prefix, "sessionid")
	if strings.ContainsAny(c.Prefix, "/\\\x00") {
		return nil, errors.New("a session cookie's name that is no part of a file name")
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = djangosession.DefaultMaxBytes
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	return &Store{config: c, slots: folder.New(), user: os.Geteuid()}, nil
}

// retryAfter is how long Load waits for the writer of an unfinished file.
const retryAfter = 20 * time.Millisecond

// Load implements djangosession.Store.
func (s *Store) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	if !validKey(key) {
		return nil, djangosession.ErrNotFound
	}
	session, err := s.load(ctx, key)
	if !halfWritten(err) {
		return session, err
	}
	if err := s.config.Wait(ctx, retryAfter); err != nil {
		return nil, fmt.Errorf("waiting for a session file: %w", err)
	}
	return s.load(ctx, key)
}

// validKey: contrib/sessions/backends/file.py, 5.2, _key_to_file: set(session_key).issubset(VALID_KEY_CHARS), which are
// string.ascii_lowercase + string.digits in every version.
func validKey(key string) bool {
	for i := range len(key) {
		if c := key[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return key != ""
}

// errEmpty says that a session's file is empty: Django makes it so, and puts the session's in its place thereafter.
// If that never comes, Django has an empty session there, in which nobody is logged in.
var errEmpty = fmt.Errorf("empty session file: %w", djangosession.ErrNotFound)

// halfWritten reports whether err may come of a file that is being written: empty, or not what Django writes. Django
// itself only ever renames whole files into place; somebody who copies the directory may not.
func halfWritten(err error) bool {
	return errors.Is(err, errEmpty) || errors.Is(err, signing.ErrBadSignature) ||
		errors.As(err, new(*signing.SyntaxError))
}

func (s *Store) load(ctx context.Context, key string) (*djangosession.Session, error) {
	f, err := s.read(ctx, s.config.Prefix+key)
	if err != nil {
		return nil, err
	}
	if len(f.data) == 0 {
		return nil, errEmpty
	}
	text, err := s.text(f.data)
	if err != nil {
		return nil, err
	}
	session, err := s.config.Codec.Decode(text)
	if err != nil {
		return nil, err
	}
	session.ExpireDate, err = s.expireDate(session.Lookup("_session_expiry"), f.modified, s.config.Now())
	if err != nil {
		return nil, err
	}
	return session, nil
}

// text is what a file is for Python: contrib/sessions/backends/file.py, 5.2, load: open(…, encoding="ascii"), which
// reads every line end as "\n" and fails on other characters. Django 1.11 reads bytes.
func (s *Store) text(data []byte) (string, error) {
	text := string(data)
	if s.config.Version.Major < 2 {
		return text, nil
	}
	for i := range len(text) {
		if text[i] >= 0x80 {
			return "", &signing.SyntaxError{Problem: "not ASCII"}
		}
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
