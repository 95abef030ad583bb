package djangosession

import (
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
}

// authHashes are the keys that a session auth hash may be made with, in the order in which Django tries them.
type authHashes []*signing.SaltedHMAC

// newAuthHashes derives the keys of get_session_auth_hash of contrib/auth/base_user.py.
func newAuthHashes(c VerifierConfig) authHashes {
	const salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	algorithm := signing.SHA256
	switch {
	case c.Version.hashingAlgorithmMatters():
		algorithm = c.HashingAlgorithm
	case c.Version.readsLegacy():
		algorithm = signing.SHA1
	}
	keys := authHashes{signing.NewSaltedHMAC(algorithm, salt, c.SecretKey)}
	if c.Version.hashingAlgorithmMatters() { // _legacy_get_session_auth_hash of 3.1 and 3.2
		keys = append(keys, signing.NewSaltedHMAC(signing.SHA1, salt, c.SecretKey))
	}
	if c.Version.fallbackAuthHashes() {
		for _, secret := range c.SecretKeyFallbacks {
			keys = append(keys, signing.NewSaltedHMAC(algorithm, salt, secret))
		}
	}
	return keys
}

// AuthHash returns what user.get_session_auth_hash() returns for a user with this password column: the entry
// _auth_user_hash of a session in which the user logs in.
func (v *Verifier) AuthHash(password string) string {
	return hex.EncodeToString(v.hashes[0].Sum(password))
}

// verify reports whether hash, the entry _auth_user_hash, belongs to the password column (contrib/auth/__init__.py,
// 5.2, get_user). An entry that is no string, and no bytes, is never equal to a hash (force_bytes of utils/encoding.py).
func (keys authHashes) verify(hash Value, password string) bool {
	text, ok := hash.Text()
	if !ok && hash.pickled.Kind() == pickle.Bytes {
		text, ok = hash.pickled.Text(), true
	}
	if !ok {
		return false
	}
	for _, k := range keys {
		if k.VerifyHex(password, text) {
			return true
		}
	}
	return false
}
