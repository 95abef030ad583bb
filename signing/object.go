package signing

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// DumpsSalt is the salt of signing.dumps and signing.loads where none is given: django/core/signing.py, 1.11 to 6.1.
const DumpsSalt = "django.core.signing"

// AnyAge is the maxAge that accepts a text of any age: Django's max_age=None. A maxAge of 0 is max_age=0, which
// accepts nothing that was signed before now.
const AnyAge time.Duration = math.MaxInt64

// Dumps is Django's signing.dumps(object, salt=o.Salt, compress=compress) at the time now. Where o has no Salt, it is
// DumpsSalt. The object is what encoding/json takes: see [Signer.SignObject].
func Dumps(o Options, object any, compress bool, now time.Time) (string, error) {
	s, err := newDumper(o)
	if err != nil {
		return "", err
	}
	return s.SignObject(object, compress, now)
}

// Loads is Django's signing.loads(text, salt=o.Salt, max_age=maxAge) at the time now, for a maxAge of AnyAge that of
// max_age=None. It stores what was dumped in object, a pointer: see [Signer.UnsignObject] for the errors.
func Loads(o Options, text string, object any, maxAge time.Duration, now time.Time) (SignedBy, error) {
	s, err := newDumper(o)
	if err != nil {
		return SignedBy{}, err
	}
	return s.UnsignObject(text, object, maxAge, now)
}

func newDumper(o Options) (*TimestampSigner, error) {
	o.Salt = cmp.Or(o.Salt, DumpsSalt)
	return NewTimestampSigner(o)
}

// SignObject is Django's sign_object(object, compress=compress) with its JSONSerializer. The object is what
// encoding/json takes. What it writes is what Python's json.dumps does, with two differences: the members of maps are
// sorted, and numbers are those of Go, so that a float64 of 1 is the integer 1. A text that is not UTF-8 is an error.
func (s *Signer) SignObject(object any, compress bool) (string, error) {
	data, err := s.serialized(object)
	if err != nil {
		return "", err
	}
	return s.Sign(pack(data, compress)), nil
}

// UnsignObject is Django's unsign_object(signed) with its JSONSerializer: it checks the signature, and stores the
// object in what object points to, as json.Unmarshal does; numbers become json.Number where object has no type for
// them.
//
// The error is ErrBadSignature, or a *SyntaxError: for what is not JSON, for NaN and infinities and surrogates that
// stand alone, which Python reads and Go has not, for what does not fit the type of object, and for more than
// Options.MaxBytes.
func (s *Signer) UnsignObject(signed string, object any) (SignedBy, error) {
	value, by, err := s.Unsign(signed)
	if err != nil {
		return by, err
	}
	return by, s.deserialize(value, object)
}

// SignObject is [Signer.SignObject] with the time.
func (s *TimestampSigner) SignObject(object any, compress bool, at time.Time) (string, error) {
	data, err := s.signer.serialized(object)
	if err != nil {
		return "", err
	}
	return s.Sign(pack(data, compress), at), nil
}

// UnsignObject is [Signer.UnsignObject] for a text that is not older than maxAge at the time now. An older one is
// ErrSignatureExpired. AnyAge accepts any.
func (s *TimestampSigner) UnsignObject(
	signed string, object any, maxAge time.Duration, now time.Time,
) (SignedBy, error) {
	value, by, err := s.Unsign(signed)
	if err == nil && maxAge != AnyAge {
		value, by, err = s.UnsignWithin(signed, maxAge, now)
	}
	if err != nil {
		return by, err
	}
	return by, s.signer.deserialize(value, object)
}

// serialized is JSONSerializer.dumps of django/core/signing.py, 5.2: separators=(",", ":"). Its Latin-1 is ASCII,
// because json.dumps escapes the rest.
func (s *Signer) serialized(object any) ([]byte, error) {
	data, err := pytext.AppendJSON(nil, object)
	if err != nil {
		return nil, fmt.Errorf("signing an object: %w", err)
	}
	if len(data) > s.maxBytes {
		return nil, fmt.Errorf("signing an object: %d bytes, more than the %d that are read", len(data), s.maxBytes)
	}
	return data, nil
}

// deserialize is the second half of unsign_object, with JSONSerializer.loads: json.loads(data.decode("latin-1")).
func (s *Signer) deserialize(value string, object any) error {
	data, err := unpack(nil, value, s.maxBytes)
	if err != nil {
		return err
	}
	for _, c := range data {
		if c >= utf8.RuneSelf { // each byte is a character
			data = []byte(pytext.DecodeLatin1(string(data)))
			break
		}
	}
	if hasLoneSurrogate(string(data)) {
		return malformed("JSON with half of a surrogate pair")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // an integer of any size stays what it is
	var invalid *json.InvalidUnmarshalError
	switch err := d.Decode(object); {
	case errors.As(err, &invalid):
		return err // the caller's mistake
	case errors.As(err, new(*json.UnmarshalTypeError)):
		return malformed("JSON that does not fit a %T", object) // the error of encoding/json has some of the value
	case err != nil:
		return malformed("no JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("no JSON")
	}
	return nil
}

// hasLoneSurrogate reports whether an escape of a JSON text is half of a pair. Encoding/json would put U+FFFD there.
func hasLoneSurrogate(text string) bool {
	const high, low, end = 0xd800, 0xdc00, 0xe000
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return false
		}
		unit := escapedUnit(text[i:])
		if unit < high || unit >= end {
			text = text[i+2:]
			continue
		}
		text = text[i+len(`\ud800`):]
		if next := escapedUnit(text); unit >= low || next < low || next >= end {
			return true
		}
		text = text[len(`\ud800`):]
	}
}

// escapedUnit is the number in the \uXXXX at the start of text, 0 where there is none.
func escapedUnit(text string) uint64 {
	if len(text) < len(`\ud800`) || text[:2] != `\u` {
		return 0
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return 0
	}
	return unit
}
