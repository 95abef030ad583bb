package djangosession

import (
	"cmp"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"django-sidecar/internal/pickle"
	"django-sidecar/signing"
)

// Flag is a boolean column of the user table. The zero Flag is false, which denies.
type Flag uint8

// The states of a Flag.
const (
	False Flag = iota
	True
	NullFlag   // the column is NULL
	AbsentFlag // the model has no such column
)

// User is who is logged in. It holds nothing secret.
type User struct {
	// ID is the primary key as Django's str(pk) writes it.
	ID string
	// Username and Email are nil where the table has no such column, or it is NULL.
	Username, Email *string
	// IsStaff and IsSuperuser are the flags of Django's admin.
	IsStaff, IsSuperuser Flag
}

// Name is the user's name, "" where Username is nil.
func (u User) Name() string {
	if u.Username == nil {
		return ""
	}
	return *u.Username
}

// Bool reports whether the flag is true. NULL, and a column that is not there, are not.
func (f Flag) Bool() bool { return f == True }

// StoredUser is a row of the user table: a User and what decides whether a session may name it.
type StoredUser struct {
	User
	// IsActive decides whether the user may log in; see Verifier.
	IsActive Flag
	// Password is the password column, Django's encoded hash. No Verdict has it.
	Password string
	// HashInput is what an overridden get_session_auth_hash makes its HMAC of; nil: the password column. No Verdict has
	// it either.
	HashInput *string
	// AuthHashes are in the place of both where a store does not read them: the session auth hash under each of
	// Verifier.AuthHashKeys, in their order, in hexadecimal digits; nil: the Verifier makes them itself. One that is
	// not as long as a hash is right for no session.
	AuthHashes []string
}

// OwnAuthHash says how a user model overrides get_session_auth_hash: salted_hmac(key_salt, text).hexdigest(), where
// the text is StoredUser.HashInput.
type OwnAuthHash struct {
	// Salt is the key_salt; "" means that of Django's own method.
	Salt string
	// Algorithms are accepted. None means both SHA-1, which salted_hmac takes unless it is told otherwise, and from
	// Django 3.1 on SHA-256.
	Algorithms []signing.Algorithm
	// WithSecret says that _get_session_auth_hash(secret=None) is what is overridden. Fallback keys make the same hash
	// then. Otherwise get_session_auth_fallback_hash stays Django's, whose hash has the password alone.
	WithSecret bool
}

// authHashKey is a key that a session auth hash may be made with, and what it is made of.
type authHashKey struct {
	key *signing.SaltedHMAC
	by  signing.SignedBy
	own bool // HashInput, not the password
	raw []byte
}

// AuthHashKey is a key that a session auth hash may be made with. Its Key prints as itself: keep it out of texts.
type AuthHashKey struct {
	Algorithm signing.Algorithm
	Key       []byte
	Own       bool // the hash is of StoredUser.HashInput, where the model has an OwnAuthHash
}

// AuthHashKeys are the keys for StoredUser.AuthHashes, for a store that has hashes made where the passwords are.
func (v *Verifier) AuthHashKeys() (keys []AuthHashKey) {
	for _, h := range v.hashes {
		keys = append(keys, AuthHashKey{h.key.Algorithm(), h.raw, h.own})
	}
	return keys
}

func (h authHashKey) input(u *StoredUser) string {
	if h.own && u.HashInput != nil {
		return *u.HashInput
	}
	return u.Password
}

// authHashes are the hashes that are accepted, in the order in which Django tries them.
type authHashes []authHashKey

// djangosAuthSalt is key_salt in get_session_auth_hash of contrib/auth/base_user.py, 1.11 to 6.1.
const djangosAuthSalt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"

// newAuthHashes derives the keys of get_session_auth_hash of contrib/auth/base_user.py. The error has all that are
// missing.
func newAuthHashes(c VerifierConfig) (hashes authHashes, err error) {
	var errs []error
	add := func(keys signing.Keys, fallback int, salt string, own bool, algorithms ...signing.Algorithm) {
		for _, algorithm := range algorithms {
			by := signing.SignedBy{Verified: true, Fallback: fallback, Algorithm: algorithm}
			key, err := signing.SaltedHMACOf(keys, algorithm, salt)
			if err != nil {
				errs = append(errs, fmt.Errorf("session auth hash, %s: %w", by, err))
				continue
			}
			raw, err := keys.Key(algorithm, salt)
			errs = append(errs, err)
			hashes = append(hashes, authHashKey{key, by, own, raw})
		}
	}
	algorithm := signing.SHA256
	switch {
	case c.Version.hashingAlgorithmMatters():
		algorithm = c.HashingAlgorithm
	case c.Version.readsLegacy():
		algorithm = signing.SHA1
	}
	djangos := func(keys signing.Keys, fallback int) { add(keys, fallback, djangosAuthSalt, false, algorithm) }
	own := func(keys signing.Keys, fallback int) {
		add(keys, fallback, cmp.Or(c.OwnAuthHash.Salt, djangosAuthSalt), true, c.OwnAuthHash.algorithms(c.Version)...)
	}
	current, ofFallback := djangos, djangos
	if c.OwnAuthHash != nil {
		current = own
		if c.OwnAuthHash.WithSecret {
			ofFallback = own
		}
	}
	current(c.SecretKey, 0)
	if c.Version.hashingAlgorithmMatters() {
		// _legacy_get_session_auth_hash of 3.1 and 3.2, whoever overrides the other
		add(c.SecretKey, 0, djangosAuthSalt, false, signing.SHA1)
	}
	if c.Version.fallbackAuthHashes() {
		for i, keys := range c.SecretKeyFallbacks {
			ofFallback(keys, i+1)
		}
	}
	return hashes, errors.Join(errs...)
}

// algorithms are those that the model's own method may use.
func (o OwnAuthHash) algorithms(v Version) []signing.Algorithm {
	switch {
	case !v.AtLeast(3, 1): // django/utils/crypto.py, 3.0: salted_hmac has no other
		return []signing.Algorithm{signing.SHA1}
	case len(o.Algorithms) == 0:
		return []signing.Algorithm{signing.SHA1, signing.SHA256}
	}
	return o.Algorithms
}

// AuthHash returns what user.get_session_auth_hash() returns for a user with this password column: the entry
// _auth_user_hash of a session in which the user logs in. With an OwnAuthHash it takes the HashInput. It is "" where
// the Verifier has no SecretKey, which no session is right with.
func (v *Verifier) AuthHash(password string) string {
	if len(v.hashes) == 0 {
		return ""
	}
	return hex.EncodeToString(v.hashes[0].key.Sum(password))
}

// verify reports whether hash, the entry _auth_user_hash, belongs to the user's row (contrib/auth/__init__.py, 5.2,
// get_user), and with which key it was made. An entry that is no string, and no bytes, is never equal to a hash
// (force_bytes of utils/encoding.py).
func (hashes authHashes) verify(hash Value, user *StoredUser) (by signing.SignedBy, ok bool) {
	text, ok := hash.Text()
	if !ok && hash.pickled.Type() == pickle.Bytes {
		text, ok = hash.pickled.Text(), true
	}
	if !ok {
		return by, false
	}
	for i, h := range hashes {
		if h.is(text, user, i) {
			return h.by, true
		}
	}
	return by, false
}

// is reports whether text is the hash with this key, the i-th, of the user's row.
func (h authHashKey) is(text string, user *StoredUser, i int) bool {
	if user.AuthHashes == nil {
		return h.key.VerifyHex(h.input(user), text)
	}
	return i < len(user.AuthHashes) && len(user.AuthHashes[i]) == hex.EncodedLen(h.key.Algorithm().Size()) &&
		subtle.ConstantTimeCompare([]byte(user.AuthHashes[i]), []byte(text)) == 1
}
