// Package sessionid names sessions without telling their keys, which would open them.
package sessionid

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID is the first half of the SHA-256 of a session key: what caches find verdicts by, what notifications of PostgreSQL carry,
// and what logs have the beginning of. The zero ID is that of no session.
type ID [16]byte

// Of returns the ID of the session that a session key opens, the zero ID for no key.
func Of(sessionKey string) ID {
	if sessionKey == "" {
		return ID{}
	}
	var part [64]byte // a conversion to []byte allocates for what is longer than a key of a table: a session in a cookie
	n := copy(part[:], sessionKey)
	if n == len(sessionKey) {
		sum := sha256.Sum256(part[:n])
		return ID(sum[:16])
	}
	return ofLong(sessionKey)
}

func ofLong(sessionKey string) ID {
	h := sha256.New()
	var part [512]byte
	for len(sessionKey) > 0 {
		n := copy(part[:], sessionKey)
		h.Write(part[:n])
		sessionKey = sessionKey[n:]
	}
	var sum [sha256.Size]byte
	return ID(h.Sum(sum[:0])[:16])
}

// Parse reads the 32 hexadecimal digits of an ID.
func Parse(text string) (ID, error) {
	var id ID
	if len(text) != hex.EncodedLen(len(id)) {
		return ID{}, errors.New("a session's ID has 32 hexadecimal digits")
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return ID{}, fmt.Errorf("reading a session's ID: %w", err)
	}
	return id, nil
}

// Name is what logs call the session: the first 12 hexadecimal digits, and "" for the zero ID.
func (id ID) Name() string {
	if id == (ID{}) {
		return ""
	}
	return hex.EncodeToString(id[:6])
}
