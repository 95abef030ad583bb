package hashers

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// The bounds of scrypt.
const (
	// maxScryptMemory is OpenSSL's, which Django leaves as it is (ScryptPasswordHasher.maxmem = 0).
	maxScryptMemory = 32 << 20
	// MaxScryptWork bounds the product of work factor, block size and parallelism, which is 655,360 in Django 5.1.
	MaxScryptWork = 1 << 24
)

// scryptHasher is ScryptPasswordHasher.
type scryptHasher struct{ costs scryptParams }

type scryptParams struct{ n, r, p int }

func newScrypt(_ string, c costs, _ saltRule, o Options) (hasher, error) {
	parallelism := 1
	if o.Version.AtLeast(5, 1) {
		parallelism = 5
	}
	h := scryptHasher{scryptParams{c["work_factor"], c["block_size"], c.parallelism(parallelism)}}
	if err := h.costs.check(); err != nil {
		return nil, fmt.Errorf("scrypt takes a power of two, at most 32 MiB, and at most %d for the product of its numbers: %w", MaxScryptWork, err)
	}
	return h, nil
}

// check is what hashlib.scrypt and OpenSSL's EVP_PBE_scrypt want, and our bound.
func (c scryptParams) check() error {
	switch {
	case c.n < 2 || c.n&(c.n-1) != 0 || c.r < 1 || c.p < 1:
		return ErrMalformed
	case c.r < 4 && c.n >= 1<<(16*c.r): // crypto/evp/pbe_scrypt.c of OpenSSL 3
		return ErrMalformed
	case c.n > maxScryptMemory || c.r > maxScryptMemory || c.p > maxScryptMemory, 128*c.r*(c.n+2)+128*c.r*c.p > maxScryptMemory:
		return ErrTooExpensive
	case c.n*c.r > MaxScryptWork/c.p:
		return ErrTooExpensive
	}
	return nil
}

func (h scryptHasher) encode(password, salt string) (string, error) {
	return h.costs.encode(password, salt)
}

func (c scryptParams) encode(password, salt string) (string, error) {
	key, err := scrypt.Key([]byte(password), []byte(salt), c.n, c.r, c.p, 64)
	if err != nil {
		return "", fmt.Errorf("hashers: scrypt: %w", err)
	}
	return fmt.Sprintf("scrypt$%d$%s$%d$%d$%s", c.n, salt, c.r, c.p, base64.StdEncoding.EncodeToString(key)), nil
}

// decode is ScryptPasswordHasher.decode.
func (h scryptHasher) decode(encoded string) (c scryptParams, salt string, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[2] == "" {
		return c, "", ErrMalformed
	}
	for i, into := range map[int]*int{1: &c.n, 3: &c.r, 4: &c.p} {
		n, ok := number(parts[i])
		if !ok {
			return c, "", ErrMalformed
		}
		*into = n
	}
	return c, parts[2], c.check()
}

func (h scryptHasher) verify(password, encoded string) (bool, error) {
	c, salt, err := h.decode(encoded)
	if err != nil {
		return false, err
	}
	again, err := c.encode(password, salt)
	return err == nil && equal(encoded, again), err
}

// mustUpdate looks at no salt, as Django does.
func (h scryptHasher) mustUpdate(encoded string) (bool, error) {
	c, _, err := h.decode(encoded)
	return c != h.costs, err
}

// harden does nothing, as in Django.
func (scryptHasher) harden(string, string) {}
