package multipart

import (
	"bytes"
	"errors"
	"io"
)

// A scanner finds the boundary lines of a body in a buffer of fixed size.
type scanner struct {
	source io.Reader
	err    error // with which source has ended
	finder finder
	buffer []byte
	start  int // buffer[start:end] has been read and not yet been taken
	known  int // buffer[start:known] is content, whatever comes after it
	end    int
	line   lineKind // of the line at known, once that is a boundary line
	after  int      // where the boundary in that line ends
}

// init makes the buffer begin with a line end that is not in the body, so that a boundary at the body's start is no
// special case.
func (s *scanner) init(source io.Reader, boundary string, buffer []byte) {
	s.source, s.buffer = source, buffer
	s.finder.delimiter = []byte("\n--" + boundary)
	s.end = copy(buffer, lineEnd)
}

// lineEnd is what init puts before the body.
const lineEnd = "\r\n"

// scan moves known as far as it can be told: to the next boundary line, or to what may turn out to be one.
func (s *scanner) scan() {
	if s.line != lineOther {
		return
	}
	from := s.known
	for {
		i := s.finder.index(s.buffer[from:s.end])
		if i < 0 {
			s.known = s.end - s.undecided()
			return
		}
		// django/http/multipartparser.py, 6.1, _find_boundary: LF before the boundary is not content, nor is CR
		// before that.
		i += from
		begin := i
		if i > s.start && s.buffer[i-1] == '\r' {
			begin--
		}
		after := i + len(s.finder.delimiter)
		switch kind := judgeLine(s.buffer[after:s.end], errors.Is(s.err, io.EOF)); kind {
		case lineOther:
			from = i + 1
		case lineUndecided:
			s.known = begin
			return
		case lineDelimiter, lineClosing:
			s.known, s.line, s.after = begin, kind, after
			return
		}
	}
}

// undecided is how many bytes at the end of the buffer may be the first ones of a delimiter.
func (s *scanner) undecided() int {
	delimiter := s.finder.delimiter
	tail := s.buffer[max(s.start, s.end-len(delimiter)+1):s.end]
	if i := bytes.LastIndexByte(tail, '\n'); i >= 0 && bytes.HasPrefix(delimiter, tail[i:]) {
		n := len(tail) - i
		if before := s.end - n - 1; before >= s.start && s.buffer[before] == '\r' {
			n++
		}
		return n
	}
	if bytes.HasSuffix(tail, []byte{'\r'}) {
		return 1
	}
	return 0
}

// fill reads once from the source. It moves what is in the buffer only when there is no room after it.
func (s *scanner) fill() error {
	switch {
	case s.err != nil:
		return s.err
	case s.start == s.end:
		s.start, s.known, s.end = 0, 0, 0
	case s.end == len(s.buffer):
		s.end = copy(s.buffer, s.buffer[s.start:s.end])
		s.known -= s.start
		s.start = 0
	}
	for range 100 {
		var n int
		n, s.err = s.source.Read(s.buffer[s.end:])
		s.end += n
		if n > 0 {
			return nil
		}
		if s.err != nil {
			return nil //nolint:nilerr // the next call says so: the end may decide what a line is
		}
	}
	return io.ErrNoProgress
}

// content takes the next bytes of a part, at least as many if they come and the buffer holds them. They are a slice
// of the buffer and stay there until fill. At the boundary line there is io.EOF.
func (s *scanner) content(least int) ([]byte, error) {
	for {
		s.scan()
		n := s.known - s.start
		switch {
		case n > 0 && (n >= least || s.line != lineOther || s.end == len(s.buffer)):
			s.start = s.known
			return s.buffer[s.start-n : s.start], nil
		case s.line != lineOther:
			return nil, io.EOF
		}
		if err := s.more(); err != nil {
			return nil, err
		}
	}
}

// more is fill within a part, where the body must not end.
func (s *scanner) more() error {
	err := s.fill()
	if errors.Is(err, io.EOF) {
		return ErrTruncated
	}
	return err
}

// pass takes the boundary of the line at known, and leaves the rest of the line. Django too begins a part there.
func (s *scanner) pass() {
	s.start, s.known, s.line = s.after, s.after, lineOther
}
