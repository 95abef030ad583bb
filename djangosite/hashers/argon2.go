package hashers

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The bounds of Argon2. Django 3.2 and newer take 100 MiB and two passes.
const (
	// MaxMemory bounds the memory of one hash, in bytes.
	MaxMemory = 256 << 20
	// MaxArgon2Work bounds memory times passes, in KiB.
	MaxArgon2Work = 2 << 20
	// MaxParallelism bounds the threads of one hash.
	MaxParallelism = 64

	minArgon2Salt = 8 // ARGON2_MIN_SALT_LENGTH of argon2.h
	minArgon2Hash = 4 // ARGON2_MIN_OUTLEN
	maxArgon2Hash = 128
)

// argon2Hasher is Argon2PasswordHasher.
type argon2Hasher struct {
	costs argon2Params
	salt  saltRule
	newer bool // Django 3.2: makes Argon2id, and reads every kind
}

// argon2Params are what a hash says of itself. variety is "argon2id" or "argon2i".
type argon2Params struct {
	variety                     string
	memory, passes, parallelism int
	hashBytes                   int
}

func newArgon2(_ string, c costs, s saltRule, o Options) (hasher, error) {
	h := argon2Hasher{salt: s, newer: o.Version.AtLeast(3, 2)}
	h.costs = argon2Params{"argon2id", c["memory_cost"], c["time_cost"], c.parallelism(8), cmp.Or(o.Argon2HashBytes, 32)}
	if !h.newer {
		h.costs.variety, h.costs.parallelism = "argon2i", c.parallelism(2)
	}
	if err := h.costs.check(); err != nil {
		return nil, fmt.Errorf("Argon2 takes at most %d KiB, %d KiB times passes, %d threads, and at least 8 KiB a thread: %w",
			MaxMemory>>10, MaxArgon2Work, MaxParallelism, err)
	}
	return h, nil
}

func (p argon2Params) check() error {
	switch {
	case p.passes < 1, p.parallelism < 1, p.memory < 8*p.parallelism, p.hashBytes < minArgon2Hash, p.hashBytes > maxArgon2Hash:
		return ErrMalformed // validate_inputs of argon2's core.c
	case p.memory > MaxMemory>>10, p.passes > MaxArgon2Work/p.memory, p.parallelism > MaxParallelism:
		return ErrTooExpensive
	}
	return nil
}

func (h argon2Hasher) encode(password, salt string) (string, error) {
	if len(salt) < minArgon2Salt {
		return "", fmt.Errorf("hashers: a salt of Argon2 has at least %d bytes", minArgon2Salt)
	}
	return h.costs.encode(password, salt), nil
}

// encode hashes with parameters that check has let pass.
func (p argon2Params) encode(password, salt string) string {
	key := argon2.IDKey
	if p.variety == "argon2i" {
		key = argon2.Key
	}
	hash := key([]byte(password), []byte(salt), uint32(p.passes), uint32(p.memory), uint8(p.parallelism), uint32(p.hashBytes)) //nolint:gosec // bounded by check
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("argon2$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", p.variety, argon2.Version, p.memory, p.passes, p.parallelism,
		b64.EncodeToString([]byte(salt)), b64.EncodeToString(hash))
}

// decode is decode_string of argon2's encoding.c, in which both argon2-cffi's verify and its parameters end.
func (h argon2Hasher) decode(encoded string) (p argon2Params, salt string, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) < 2 {
		return p, "", ErrMalformed
	}
	switch p.variety = parts[1]; {
	case p.variety == "argon2d":
		return p, "", fmt.Errorf("%w: Argon2d", ErrUnsupported)
	case len(parts) == 5 && strings.HasPrefix(parts[2], "m="), len(parts) == 6 && parts[2] == "v=16":
		return p, "", fmt.Errorf("%w: a version of Argon2 before 1.3", ErrUnsupported)
	case len(parts) != 6, parts[2] != fmt.Sprintf("v=%d", argon2.Version), p.variety != "argon2i" && p.variety != "argon2id":
		return p, "", ErrMalformed
	}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return p, "", ErrMalformed
	}
	for i, into := range []*int{&p.memory, &p.passes, &p.parallelism} {
		digits, ok := strings.CutPrefix(numbers[i], [...]string{"m=", "t=", "p="}[i])
		n, isNumber := number(digits)
		if !ok || !isNumber {
			return p, "", ErrMalformed
		}
		*into = n
	}
	b64 := base64.RawStdEncoding.Strict() // from_base64 refuses bits that are left over
	saltBytes, err := b64.DecodeString(parts[4])
	if err != nil || len(saltBytes) < minArgon2Salt || strings.ContainsAny(encoded, "\r\n") {
		return p, "", ErrMalformed
	}
	hash, err := b64.DecodeString(parts[5])
	if err != nil {
		return p, "", ErrMalformed
	}
	p.hashBytes = len(hash)
	return p, string(saltBytes), p.check()
}

func (h argon2Hasher) verify(password, encoded string) (bool, error) {
	p, salt, err := h.decode(encoded)
	if err != nil {
		return false, err
	}
	if !h.newer && p.variety != "argon2i" {
		return false, nil // django/contrib/auth/hashers.py, 3.1: verify_secret(…, type=argon2.low_level.Type.I)
	}
	return equal(encoded, p.encode(password, salt)), nil
}

func (h argon2Hasher) mustUpdate(encoded string) (bool, error) {
	p, salt, err := h.decode(encoded)
	if !h.newer { // 3.1 compares version, passes, memory and parallelism
		p.variety, p.hashBytes = h.costs.variety, h.costs.hashBytes
	}
	// The salt's bytes are characters: b64decode(b64salt).decode("latin1").
	return p != h.costs || h.salt.matters && float64(len(salt))*perCharacter < float64(h.salt.entropy), err
}

// harden does nothing, as in Django: "The runtime for Argon2 is too complicated to implement a sensible hardening
// algorithm."
func (argon2Hasher) harden(string, string) {}
