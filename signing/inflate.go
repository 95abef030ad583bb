package signing

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"slices"
)

// An inflater reads deflate (RFC 1951) from memory to memory, and can be used again. Its zero value is ready.
type inflater struct {
	in     bytes.Reader
	reader io.ReadCloser // nil until it is used
}

// inflate appends to dst what the stream at the beginning of an input holds, at most limit bytes, and returns what
// follows the stream. Of a stream that holds more, it reads one byte more.
func (z *inflater) inflate(dst, in []byte, limit int) (out, rest []byte, err error) {
	z.in.Reset(in)
	defer z.in.Reset(nil)
	if err := z.reset(); err != nil {
		return dst, nil, err
	}
	for most := len(dst) + limit; ; {
		const least = 512
		dst = slices.Grow(dst, min(least, most+1-len(dst)))
		n, err := z.reader.Read(dst[len(dst):min(cap(dst), most+1)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > most:
			return dst[:most], nil, tooLarge(limit)
		case errors.Is(err, io.EOF):
			return dst, in[len(in)-z.in.Len():], nil // a bytes.Reader is an io.ByteReader, so that no byte too many was read
		case err != nil:
			return dst, nil, malformed("zlib data")
		}
	}
}

func (z *inflater) reset() error {
	if z.reader == nil {
		z.reader = flate.NewReader(&z.in)
		return nil
	}
	resetter, ok := z.reader.(flate.Resetter)
	if !ok {
		panic("signing: internal error: a flate reader can be reset")
	}
	return resetter.Reset(&z.in, nil)
}
