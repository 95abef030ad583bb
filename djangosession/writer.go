package djangosession

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"django-sidecar/internal/pytext"
)

// ErrExists says that a session key is taken.
var ErrExists = errors.New("the session key is taken")

// Writer writes sessions where Django keeps them. Each method is one step to the store: it is done, or it is not. An
// error that none of the methods names says that the store failed, or that it holds no session like that; whether it
// was done is not known then.
type Writer interface {
	// Create stores a new session. It fails with ErrExists where the key is taken: take another one from NewSessionKey.
	Create(ctx context.Context, key string, s *Session, expire time.Time) error
	// Save stores a session in the place of the one that it was. It fails with ErrNotFound where that has been deleted
	// or is over meanwhile: Django's UpdateError. As with two Djangos, the last one to save wins.
	Save(ctx context.Context, key string, s *Session, expire time.Time) error
	// Delete deletes a session. It is no error if there is none.
	Delete(ctx context.Context, key string) error
	// Touch moves the expiry of a session that was loaded, and leaves its data alone. It fails with ErrNotFound where
	// the session has been deleted, is over or was given another expiry since: whoever saves a session gives it a new
	// one, and that one stays. Where a store does not tell when a session ends, its entry _session_expiry decides.
	Touch(ctx context.Context, key string, loaded *Session, to time.Time) error
}

// NewSession returns an empty session of a deployment with this Django, to set entries of and to store.
func NewSession(v Version) *Session { return &Session{version: v} }

// keyCharacters is VALID_KEY_CHARS of contrib/sessions/backends/base.py, 5.2.
const keyCharacters = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewSessionKey returns a session key that nobody can guess: get_random_string(32, VALID_KEY_CHARS) of
// contrib/sessions/backends/base.py, 5.2, _get_new_session_key.
func NewSessionKey() string {
	const length = 32
	key, err := pytext.RandomString(rand.Reader, keyCharacters, length)
	if err != nil {
		panic("djangosession: " + err.Error()) // it never fails, and anybody could guess what comes of a failure
	}
	return key
}
