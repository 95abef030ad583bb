package multipart

import (
	"bytes"
	"errors"
	"io"
)

// BufferBytes is the length of the buffer that NewReader makes if it is given none.
const BufferBytes = 256 << 10

// A Reader reads the parts of a body, one after the other. It may be used by one goroutine at a time.
type Reader struct {
	scanner scanner
	limits  Limits
	part    *Part // the last one that Next has returned
	err     error // why there are no more

	files, fields int   // that there have been
	fieldBytes    int64 // as Limits.FieldBytes counts them
}

// NewReader returns a Reader of the body that source gives, and contentType describes. All reading goes through buffer,
// which is the Reader's until its last use; if it is nil, one of BufferBytes is made. It must be longer than
// Limits.HeaderBytes, by half a KiB. An error about contentType is a ParserError.
func NewReader(source io.Reader, contentType string, limits Limits, buffer []byte) (*Reader, error) {
	boundary, err := Boundary(contentType)
	if err != nil {
		return nil, err
	}
	r := &Reader{limits: limits.withDefaults()}
	if buffer == nil {
		buffer = make([]byte, max(BufferBytes, r.leastBuffer(boundary)))
	}
	if len(buffer) < r.leastBuffer(boundary) {
		return nil, errBuffer
	}
	r.scanner.init(source, boundary, buffer)
	return r, nil
}

// leastBuffer is the room for a header of the greatest length, and after it a boundary line as far as judgeLine reads
// it.
func (r *Reader) leastBuffer(boundary string) int {
	return len(lineEnd) + r.limits.HeaderBytes + len("\r\n--") + len(boundary) + len("--") + maxPadding + len(lineEnd)
}

// Next passes over what has not been read of the last part, and returns the next one, or io.EOF after the closing
// boundary. What follows that is not read. After an error there are no more parts, and the error stays.
func (r *Reader) Next() (*Part, error) {
	if r.err != nil {
		return nil, r.err
	}
	part, err := r.next()
	r.part = part
	if err != nil {
		return nil, r.fail(err)
	}
	return part, nil
}

func (r *Reader) next() (*Part, error) {
	var err error
	if r.part == nil {
		err = r.passPreamble()
	} else {
		err = r.leave(r.part)
	}
	switch {
	case err != nil:
		return nil, err
	case r.scanner.line == lineClosing:
		return nil, io.EOF
	}
	r.scanner.pass()
	header, err := r.header()
	if err != nil {
		return nil, err
	}
	part := &Part{reader: r}
	return part, part.parse(header)
}

// passPreamble passes over what comes before the first boundary line. Django takes it for a part, and has the limit
// of a header for it: parse_boundary_stream, 5.2.
func (r *Reader) passPreamble() error {
	for s := &r.scanner; ; {
		s.scan()
		if s.known-len(lineEnd) >= r.limits.HeaderBytes {
			return ErrHeaderTooLarge
		}
		if s.line != lineOther {
			return nil
		}
		if err := s.more(); err != nil {
			return err
		}
	}
}

// leave passes over the rest of a part. One that was neither read as a file nor as a field counts as a field, as Django
// counts since 3.2.18.
func (r *Reader) leave(p *Part) error {
	var err error
	for err == nil {
		_, err = r.scanner.content(1)
	}
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case p.taken:
		return nil
	}
	return r.countField()
}

// header takes a part's header with the empty line that ends it, and returns a copy of it without that line. It
// begins with what is left of the boundary line. There is none if the part ends before an empty line: such a part is
// RAW to Django.
//
//	django/http/multipartparser.py, 5.2, parse_boundary_stream: header_end = chunk.find(b"\r\n\r\n")
func (r *Reader) header() ([]byte, error) {
	for s := &r.scanner; ; {
		s.scan()
		known := s.buffer[s.start:s.known]
		if i := bytes.Index(known[:min(len(known), r.limits.HeaderBytes)], []byte("\r\n\r\n")); i >= 0 {
			header := bytes.Clone(known[:i])
			s.start += i + 4
			return header, nil
		}
		if len(known) >= r.limits.HeaderBytes {
			return nil, ErrHeaderTooLarge
		}
		if s.line != lineOther {
			return nil, nil
		}
		if err := s.more(); err != nil {
			return nil, err
		}
	}
}

func (r *Reader) countField() error {
	r.fields++
	if r.limits.Fields >= 0 && r.fields > r.limits.Fields {
		return ErrTooManyFields
	}
	return nil
}

// fail makes an error the answer to all that is asked from now on.
func (r *Reader) fail(err error) error {
	r.err = err
	return err
}
