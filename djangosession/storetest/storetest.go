// Package storetest is what every djangosession.Store must do, as a test: whatever the engine, live sessions are found,
// others are told apart, no key that a client may send disturbs the store, and a store that fails says so.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Harness { … })
//	}
package storetest

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// Harness is a store under test, and somebody else's ways to write where it reads. Put is required; a nil function is
// what cannot happen to the store's sessions, and is not tested.
type Harness struct {
	Store djangosession.Store
	// Put stores a session as Django would, replacing one of the same key, and returns the key that leads to it: that
	// of s, unless the engine makes keys of its own.
	Put func(t *testing.T, s SessionToStore) (key string)
	// Expire lets the time of the session under key be over, and returns the key to ask for then.
	Expire func(t *testing.T, key string) string
	// Delete deletes the session under key.
	Delete func(t *testing.T, key string)
	// Corrupt changes what is stored under key, and returns the key to ask for then.
	Corrupt func(t *testing.T, key string) string
	// Break lets the store fail, and Repair lets it work again.
	Break, Repair func(t *testing.T)

	// Corrupted is what a corrupted session is: djangosession.ErrNotFound, signing.ErrBadSignature, or any
	// *signing.SyntaxError, such as ErrUnreadable.
	Corrupted error
	// TellsExpired says that an expired session is told from none, as djangosession.ErrExpired.
	TellsExpired bool
	// FoldsCase says that the store finds a key in other spellings too: in upper case, with accents, blanks at its
	// end or control characters between.
	FoldsCase bool
	// NoIO says that the store needs none, and so may answer when the context has ended.
	NoIO bool
	// Secrets are what no error may have in it, such as a password, besides the session keys.
	Secrets []string
}

// ErrUnreadable stands for every *signing.SyntaxError in Harness.Corrupted.
var ErrUnreadable = &signing.SyntaxError{Problem: "any"}

// SessionToStore is a session to be stored.
type SessionToStore struct {
	Key string
	// Entries hold texts and integers only.
	Entries map[string]any
	// ExpireDate is later than now, in whole seconds.
	ExpireDate time.Time
}

// Run runs the suite. It calls open for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"live sessions", testLive},
		{"sessions that have ended", testEnded},
		{"hostile keys", testHostileKeys},
		{"other spellings of a key", testSpellings},
		{"a context that has ended", testContext},
		{"many at a time", testConcurrent},
		{"a broken store", testBroken},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const backend = "django.contrib.auth.backends.ModelBackend"

// newKey is get_random_string(32, VALID_KEY_CHARS): contrib/sessions/backends/base.py, 5.2, _get_new_session_key.
func newKey() string {
	const characters = "abcdefghijklmnopqrstuvwxyz0123456789"
	key := make([]byte, 32)
	for i := range key {
		key[i] = characters[rand.IntN(len(characters))] //nolint:gosec // a key for a test
	}
	return string(key)
}

// login makes the session of a user who is logged in, and returns its key.
func (h Harness) login(t *testing.T, user string) string {
	t.Helper()
	return h.Put(t, login(newKey(), user))
}

func login(key, user string) SessionToStore {
	return SessionToStore{
		Key: key,
		Entries: map[string]any{
			"_auth_user_id": user, "_auth_user_backend": backend, "_auth_user_hash": "hash of " + user, "number": 42,
		},
		ExpireDate: time.Now().Add(time.Hour).Truncate(time.Second), //nolint:forbidigo // the servers' clocks go on as well
	}
}

// Outcome is what a store's Load returned, in words: what went wrong, or the session's JSON.
func Outcome(session *djangosession.Session, err error) string {
	switch {
	case session != nil && err != nil:
		return "a session and an error"
	case errors.Is(err, djangosession.ErrExpired):
		return "expired"
	case errors.Is(err, djangosession.ErrNotFound):
		return "not found"
	case errors.Is(err, signing.ErrBadSignature):
		return "bad signature"
	case errors.As(err, new(*signing.SyntaxError)):
		return "unreadable"
	case err != nil:
		return "failure: " + err.Error()
	case session == nil:
		return "neither a session nor an error"
	}
	return session.JSON()
}

// outcome is Outcome with the user in place of the session's JSON.
func outcome(session *djangosession.Session, err error) string {
	if session == nil || err != nil {
		return Outcome(session, err)
	}
	if session.AuthUserID.Kind() == djangosession.Missing {
		return "anonymous"
	}
	user, _ := session.AuthUserID.Text()
	return "user " + user
}

// answer reports whether an outcome is one that is known.
func answer(outcome string) bool {
	switch outcome {
	case "expired", "not found", "bad signature", "unreadable":
		return true
	}
	return false
}

// expect loads a session and compares its outcome.
func (h Harness) expect(t *testing.T, what, key, want string) {
	t.Helper()
	if got := outcome(h.Store.Load(t.Context(), key)); got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
