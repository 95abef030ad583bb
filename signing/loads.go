package signing

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/adler32"
	"sync"
	"time"
)

// Dumps packs and signs data as Django's signing.dumps does after its serializer. With compress, it compresses data
// if the result is shorter, the "." before it included. For a value in Django's JSON, see [Dumps] and
// [TimestampSigner.SignObject].
func (s *TimestampSigner) Dumps(data []byte, compress bool, at time.Time) string {
	return s.Sign(pack(data, compress), at)
}

// pack is the first half of sign_object in django/core/signing.py, 5.2.
func pack(data []byte, compress bool) string {
	// if len(compressed) < (len(data) - 1)
	if compress {
		var b bytes.Buffer
		// Go 1.27 makes short data longer at any other level. Python's zlib does not, and a cookie has little room.
		w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
		if err == nil {
			_, err = w.Write(data)
			err = errors.Join(err, w.Close())
		}
		if err != nil {
			panic("signing: internal error: a bytes.Buffer refused data: " + err.Error())
		}
		if b.Len() < len(data)-1 {
			return "." + base64.RawURLEncoding.EncodeToString(b.Bytes())
		}
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// Loads checks the signature of a text that Django's signing.dumps has made, whatever its age, and appends
// what was dumped to dst. More than limit bytes are a SyntaxError; inflating stops one byte past the limit.
func (s *TimestampSigner) Loads(dst []byte, text string, limit int) ([]byte, SignedBy, error) {
	value, by, err := s.Unsign(text)
	if err != nil {
		return dst, by, err
	}
	dst, err = unpack(dst, value, limit)
	return dst, by, err
}

// LoadsWithin is Loads for a text that is not older than maxAge at the time now. An older one is ErrSignatureExpired.
func (s *TimestampSigner) LoadsWithin(
	dst []byte, text string, limit int, maxAge time.Duration, now time.Time,
) ([]byte, SignedBy, error) {
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
	stream inflater
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

// inflate is Python's zlib.decompress, which wants a whole stream with its checksum, and ignores what follows it.
func (u *unpacker) inflate(dst []byte, text string, limit int) ([]byte, error) {
	var err error
	if u.packed, err = DecodeBase64(u.packed[:0], text); err != nil {
		return dst, err
	}
	if !validZlibHeader(u.packed) {
		return dst, malformed("zlib header")
	}
	start := len(dst)
	dst, trailer, err := u.stream.inflate(dst, u.packed[zlibHeaderSize:], limit)
	if err != nil {
		return dst, err
	}
	if len(trailer) < adler32.Size || binary.BigEndian.Uint32(trailer) != adler32.Checksum(dst[start:]) {
		return dst, malformed("zlib checksum")
	}
	return dst, nil
}

const zlibHeaderSize = 2

// validZlibHeader checks what a zlib stream begins with (RFC 1950, 2.2): deflate with a window of at most 32 KiB, no
// preset dictionary, and a number that 31 divides.
func validZlibHeader(b []byte) bool {
	const method, window, dictionary = 0x0f, 0xf0, 0x20
	return len(b) >= zlibHeaderSize && b[0]&method == 8 && b[0]&window <= 0x70 && b[1]&dictionary == 0 &&
		binary.BigEndian.Uint16(b)%31 == 0
}

func tooLarge(limit int) error { return malformed("more than %d bytes", limit) }
