package djangocache

import (
	"context"
	"crypto/md5" //nolint:gosec // it names files
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/folder"
	"django-sidecar/signing"
)

// fileBackend reads the files of a FileBasedCache: core/cache/backends/filebased.py, the same from 1.11 to 6.1.
type fileBackend struct {
	dir      string
	now      func() time.Time
	maxBytes int
	slots    folder.Slots
}

func openFiles(c *Backend, a *cacheURL, s *settings, o Options) error {
	if err := s.read(a.query, fileOptions); err != nil {
		return err
	}
	if a.hosts != "" || strings.Trim(a.path, "/") == "" {
		return errors.New("the URL of a FileBasedCache has three slashes: file:///var/tmp/django_cache")
	}
	c.store = guarded{o.Breaker(""), &fileBackend{dir: a.path, now: o.Now, maxBytes: o.MaxBytes, slots: folder.New()}}
	c.Location = "files in " + a.path
	return nil
}

// Get implements backend. A directory that is missing is a failure, though Django would make it: it is more often one
// that was not mounted.
func (b *fileBackend) Get(ctx context.Context, key string) (value []byte, expires time.Time, err error) {
	data, err := folder.Within(ctx, b.slots, func() ([]byte, error) { return b.read(fileName(key)) })
	if err != nil {
		return nil, time.Time{}, err
	}
	return b.decode(data)
}

// fileName is _key_to_file.
func fileName(key string) string {
	sum := md5.Sum([]byte(key)) //nolint:gosec // it names files
	return hex.EncodeToString(sum[:]) + ".djcache"
}

// read reads a regular file in the directory, and not one that a symbolic link leads to elsewhere.
func (b *fileBackend) read(name string) (data []byte, err error) {
	dir, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, fmt.Errorf("opening the cache: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	// Looked at before it is opened: opening a pipe would wait for a writer.
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, djangosession.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("reading the cache: %w", err)
	case !info.Mode().IsRegular():
		return nil, &signing.SyntaxError{Problem: "not a regular file"}
	case info.Size() > int64(b.maxBytes):
		return nil, tooLargeStored(b.maxBytes)
	}
	file, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // Django has deleted it meanwhile
		return nil, djangosession.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, int64(b.maxBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	if len(data) > b.maxBytes { // it has grown meanwhile
		return nil, tooLargeStored(b.maxBytes)
	}
	return data, nil
}

// decode reads what _write_content writes: the pickle of the time when the value expires, and the value's own pickle,
// compressed.
func (b *fileBackend) decode(data []byte) (value []byte, expires time.Time, err error) {
	if len(data) == 0 {
		return nil, time.Time{}, djangosession.ErrExpired // "An empty file is considered expired."
	}
	seconds, forever, rest, ok := readExpiry(data)
	if !ok {
		return nil, time.Time{}, &signing.SyntaxError{Problem: "no time in the file when it expires"}
	}
	if !forever {
		// exp < time.time(), both of them floats
		if now := float64(b.now().UnixNano()) / 1e9; seconds < now {
			return nil, time.Time{}, djangosession.ErrExpired
		}
		if seconds < 1<<40 { // beyond that, it is as good as never, and time.Time has its own limit
			whole, part := math.Modf(seconds)
			expires = time.Unix(int64(whole), int64(part*1e9)).UTC()
		}
	}
	if value, err = inflateZlib(rest, b.maxBytes); err != nil {
		return nil, time.Time{}, unreadable(err)
	}
	return value, expires, nil
}

// readExpiry reads the pickle of None, a float or an int, as Lib/pickle.py of CPython writes it in the protocols 2 to
// 5: PROTO, from protocol 4 a FRAME if there are four bytes or more to frame, one opcode, STOP.
func readExpiry(data []byte) (seconds float64, forever bool, rest []byte, ok bool) {
	if len(data) < 2 || data[0] != '\x80' || data[1] < 2 || data[1] > 5 {
		return 0, false, nil, false
	}
	data = data[2:]
	if len(data) > 9 && data[0] == '\x95' {
		data = data[9:]
	}
	size := map[byte]int{'N': 0, 'G': 8, 'K': 1, 'M': 2, 'J': 4}
	if len(data) == 0 {
		return 0, false, nil, false
	}
	op := data[0]
	n, known := size[op]
	if !known || len(data) < n+2 || data[n+1] != '.' {
		return 0, false, nil, false
	}
	b, rest := data[1:n+1], data[n+2:]
	switch op {
	case 'N':
		return 0, true, rest, true
	case 'G': // BINFLOAT, big-endian
		seconds = math.Float64frombits(binary.BigEndian.Uint64(b))
	case 'K': // BININT1, BININT2, BININT: little-endian
		seconds = float64(b[0])
	case 'M':
		seconds = float64(binary.LittleEndian.Uint16(b))
	case 'J':
		seconds = float64(int32(binary.LittleEndian.Uint32(b))) //nolint:gosec // a signed number
	}
	return seconds, false, rest, !math.IsNaN(seconds)
}

// Probe implements backend.
func (b *fileBackend) Probe(context.Context) error {
	if _, err := b.read("probe.djcache"); err != nil && !errors.Is(err, djangosession.ErrNotFound) {
		return err
	}
	return nil
}

// Close implements backend.
func (b *fileBackend) Close() error { return nil }
