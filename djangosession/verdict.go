package djangosession

import (
	"time"

	"django-sidecar/signing"
)

// Verdict is the answer to who is logged in. The zero Verdict is nobody.
type Verdict struct {
	// User is who is logged in, nil for nobody.
	User *User
	// Expires is when the session of User ends, or the login in it, the zero Time where the store does not know.
	Expires time.Time
	// Session is the session that was judged, nil when none was found, it could not be read, or the verdict is one
	// that was kept without it. Its being there says nothing about a user.
	Session *Session
	// HashedBy is the key of the session auth hash that Verifier.Resolve has found right. It is the zero SignedBy where
	// no user was looked at, and where the verdict is one that was kept.
	HashedBy signing.SignedBy
	// Reason says why there is no user, and is empty when there is one.
	Reason Reason
}

// Reason is why a request has no user.
type Reason string

// The closed list of reasons, in the order in which they are found.
const (
	NoCookie         Reason = "no_cookie"          // there is no session cookie, or it is empty
	BadSessionKey    Reason = "bad_session_key"    // the cookie cannot be a session key: it is too short, or no database takes it as a text
	NotFound         Reason = "not_found"          // the store has no such session
	Expired          Reason = "expired"            // expire_date is not after now, or a package in MIDDLEWARE has ended the login by its own clock
	BadSignature     Reason = "bad_signature"      // the session data was not signed with an accepted key
	Unreadable       Reason = "unreadable"         // the session data is broken or too large, though no signature speaks against it; or the user's row is too large
	Anonymous        Reason = "anonymous"          // nobody has logged in, or somebody acts as another user in this session
	UnknownBackend   Reason = "unknown_backend"    // the backend of the login is not in AUTHENTICATION_BACKENDS, or has no users
	BadUserID        Reason = "bad_user_id"        // the user's id cannot be a primary key
	UserNotFound     Reason = "user_not_found"     // no user has this id
	UserInactive     Reason = "user_inactive"      // is_active is false, or NULL where that counts as false
	AuthHashMismatch Reason = "auth_hash_mismatch" // the password or the secret key has changed since the login
)
