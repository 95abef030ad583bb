package djangosession

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
	"django-sidecar/signing"
)

// CodecConfig is what a Codec needs to know of the deployment.
type CodecConfig struct {
	// Version is the deployment's Django; required.
	Version Version
	// SecretKey is SECRET_KEY, a signing.SecretKey, or keys that were derived from it; required.
	SecretKey signing.Keys
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1, as Django does.
	SecretKeyFallbacks []signing.Keys
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// StoreClass is the __qualname__ of the session store's class, which is part of the salt; "" means "SessionStore".
	StoreClass string
	// Serializer is SESSION_SERIALIZER; the zero value is JSON.
	Serializer Serializer
	// MaxBytes bounds session data as stored and as inflated, in bytes; 0 means 1 MiB.
	MaxBytes int
}

// DefaultMaxBytes is how large session data may be unless told otherwise.
const DefaultMaxBytes = 1 << 20

// Codec turns session_data into Sessions and back: encode and decode of django/contrib/sessions/backends/base.py.
type Codec struct {
	version    Version
	serializer Serializer
	signer     *signing.TimestampSigner // nil to 3.0
	legacy     *signing.SaltedHMAC      // nil from 4.0
	signsAsOld bool
	maxBytes   int
	large      chan struct{} // one for each large session that is being decoded
}

// The bounds of what is decoded at a time: any number of sessions that inflate to ordinaryBytes at most, and maxLarge
// of those that inflate to more. A few bytes may inflate to as much as is allowed, and many may come at once.
const (
	ordinaryBytes = 64 << 10
	maxLarge      = 4
)

// NewCodec derives the keys that c describes.
func NewCodec(c CodecConfig) (*Codec, error) {
	if c.Version == (Version{}) || c.SecretKey == nil {
		return nil, errors.New("a session codec needs Django's version and SECRET_KEY")
	}
	class := cmp.Or(c.StoreClass, "SessionStore")
	codec := &Codec{
		version: c.Version, serializer: c.Serializer, maxBytes: c.MaxBytes,
		large: make(chan struct{}, maxLarge),
	}
	if codec.maxBytes <= 0 {
		codec.maxBytes = DefaultMaxBytes
	}
	var signerErr, legacyErr error
	if c.Version.readsSigned() {
		options := c.Version.SignerOptions(c.SecretKey, c.SecretKeyFallbacks, c.HashingAlgorithm)
		// contrib/sessions/backends/base.py, 5.2, key_salt: "django.contrib.sessions." + self.__class__.__qualname__
		options.Salt = "django.contrib.sessions." + class
		codec.signer, signerErr = signing.NewTimestampSigner(options)
	}
	if c.Version.readsLegacy() {
		// contrib/sessions/backends/base.py, 3.2, _hash: key_salt = "django.contrib.sessions" +
		// self.__class__.__name__. A __name__ is the last part of a __qualname__.
		name := class[strings.LastIndexByte(class, '.')+1:]
		codec.legacy, legacyErr = signing.SaltedHMACOf(c.SecretKey, signing.SHA1, "django.contrib.sessions"+name)
		// The same file, encode: if settings.DEFAULT_HASHING_ALGORITHM == 'sha1': return
		// self._legacy_encode(session_dict)
		codec.signsAsOld = codec.signer == nil || c.HashingAlgorithm == signing.SHA1
	}
	if err := errors.Join(signerErr, legacyErr); err != nil {
		return nil, fmt.Errorf("session signer: %w", err)
	}
	return codec, nil
}

// Decode verifies session data and reads the session in it. It fails with signing.ErrBadSignature when none of
// the accepted keys signed it, and with a *signing.SyntaxError when it is broken or too large.
//
// A session whose signature is right is whatever it says: an empty session is no error.
func (c *Codec) Decode(data string) (*Session, error) {
	if len(data) > c.maxBytes {
		return nil, &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes", c.maxBytes)}
	}
	if c.signer == nil {
		return c.decodeLegacy(data)
	}
	s, err := c.decodeSigned(data)
	// contrib/sessions/backends/base.py, 3.1 and 3.2, decode: whatever fails is tried as the legacy form.
	if err != nil && c.legacy != nil {
		legacy, legacyErr := c.decodeLegacy(data)
		// its signature was right
		if legacyErr == nil || errors.Is(legacyErr, errNotObject) || errors.Is(legacyErr, errNotDict) {
			return legacy, legacyErr
		}
	}
	return s, err
}

// A buffer is what session data is decoded into before its text is made of it, kept for the next time.
type buffer struct{ bytes []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func takeBuffer() *buffer {
	b, ok := buffers.Get().(*buffer)
	if !ok {
		panic("djangosession: internal error: the pool holds buffers only")
	}
	return b
}

// keep has b hold what grew out of it, unless that is large: one huge session must not stay in memory.
func (b *buffer) keep(grown []byte) {
	if cap(grown) <= 64<<10 {
		b.bytes = grown
	}
}

func (c *Codec) decodeSigned(data string) (*Session, error) {
	s, err := c.decodeWithin(data, min(c.maxBytes, ordinaryBytes))
	if err == nil || c.maxBytes <= ordinaryBytes || !errors.As(err, new(*signing.SyntaxError)) {
		return s, err
	}
	// It may be too large for this only.
	c.large <- struct{}{}
	defer func() { <-c.large }()
	return c.decodeWithin(data, c.maxBytes)
}

func (c *Codec) decodeWithin(data string, limit int) (*Session, error) {
	b := takeBuffer()
	defer buffers.Put(b)
	payload, by, err := c.signer.Loads(b.bytes[:0], data, limit)
	b.keep(payload)
	if err != nil {
		return nil, err
	}
	return c.session(string(payload), by)
}

// decodeLegacy is _legacy_decode of contrib/sessions/backends/base.py, 3.2 (decode to 3.0).
func (c *Codec) decodeLegacy(data string) (*Session, error) {
	if !c.version.dropsNonASCII() &&
		strings.ContainsFunc(data[plainLen(data):], func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil, &signing.SyntaxError{Problem: "not ASCII"} // session_data.encode('ascii') raises UnicodeEncodeError
	}
	b := takeBuffer()
	defer buffers.Put(b)
	decoded, err := signing.DecodeLegacyBase64(b.bytes[:0], data)
	b.keep(decoded)
	if err != nil {
		return nil, err
	}
	hash, payload, found := strings.Cut(string(decoded), ":")
	if !found {
		return nil, &signing.SyntaxError{Problem: "no colon after the hash"}
	}
	if !c.legacy.VerifyHex(payload, hash) {
		return nil, signing.ErrBadSignature
	}
	return c.session(payload, signing.SignedBy{Verified: true, Algorithm: signing.SHA1})
}

func (c *Codec) session(payload string, by signing.SignedBy) (*Session, error) {
	s, err := c.serializer.loads(payload, c.version)
	if err != nil {
		return nil, err
	}
	s.SignedBy = by
	return s, nil
}

// Encode writes a session of these values, as EncodeSession does. The values are what encoding/json takes, and errors
// are its errors; a text that is not UTF-8 is one too.
func (c *Codec) Encode(values map[string]any, now time.Time) (string, error) {
	if values == nil {
		values = map[string]any{}
	}
	payload, err := pytext.AppendJSON(nil, values)
	if err != nil {
		return "", fmt.Errorf("encoding a session: %w", err)
	}
	return c.encode(&Session{json: string(payload)}, now)
}

// EncodeSession writes a session that the deployment's Django reads, signed at the time now, to be stored in
// session_data. Decode reads the same entries again. It fails where sessions are pickled, and where Decode would find
// the session too large.
func (c *Codec) EncodeSession(s *Session, now time.Time) (string, error) {
	data, err := c.encode(s, now)
	if size := max(len(data), len(s.json)); err == nil && size > c.maxBytes {
		return "", fmt.Errorf("encoding a session: it has %d bytes, more than the %d that are read", size, c.maxBytes)
	}
	return data, err
}

func (c *Codec) encode(s *Session, now time.Time) (string, error) {
	if c.serializer != JSON || s.Pickled() {
		return "", errors.New("encoding a session: only JSON is written, no pickle")
	}
	if !c.signsAsOld {
		return c.signer.Dumps([]byte(s.JSON()), true, now), nil
	}
	// contrib/sessions/backends/base.py, 3.2, _legacy_encode: base64.b64encode(hash.encode() + b':' + serialized)
	payload := s.JSON()
	signed := hex.EncodeToString(c.legacy.Sum(payload)) + ":" + payload
	return base64.StdEncoding.EncodeToString([]byte(signed)), nil
}
