package signing

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"io"
	"sync"
	"time"
)

// Dumps packs and signs data as Django's signing.dumps does after its serializer: with compress, data is
// compressed where that saves more than the mark that says so.
func (s *TimestampSigner) Dumps(data []byte, compress bool, at time.Time) string {
	// django/core/signing.py, 5.2, sign_object: if len(compressed) < (len(data) - 1)
	if compress {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, err := w.Write(data)
		if err = errors.Join(err, w.Close()); err != nil {
			panic("signing: internal error: a bytes.Buffer refused data: " + err.Error())
		}
		if b.Len() < len(data)-1 {
			return s.Sign("."+base64.RawURLEncoding.EncodeToString(b.Bytes()), at)
		}
	}
	return s.Sign(base64.RawURLEncoding.EncodeToString(data), at)
}

// Loads checks the signature of a text that Django's signing.dumps has made, whatever its age, and appends
// what was dumped to dst. More than limit bytes are a SyntaxError; no more than that is ever inflated.
func (s *TimestampSigner) Loads(dst []byte, text string, limit int) ([]byte, SignedBy, error) {
	value, by, err := s.Unsign(text)
	if err != nil {
		return dst, by, err
	}
	dst, err = unpack(dst, value, limit)
	return dst, by, err
}

// LoadsWithin is Loads for a text not older than maxAge at the time now.
func (s *TimestampSigner) LoadsWithin(dst []byte, text string, limit int, maxAge time.Duration, now time.Time) ([]byte, SignedBy, error) {
	value, by, err := s.UnsignWithin(text, maxAge, now)
	if err != nil {
		return dst, by, err
	}
	dst, err = unpack(dst, value, limit)
	return dst, by, err
}

// An unpacker is what unpacking needs beside its result, kept for the next time.
type unpacker struct {
	packed []byte // of the last compressed value
	source bytes.Reader
	zlib   io.ReadCloser // nil before the first compressed value
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// maxKept bounds what an unpacker keeps between uses: one huge session must not stay in memory.
const maxKept = 64 << 10

// unpack is the second half of unsign_object in django/core/signing.py, 5.2.
func unpack(dst []byte, value string, limit int) ([]byte, error) {
	if len(value) == 0 || value[0] != '.' {
		start := len(dst)
		dst, err := DecodeBase64(dst, value)
		if err != nil {
			return dst, err
		}
		if len(dst)-start > limit {
			return dst, tooLarge(limit)
		}
		return dst, nil
	}
	u, ok := unpackers.Get().(*unpacker)
	if !ok {
		panic("signing: internal error: the pool holds unpackers only")
	}
	dst, err := u.inflate(dst, value[1:], limit)
	if cap(u.packed) > maxKept {
		u.packed = nil
	}
	unpackers.Put(u)
	return dst, err
}

// zlibDictionary is the bit FDICT of a zlib header's second byte (RFC 1950, 2.2). Python's zlib.decompress refuses
// every stream with it; zlib.Reader would read one whose dictionary is empty.
const zlibDictionary = 0x20

func (u *unpacker) inflate(dst []byte, text string, limit int) ([]byte, error) {
	var err error
	if u.packed, err = DecodeBase64(u.packed[:0], text); err != nil {
		return dst, err
	}
	if len(u.packed) > 1 && u.packed[1]&zlibDictionary != 0 {
		return dst, malformed("zlib dictionary")
	}
	u.source.Reset(u.packed)
	if u.zlib == nil {
		u.zlib, err = zlib.NewReader(&u.source)
	} else if r, ok := u.zlib.(zlib.Resetter); ok {
		err = r.Reset(&u.source, nil)
	}
	if err != nil {
		u.zlib = nil // it is not in a state to be used again
		return dst, malformed("zlib header")
	}
	dst, err = readAtMost(dst, u.zlib, limit)
	if err != nil && !errors.As(err, new(*SyntaxError)) {
		// Python's zlib.decompress wants a whole stream with its checksum, and ignores what follows it; so does zlib.Reader.
		return dst, malformed("zlib data")
	}
	return dst, err
}

// readAtMost appends all of r to dst, and stops with a SyntaxError once that is more than limit bytes.
func readAtMost(dst []byte, r io.Reader, limit int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		room := dst[len(dst):min(cap(dst), start+limit+1)]
		n, err := r.Read(room)
		dst = dst[:len(dst)+n]
		switch {
		case len(dst)-start > limit:
			return dst, tooLarge(limit)
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

func tooLarge(limit int) error { return malformed("more than %d bytes", limit) }
