package signing

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Django to 3.2 signs with SHA-1; reading its values needs it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Algorithm names the hash under an HMAC, as Django's DEFAULT_HASHING_ALGORITHM does.
type Algorithm uint8

// The algorithms that Django's sessions have used. The zero value is the newer one.
const (
	SHA256 Algorithm = iota
	SHA1
)

// String returns the name that Python's hashlib has for a.
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return "sha256"
	case SHA1:
		return "sha1"
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

func (a Algorithm) newHash() hash.Hash {
	if a == SHA1 {
		return sha1.New() //nolint:gosec // see the import
	}
	return sha256.New()
}

// SaltedHMAC is Django's salted_hmac for one salt and one secret:
//
//	django/utils/crypto.py, 5.2: key = hasher(key_salt + secret).digest()
//
// The secret is not kept, only the HMAC's state after the derived key.
type SaltedHMAC struct {
	algorithm Algorithm
	states    sync.Pool // of *hmacState
}

// hmacState is a keyed HMAC with room for what a check writes, so that a check allocates nothing.
type hmacState struct {
	hash hash.Hash
	in   [1024]byte // has room for the usual session
	sum  [sha256.Size]byte
	text [2 * sha256.Size]byte
}

// NewSaltedHMAC derives the key from keySalt and secret.
func NewSaltedHMAC(algorithm Algorithm, keySalt, secret string) *SaltedHMAC {
	return newSaltedHMAC(algorithm, derive(algorithm, keySalt, secret))
}

// SaltedHMACOf is NewSaltedHMAC with the key that keys give for keySalt.
func SaltedHMACOf(keys Keys, algorithm Algorithm, keySalt string) (*SaltedHMAC, error) {
	if keys == nil {
		return nil, errors.New("there are no keys")
	}
	key, err := keys.Key(algorithm, keySalt)
	if err != nil {
		return nil, err
	}
	return newSaltedHMAC(algorithm, key), nil
}

func newSaltedHMAC(algorithm Algorithm, key []byte) *SaltedHMAC {
	keyed, ok := hmac.New(algorithm.newHash, key).(hash.Cloner)
	if !ok {
		panic("signing: internal error: an HMAC of the standard library is a hash.Cloner")
	}
	s := &SaltedHMAC{algorithm: algorithm}
	s.states.New = func() any {
		clone, err := keyed.Clone()
		if err != nil { // for foreign hashes only
			panic("signing: internal error: " + err.Error())
		}
		return &hmacState{hash: clone}
	}
	return s
}

// Algorithm returns the hash that s uses.
func (s *SaltedHMAC) Algorithm() Algorithm { return s.algorithm }

// Sum returns the HMAC of value.
func (s *SaltedHMAC) Sum(value string) []byte {
	st := s.compute(value)
	defer s.states.Put(st)
	return append([]byte(nil), st.mac(s.algorithm)...)
}

// VerifyHex reports whether digest is the lower-case hexadecimal HMAC of value, in constant time.
func (s *SaltedHMAC) VerifyHex(value, digest string) bool {
	st := s.compute(value)
	defer s.states.Put(st)
	mac := st.mac(s.algorithm)
	return st.equal(hex.Encode(st.text[:], mac), digest)
}

// verifyBase64 reports whether digest is the unpadded URL-safe base64 of the HMAC of value. The texts are
// compared, not the bytes in them, because one HMAC has several base64 spellings and Django accepts only its own:
// django/core/signing.py, 5.2: constant_time_compare(sig, self.signature(value, key)).
func (s *SaltedHMAC) verifyBase64(value, digest string) bool {
	st := s.compute(value)
	defer s.states.Put(st)
	mac := st.mac(s.algorithm)
	base64.RawURLEncoding.Encode(st.text[:], mac)
	return st.equal(base64.RawURLEncoding.EncodedLen(len(mac)), digest)
}

// compute feeds value to a state from the pool, which the caller puts back.
func (s *SaltedHMAC) compute(value string) *hmacState {
	st, ok := s.states.Get().(*hmacState)
	if !ok {
		panic("signing: internal error: the pool holds hmacStates only")
	}
	st.hash.Reset()
	for len(value) > 0 { // in pieces: hash.Hash takes no string, and converting the whole would allocate
		n := copy(st.in[:], value)
		st.hash.Write(st.in[:n])
		value = value[n:]
	}
	return st
}

func (st *hmacState) mac(a Algorithm) []byte {
	if a == SHA1 {
		return st.hash.Sum(st.sum[:0])[:sha1.Size]
	}
	return st.hash.Sum(st.sum[:0])[:sha256.Size]
}

// equal compares the first n bytes of st.text with digest in constant time. A digest's length is no secret.
func (st *hmacState) equal(n int, digest string) bool {
	if len(digest) != n {
		return false
	}
	copy(st.in[:], digest)
	return hmac.Equal(st.text[:n], st.in[:n])
}
