package observe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// auditSink writes batches of lines to a file, or to w. It opens the file again where another one, or none, has its
// name: so logs are rotated. What cannot be written is lost and counted, and nobody waits for it.
type auditSink struct {
	path   string // "": w
	w      io.Writer
	file   *os.File // nil while it cannot be opened
	report func(error)
	lost   atomic.Uint64 // lines
	broken bool          // the last line in the file may have no end
}

// errNotRegular is why something is no file to write to.
var errNotRegular = errors.New("is no regular file")

// TryAudit finds out whether an audit log can be opened at path, without making it: it would be whose who tries.
func TryAudit(path string) error {
	file, err := openLines(path, 0)
	if errors.Is(err, os.ErrNotExist) {
		if file, err = os.CreateTemp(filepath.Dir(path), ".django-sidecar-check-*"); err == nil {
			err = os.Remove(file.Name())
		}
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// openLines opens a file for lines at its end; flag may say os.O_CREATE. A pipe or a directory is refused.
func openLines(path string, flag int) (*os.File, error) {
	if is, err := os.Stat(path); err == nil && !is.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %w", path, errNotRegular)
	}
	return os.OpenFile(path, os.O_APPEND|os.O_WRONLY|flag, 0o600) //nolint:gosec // the operator names it
}

func (s *auditSink) open() error {
	file, err := openLines(s.path, os.O_CREATE)
	if err != nil {
		return err
	}
	s.file, s.w = file, file
	return nil
}

// Write implements io.Writer for whole lines. It never fails: there is nobody to tell but Report.
func (s *auditSink) Write(lines []byte) (int, error) {
	if err := s.write(lines); err != nil && s.report != nil {
		s.report(err)
	}
	return len(lines), nil
}

func (s *auditSink) write(lines []byte) error {
	if err := s.follow(); err != nil {
		s.lost.Add(uint64(bytes.Count(lines, newline))) //nolint:gosec // a count
		return err
	}
	if s.broken { // so that the half of a line spoils no other
		lines = append(append(make([]byte, 0, len(lines)+1), '\n'), lines...)
	}
	n, err := s.w.Write(lines)
	if n > 0 {
		s.broken = lines[n-1] != '\n'
	}
	s.lost.Add(uint64(bytes.Count(lines[n:], newline))) //nolint:gosec // a count
	return err
}

var newline = []byte("\n")

// follow has s.w write to the file that has the name now.
func (s *auditSink) follow() error {
	if s.path == "" {
		return nil
	}
	if s.file != nil {
		named, err := os.Stat(s.path)
		mine, mineErr := s.file.Stat()
		if err == nil && mineErr == nil && os.SameFile(named, mine) {
			return nil
		}
		_ = s.file.Close() // what was written is written
		s.file, s.broken = nil, false
	}
	return s.open()
}

func (s *auditSink) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
