package hashers

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2SHA1PasswordHasher
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// MaxIterations bounds PBKDF2: some seconds of a processor. Django 6.1 has 1,500,000.
const MaxIterations = 10_000_000

// pbkdf2Hasher is PBKDF2PasswordHasher and PBKDF2SHA1PasswordHasher.
type pbkdf2Hasher struct {
	algorithm  string
	iterations int
	salt       saltRule
}

func newPBKDF2(algorithm string, c costs, s saltRule, _ Options) (hasher, error) {
	if c["iterations"] > MaxIterations {
		return nil, fmt.Errorf("iterations are at most %d", MaxIterations)
	}
	return pbkdf2Hasher{algorithm, c["iterations"], s}, nil
}

func (h pbkdf2Hasher) encode(password, salt string) (string, error) {
	return h.encodeWith(password, salt, h.iterations)
}

func (h pbkdf2Hasher) encodeWith(password, salt string, iterations int) (string, error) {
	digest, size := sha256.New, sha256.Size
	if h.algorithm == "pbkdf2_sha1" {
		digest, size = func() hash.Hash { return sha1.New() }, sha1.Size //nolint:gosec // see the import
	}
	key, err := pbkdf2.Key(digest, password, []byte(salt), iterations, size)
	if err != nil {
		return "", fmt.Errorf("hashers: PBKDF2: %w", err)
	}
	return h.algorithm + "$" + strconv.Itoa(iterations) + "$" + salt + "$" + base64.StdEncoding.EncodeToString(key), nil
}

// decode is PBKDF2PasswordHasher.decode.
func (h pbkdf2Hasher) decode(encoded string) (salt string, iterations int, err error) {
	parts := strings.SplitN(encoded, "$", 4)
	if len(parts) != 4 || parts[2] == "" {
		return "", 0, ErrMalformed
	}
	iterations, ok := number(parts[1])
	if !ok || iterations == 0 {
		return "", 0, ErrMalformed
	}
	if iterations > MaxIterations {
		return "", 0, ErrTooExpensive
	}
	return parts[2], iterations, nil
}

func (h pbkdf2Hasher) verify(password, encoded string) (bool, error) {
	salt, iterations, err := h.decode(encoded)
	if err != nil {
		return false, err
	}
	again, err := h.encodeWith(password, salt, iterations)
	return err == nil && equal(encoded, again), err
}

func (h pbkdf2Hasher) mustUpdate(encoded string) (bool, error) {
	salt, iterations, err := h.decode(encoded)
	return iterations != h.iterations || h.salt.mustUpdate(salt), err
}

func (h pbkdf2Hasher) harden(password, encoded string) {
	salt, iterations, err := h.decode(encoded)
	if err == nil && iterations < h.iterations {
		_, _ = h.encodeWith(password, salt, h.iterations-iterations) // only the time counts
	}
}

// equal is constant_time_compare.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
