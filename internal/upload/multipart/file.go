package multipart

import (
	"errors"
	"io"
)

// A FileContent is the content of a part that is a file. WriteTo is the fast way to read it: it writes straight from
// the buffer, half of it at a time or more. io.Copy uses it.
type FileContent struct {
	part   *Part
	rest   []byte // of the buffer, for Read
	base64 base64Stream
	err    error // with which the content has ended
}

// next returns the next bytes of the content, at least as many if they come, as a slice of the buffer.
func (f *FileContent) next(least int) ([]byte, error) {
	r := f.part.reader
	for f.err == nil {
		chunk, err := r.scanner.content(least)
		if f.part.Base64 {
			if errors.Is(err, io.EOF) && !f.base64.complete() {
				err = errBase64
			} else if err == nil {
				chunk, err = f.base64.decode(chunk)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			f.err = err
		case err != nil:
			f.err = r.fail(err)
		case len(chunk) > 0:
			return chunk, nil
		}
	}
	return nil, f.err
}

// Read implements io.Reader.
func (f *FileContent) Read(b []byte) (int, error) {
	if f.part.reader.part != f.part {
		return 0, errStale // rest is no longer in the buffer
	}
	if len(f.rest) == 0 && len(b) > 0 {
		var err error
		if f.rest, err = f.next(1); err != nil {
			return 0, err
		}
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. After an error of w the content is lost.
func (f *FileContent) WriteTo(w io.Writer) (int64, error) {
	if f.part.reader.part != f.part {
		return 0, errStale
	}
	var written int64
	least := len(f.part.reader.scanner.buffer) / 2
	for {
		chunk := f.rest
		f.rest = nil
		if len(chunk) == 0 {
			var err error
			if chunk, err = f.next(least); err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return written, err
			}
		}
		n, err := w.Write(chunk)
		written += int64(n)
		if err == nil && n < len(chunk) {
			err = io.ErrShortWrite
		}
		if err != nil {
			f.err = err
			return written, err
		}
	}
}
