package cookiestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// Config is what a Store needs to know of the deployment.
type Config struct {
	// Version is the deployment's Django; required.
	Version djangosession.Version
	// SecretKey is SECRET_KEY, a signing.SecretKey, or keys that were derived from it; required.
	SecretKey signing.Keys
	// SecretKeyFallbacks is SECRET_KEY_FALLBACKS; ignored where Version is older than 4.1, as Django does.
	SecretKeyFallbacks []signing.Keys
	// HashingAlgorithm is DEFAULT_HASHING_ALGORITHM; ignored where Version is not 3.1 or 3.2.
	HashingAlgorithm signing.Algorithm
	// MaxAge is SESSION_COOKIE_AGE: how old a signature may be. At 0, as in Django, each is too old at once.
	MaxAge time.Duration
	// Serializer is SESSION_SERIALIZER; the zero Serializer is JSON.
	Serializer djangosession.Serializer
	// MaxBytes bounds a session as sent and as inflated, in bytes; 0 means djangosession.DefaultMaxBytes.
	MaxBytes int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// salt is that of contrib/sessions/backends/signed_cookies.py, 1.11 to 6.1, whatever the store's class is called.
const salt = "django.contrib.sessions.backends.signed_cookies"

// Store is a djangosession.Store whose keys are the sessions: contrib/sessions/backends/signed_cookies.py.
type Store struct {
	version    djangosession.Version
	signer     *signing.TimestampSigner
	maxAge     time.Duration
	serializer djangosession.Serializer
	maxBytes   int
	now        func() time.Time
}

// New derives the keys that c describes.
func New(c Config) (*Store, error) {
	if c.Version == (djangosession.Version{}) || c.SecretKey == nil {
		return nil, errors.New("a cookie store needs Django's version and SECRET_KEY")
	}
	options := c.Version.SignerOptions(c.SecretKey, c.SecretKeyFallbacks, c.HashingAlgorithm)
	options.Salt = salt
	signer, err := signing.NewTimestampSigner(options)
	if err != nil {
		return nil, fmt.Errorf("session signer: %w", err)
	}
	s := &Store{
		version: c.Version, signer: signer, maxAge: c.MaxAge, serializer: c.Serializer, maxBytes: c.MaxBytes,
		now: c.Now,
	}
	if s.maxBytes <= 0 {
		s.maxBytes = djangosession.DefaultMaxBytes
	}
	if s.now == nil {
		s.now = time.Now //nolint:forbidigo // the default of a parameter
	}
	return s, nil
}

// Load implements djangosession.Store. It never fails: each error is an answer.
func (s *Store) Load(_ context.Context, key string) (*djangosession.Session, error) {
	if len(key) > s.maxBytes {
		return nil, &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes", s.maxBytes)}
	}
	// contrib/sessions/backends/signed_cookies.py, 5.2, load: signing.loads(self.session_key, max_age=…, salt=…), and
	// whatever that raises is an empty session. An entry _session_expiry counts for nothing: "This doesn't handle
	// non-default expiry dates".
	payload, by, err := s.signer.LoadsWithin(nil, key, s.maxBytes, s.maxAge, s.now())
	if errors.Is(err, signing.ErrSignatureExpired) {
		return nil, djangosession.ErrExpired
	}
	if err != nil {
		return nil, err
	}
	session, err := djangosession.ParseSession(payload, s.serializer, s.version, s.maxBytes)
	if err != nil {
		return nil, err
	}
	session.SignedBy = by
	if at, ok := s.signer.SignedAt(key); ok {
		session.ExpireDate = at.Add(s.maxAge)
	}
	return session, nil
}

// Probe always returns nil: there is nothing that could be away.
func (s *Store) Probe(context.Context) error { return nil }
