package hashers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// MaxBcryptRounds bounds bcrypt: each one more doubles the time. Django has 12.
const MaxBcryptRounds = 16

// bcryptHasher is BCryptSHA256PasswordHasher and BCryptPasswordHasher.
type bcryptHasher struct {
	algorithm string
	rounds    int
	major     int // of the Python package
}

func newBcrypt(algorithm string, c costs, _ saltRule, o Options) (hasher, error) {
	if c["rounds"] < bcrypt.MinCost || c["rounds"] > MaxBcryptRounds {
		return nil, fmt.Errorf("rounds are %d to %d", bcrypt.MinCost, MaxBcryptRounds)
	}
	return bcryptHasher{algorithm, c["rounds"], o.BcryptMajor}, nil
}

// key is what bcrypt is given for a password.
func (h bcryptHasher) key(password string) ([]byte, error) {
	if h.algorithm == "bcrypt_sha256" {
		sum := sha256.Sum256([]byte(password))
		return []byte(hex.EncodeToString(sum[:])), nil
	}
	const maxBytes = 72
	if strings.Contains(password, "\x00") && h.major < 4 {
		return nil, fmt.Errorf("%w: it has a NUL, which the Python package bcrypt takes from 4.0 on", ErrPassword)
	}
	if len(password) > maxBytes {
		if h.major < 1 || h.major > 4 {
			return nil, fmt.Errorf("%w: bcrypt takes 72 bytes; the Python package cut what is longer before 5.0", ErrPassword)
		}
		password = password[:maxBytes]
	}
	return []byte(password), nil
}

// encode makes a hash with a salt of its own, since the salt of bcrypt is a hash without its end.
func (h bcryptHasher) encode(password, salt string) (string, error) {
	if salt != "" {
		return "", errors.New("hashers: bcrypt makes its own salt")
	}
	key, err := h.key(password)
	if err != nil {
		return "", err
	}
	hash, err := bcrypt.GenerateFromPassword(key, h.rounds)
	if err != nil {
		return "", fmt.Errorf("hashers: bcrypt: %w", err)
	}
	// bcrypt.gensalt of the Python package writes 2b, which is the same as Go's 2a.
	return h.algorithm + "$$2b" + strings.TrimPrefix(string(hash), "$2a"), nil
}

// bcryptText is what Python's bcrypt writes. A salt has 128 bits, so that its last character has but four spellings.
var bcryptText = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}$`)

func (h bcryptHasher) decode(encoded string) (data string, rounds int, err error) {
	data = strings.TrimPrefix(encoded, h.algorithm+"$")
	match := bcryptText.FindStringSubmatch(data)
	if match == nil {
		return "", 0, ErrMalformed
	}
	rounds, err = strconv.Atoi(match[1])
	switch {
	case err != nil, rounds < bcrypt.MinCost, rounds > bcrypt.MaxCost:
		return "", 0, ErrMalformed
	case rounds > MaxBcryptRounds:
		return "", 0, ErrTooExpensive
	}
	return data, rounds, nil
}

func (h bcryptHasher) verify(password, encoded string) (bool, error) {
	data, _, err := h.decode(encoded)
	if err != nil {
		return false, err
	}
	key, err := h.key(password)
	if err != nil {
		return false, err
	}
	switch err := bcrypt.CompareHashAndPassword([]byte(data), key); {
	case err == nil:
		return true, nil
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return false, nil
	}
	return false, ErrMalformed
}

func (h bcryptHasher) mustUpdate(encoded string) (bool, error) {
	_, rounds, err := h.decode(encoded)
	return rounds != h.rounds, err
}

func (h bcryptHasher) harden(password, encoded string) {
	_, rounds, err := h.decode(encoded)
	if err != nil || rounds >= h.rounds {
		return
	}
	for range 1<<(h.rounds-rounds) - 1 {
		_, _ = h.verify(password, encoded) // only the time counts
	}
}
