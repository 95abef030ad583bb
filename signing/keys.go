package signing

import (
	"crypto/sha1" //nolint:gosec // see saltedhmac.go
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

// Keys gives the keys of HMACs: those that one SECRET_KEY leads to. A [SecretKey] derives them, and [DerivedKeys] has
// some of them without the secret.
type Keys interface {
	// Key returns what salted_hmac takes for its key: the hash of keySalt and SECRET_KEY, which nobody changes.
	Key(algorithm Algorithm, keySalt string) ([]byte, error)
}

// KeyName tells the keys of one SECRET_KEY apart.
type KeyName struct {
	Algorithm Algorithm
	Salt      string // the key_salt, such as "django.contrib.sessions.SessionStoresigner"
}

// String returns, for example, "sha256:django.contrib.sessions.SessionStoresigner".
func (n KeyName) String() string { return n.Algorithm.String() + ":" + n.Salt }

// redacted is all that keys ever print.
const redacted = "[redacted]"

// SecretKey is SECRET_KEY itself. It prints as "[redacted]". The empty SecretKey gives no key: with it anybody could
// sign.
type SecretKey string

// SecretKeys returns a SecretKey for each text, such as those of SECRET_KEY_FALLBACKS.
func SecretKeys(texts ...string) []Keys {
	var secrets []Keys
	for _, text := range texts {
		secrets = append(secrets, SecretKey(text))
	}
	return secrets
}

// Key implements Keys:
//
//	django/utils/crypto.py, 5.2, salted_hmac: key = hasher(key_salt + secret).digest()
func (s SecretKey) Key(algorithm Algorithm, keySalt string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("the secret is empty")
	}
	return derive(algorithm, keySalt, string(s)), nil
}

func derive(algorithm Algorithm, keySalt, secret string) []byte {
	h := algorithm.newHash()
	h.Write([]byte(keySalt))
	h.Write([]byte(secret))
	return h.Sum(nil)
}

// Format writes "[redacted]" for every verb.
func (SecretKey) Format(f fmt.State, _ rune) { writeRedacted(f) }

// MarshalText is "[redacted]".
func (SecretKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// DerivedKeys are keys that have been derived from a SECRET_KEY, in its place. What can be made with them is what
// these keys sign. They print as "[redacted]".
type DerivedKeys map[KeyName][]byte

// Key implements Keys. A key that is not there is a *MissingKeyError. The key of an empty secret is an error too.
func (d DerivedKeys) Key(algorithm Algorithm, keySalt string) ([]byte, error) {
	name := KeyName{algorithm, keySalt}
	key, ok := d[name]
	switch {
	case !ok:
		return nil, &MissingKeyError{name}
	case len(key) != algorithm.Size():
		return nil, fmt.Errorf("the derived key %s has %d bytes in place of %d", name, len(key), algorithm.Size())
	case subtle.ConstantTimeCompare(key, derive(algorithm, keySalt, "")) == 1: // as SecretKey refuses ""
		return nil, fmt.Errorf("the derived key %s is that of an empty secret", name)
	}
	return key, nil
}

// Format writes "[redacted]" for every verb.
func (DerivedKeys) Format(f fmt.State, _ rune) { writeRedacted(f) }

// MarshalJSON is "[redacted]".
func (DerivedKeys) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

func writeRedacted(f fmt.State) {
	_, _ = io.WriteString(f, redacted) // a fmt.State reports no errors that a formatter could act on
}

// MissingKeyError says that a key is needed which the DerivedKeys do not have.
type MissingKeyError struct{ Name KeyName }

// Error implements error.
func (e *MissingKeyError) Error() string { return "there is no derived key " + e.Name.String() }

// Size returns how many bytes a hash has, and a derived key with it.
func (a Algorithm) Size() int {
	if a == SHA1 {
		return sha1.Size
	}
	return sha256.Size
}
