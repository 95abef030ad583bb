package djangosession

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotFound says that a store has no session under a key.
var ErrNotFound = errors.New("session not found")

// ErrExpired says that a store has the session, and its time is over. It is an ErrNotFound, because to Django it is
// one.
var ErrExpired = fmt.Errorf("session expired: %w", ErrNotFound)

// IsAnswer reports whether the error of a Store or a UserStore is an answer, that there is no such session or user,
// and not a failure to find out.
func IsAnswer(err error) bool {
	reason, failure := loadReason(err)
	return reason != "" && failure == nil || errors.Is(err, ErrBadUserID) || errors.Is(err, ErrUserNotFound)
}

// Store finds sessions where Django keeps them.
type Store interface {
	// Load returns the session stored under key: decoded, because Django's engines disagree on the encoding.
	// The key is what a client sent, at least 8 characters of valid UTF-8 without NUL, and otherwise anything.
	//
	// An error that is ErrNotFound says that there is no live session. One that is signing.ErrBadSignature or a
	// *signing.SyntaxError says that what is stored is not what Django wrote, or is too large. Any other error says
	// that the store failed, and nothing about the session.
	Load(ctx context.Context, key string) (*Session, error)
}

// UserStore finds users in the user model's table.
type UserStore interface {
	// UserByID returns the user whose primary key is id, the session's entry _auth_user_id as it was stored:
	// the implementer knows the key's type and passes id through KeyType.ToPython.
	//
	// An error that is ErrBadUserID or ErrUserNotFound says that there is none; a *signing.SyntaxError, that the user
	// is too large to be read. Any other error says that the store failed. Whether the user may log in is not the
	// store's to judge.
	UserByID(ctx context.Context, id Value) (*StoredUser, error)
}

// StoredSession is a session as a store keeps it, for a look at whether it can be read.
type StoredSession struct {
	Key  string
	Data string // empty where it is too large for a look at many
}
