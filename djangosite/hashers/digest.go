package hashers

import (
	"crypto/md5"  //nolint:gosec // MD5PasswordHasher
	"crypto/sha1" //nolint:gosec // SHA1PasswordHasher
	"encoding/hex"
	"errors"
	"strings"
)

// digestHasher is MD5PasswordHasher, SHA1PasswordHasher and their unsalted kin: weak, and read where the list names
// them, so that they can be replaced.
type digestHasher struct {
	digest   func(string) string
	name     string // before a salt
	unsalted string // before an unsalted hash
	salted   bool
	salt     saltRule
}

func newDigest(algorithm string, _ costs, s saltRule, _ Options) (hasher, error) {
	md5Hex := func(text string) string {
		sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
		return hex.EncodeToString(sum[:])
	}
	sha1Hex := func(text string) string {
		sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
		return hex.EncodeToString(sum[:])
	}
	switch algorithm {
	case "md5":
		return digestHasher{digest: md5Hex, name: "md5", salted: true, salt: s}, nil
	case "sha1":
		return digestHasher{digest: sha1Hex, name: "sha1", salted: true, salt: s}, nil
	case "unsalted_md5":
		return digestHasher{digest: md5Hex}, nil
	}
	return digestHasher{digest: sha1Hex, unsalted: "sha1$$"}, nil
}

func (h digestHasher) encode(password, salt string) (string, error) {
	if !h.salted {
		if salt != "" {
			return "", errors.New("hashers: this hasher takes no salt")
		}
		return h.unsalted + h.digest(password), nil
	}
	return h.name + "$" + salt + "$" + h.digest(salt+password), nil
}

func (h digestHasher) decode(encoded string) (salt string, err error) {
	parts := strings.SplitN(encoded, "$", 3)
	if h.salted && (len(parts) != 3 || parts[1] == "") {
		return "", ErrMalformed
	}
	if !h.salted {
		return "", nil
	}
	return parts[1], nil
}

func (h digestHasher) verify(password, encoded string) (bool, error) {
	salt, err := h.decode(encoded)
	if err != nil {
		return false, err
	}
	if !h.salted && h.unsalted == "" && len(encoded) == 37 {
		encoded = strings.TrimPrefix(encoded, "md5$$")
	}
	again, err := h.encode(password, salt)
	return err == nil && equal(encoded, again), err
}

func (h digestHasher) mustUpdate(encoded string) (bool, error) {
	salt, err := h.decode(encoded)
	return h.salted && h.salt.mustUpdate(salt), err
}

// harden does nothing, as in Django.
func (digestHasher) harden(string, string) {}
