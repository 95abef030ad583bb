package signing

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Options says which keys a Signer signs with and accepts. Secret and Salt are required. The zero value of every
// other field is the strictest and newest choice.
type Options struct {
	// Secret is SECRET_KEY, or keys that were derived from it. It must not be empty: an empty key would let anybody
	// sign.
	Secret Keys
	// FallbackSecrets is SECRET_KEY_FALLBACKS: accepted in this order, never signed with (Django 4.1 and newer).
	FallbackSecrets []Keys
	// Salt separates the uses of one secret. Django's Signer without a salt uses its own dotted name,
	// "django.core.signing.Signer" or "django.core.signing.TimestampSigner"; here it must be given, but for Dumps and
	// Loads.
	Salt string
	// Separator stands between the parts; "" means ":".
	Separator string
	// Algorithm signs and is accepted.
	Algorithm Algorithm
	// AlsoAccept lists algorithms that are accepted besides, with Secret alone (Django 3.1 and 3.2: SHA1).
	AlsoAccept []Algorithm
	// MaxBytes bounds the JSON of an object, inflated, that SignObject and UnsignObject take; 0 means 1 MiB.
	MaxBytes int
}

// SignedBy names the key that a signature was checked with.
type SignedBy struct {
	Verified  bool // false: nothing was checked, and the rest says nothing
	Fallback  int  // 0: SECRET_KEY; n: the n-th of SECRET_KEY_FALLBACKS
	Algorithm Algorithm
}

// String returns, for example, "SECRET_KEY (sha256)" or "SECRET_KEY_FALLBACKS[0] (sha256)".
func (b SignedBy) String() string {
	if b.Fallback == 0 {
		return fmt.Sprintf("SECRET_KEY (%s)", b.Algorithm)
	}
	return fmt.Sprintf("SECRET_KEY_FALLBACKS[%d] (%s)", b.Fallback-1, b.Algorithm)
}

// Signer is Django's signing.Signer.
type Signer struct {
	separator string
	keys      []signingKey // the first one signs
	maxBytes  int
}

// defaultMaxBytes is how large the JSON of an object may be unless told otherwise.
const defaultMaxBytes = 1 << 20

type signingKey struct {
	mac *SaltedHMAC
	by  SignedBy
}

// SignerSalt is the key_salt of a Signer with this salt.
//
//	django/core/signing.py, 5.2: base64_hmac(self.salt + "signer", value, key, algorithm=self.algorithm)
func SignerSalt(salt string) string { return salt + "signer" }

// NewSigner derives the keys that o describes.
func NewSigner(o Options) (*Signer, error) {
	s := &Signer{separator: cmp.Or(o.Separator, ":"), maxBytes: o.MaxBytes}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultMaxBytes
	}
	if unsafeSeparator(s.separator) {
		return nil, fmt.Errorf("unsafe separator %q: it must have a character other than A-z, 0-9, - _ and =",
			s.separator)
	}
	if o.Secret == nil || o.Salt == "" {
		return nil, errors.New("a signer needs a secret and a salt")
	}
	var errs []error // of all keys, so that one attempt is enough to find what is missing
	add := func(keys Keys, by SignedBy) {
		mac, err := SaltedHMACOf(keys, by.Algorithm, SignerSalt(o.Salt))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", by, err))
		}
		s.keys = append(s.keys, signingKey{mac, by})
	}
	add(o.Secret, SignedBy{Verified: true, Algorithm: o.Algorithm})
	for i, fallback := range o.FallbackSecrets {
		add(fallback, SignedBy{Verified: true, Fallback: i + 1, Algorithm: o.Algorithm})
	}
	for _, a := range o.AlsoAccept {
		add(o.Secret, SignedBy{Verified: true, Algorithm: a})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// unsafeSeparator is _SEP_UNSAFE of django/core/signing.py, 5.2: ^[A-z0-9-_=]*$. Its range A-z takes in
// the six characters between Z and a, and "$" lets one final newline pass.
func unsafeSeparator(sep string) bool {
	for _, r := range strings.TrimSuffix(sep, "\n") {
		if (r < 'A' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '=' {
			return false
		}
	}
	return true
}

// Sign returns value with its signature.
func (s *Signer) Sign(value string) string {
	return value + s.separator + base64.RawURLEncoding.EncodeToString(s.keys[0].mac.Sum(value))
}

// Unsign returns the value in a signed text and the key that signed it, or ErrBadSignature.
func (s *Signer) Unsign(signed string) (string, SignedBy, error) {
	// django/core/signing.py, 5.2: value, sig = signed_value.rsplit(self.sep, 1)
	i := strings.LastIndex(signed, s.separator)
	if i < 0 {
		return "", SignedBy{}, ErrBadSignature
	}
	value, signature := signed[:i], signed[i+len(s.separator):]
	for _, k := range s.keys {
		if k.mac.verifyBase64(value, signature) {
			return value, k.by, nil
		}
	}
	return "", SignedBy{}, ErrBadSignature
}
