// Package keyhash names sessions without their keys: whoever has a key is logged in, and a hash opens nothing.
package keyhash

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Hash is the first half of the SHA-256 of a session key. Caches find verdicts by it, PostgreSQL's notifications
// carry it, and logs have its beginning. The zero Hash is that of no key.
type Hash [16]byte

// Key is a session key with its hash, which is made once a request.
type Key struct {
	Text string // secret: it opens the session
	Hash Hash
}

// New returns a session key with its hash.
func New(sessionKey string) Key { return Key{Text: sessionKey, Hash: Of(sessionKey)} }

// String returns the name of the session, so that no format prints the key.
func (k Key) String() string { return k.Hash.Name() }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.String() }

// Of returns the hash of a session key, the zero Hash for no key.
func Of(sessionKey string) Hash {
	if sessionKey == "" {
		return Hash{}
	}
	sum := sha256.Sum256([]byte(sessionKey))
	return Hash(sum[:16])
}

// Parse reads the 32 hexadecimal digits of a Hash.
func Parse(text string) (Hash, error) {
	var h Hash
	if len(text) != hex.EncodedLen(len(h)) {
		return Hash{}, errors.New("the hash of a session key has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fmt.Errorf("reading the hash of a session key: %w", err)
	}
	return h, nil
}

// UnmarshalText is Parse.
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = Parse(string(text))
	return err
}

// Name is what logs call the session: the first 12 hexadecimal digits, and "" for the zero Hash.
func (h Hash) Name() string {
	if h == (Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:6])
}
