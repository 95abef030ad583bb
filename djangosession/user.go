package djangosession

import (
	"cmp"
	"encoding/hex"

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

// StoredUser is a row of the user table: a User and what decides whether a session may name it.
type StoredUser struct {
	User
	// IsActive decides whether the user may log in; see Verifier.
	IsActive Flag
	// Password is the password column, Django's encoded hash. It never leaves the Verifier.
	Password string
	// HashInput is what an overridden get_session_auth_hash makes its HMAC of; nil: the password column. Like that, it
	// stays here.
	HashInput *string
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
	own bool // HashInput, not the password
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

// newAuthHashes derives the keys of get_session_auth_hash of contrib/auth/base_user.py.
func newAuthHashes(c VerifierConfig) authHashes {
	algorithm := signing.SHA256
	switch {
	case c.Version.hashingAlgorithmMatters():
		algorithm = c.HashingAlgorithm
	case c.Version.readsLegacy():
		algorithm = signing.SHA1
	}
	djangos := func(algorithm signing.Algorithm, secret string) authHashKey {
		return authHashKey{key: signing.NewSaltedHMAC(algorithm, djangosAuthSalt, secret)}
	}
	current := func(secret string) authHashes { return authHashes{djangos(algorithm, secret)} }
	fallback := current
	if own := c.OwnAuthHash; own != nil {
		current = func(secret string) authHashes { return own.hashes(c.Version, secret) }
		if own.WithSecret {
			fallback = current
		}
	}
	hashes := current(c.SecretKey)
	if c.Version.hashingAlgorithmMatters() { // _legacy_get_session_auth_hash of 3.1 and 3.2, whoever overrides the other
		hashes = append(hashes, djangos(signing.SHA1, c.SecretKey))
	}
	if c.Version.fallbackAuthHashes() {
		for _, secret := range c.SecretKeyFallbacks {
			hashes = append(hashes, fallback(secret)...)
		}
	}
	return hashes
}

// hashes are those of the model's own method.
func (o OwnAuthHash) hashes(v Version, secret string) (hashes authHashes) {
	algorithms := o.Algorithms
	if !v.AtLeast(3, 1) { // django/utils/crypto.py, 3.0: salted_hmac has no other
		algorithms = []signing.Algorithm{signing.SHA1}
	} else if len(algorithms) == 0 {
		algorithms = []signing.Algorithm{signing.SHA1, signing.SHA256}
	}
	for _, algorithm := range algorithms {
		hashes = append(hashes, authHashKey{key: signing.NewSaltedHMAC(algorithm, cmp.Or(o.Salt, djangosAuthSalt), secret), own: true})
	}
	return hashes
}

// AuthHash returns what user.get_session_auth_hash() returns for a user with this password column: the entry
// _auth_user_hash of a session in which the user logs in. With an OwnAuthHash it takes the HashInput.
func (v *Verifier) AuthHash(password string) string {
	return hex.EncodeToString(v.hashes[0].key.Sum(password))
}

// verify reports whether hash, the entry _auth_user_hash, belongs to the user's row (contrib/auth/__init__.py, 5.2,
// get_user). An entry that is no string, and no bytes, is never equal to a hash (force_bytes of utils/encoding.py).
func (hashes authHashes) verify(hash Value, user *StoredUser) bool {
	text, ok := hash.Text()
	if !ok && hash.pickled.Type() == pickle.Bytes {
		text, ok = hash.pickled.Text(), true
	}
	if !ok {
		return false
	}
	for _, h := range hashes {
		if h.key.VerifyHex(h.input(user), text) {
			return true
		}
	}
	return false
}
