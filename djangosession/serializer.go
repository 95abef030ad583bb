package djangosession

import (
	"fmt"

	"django-sidecar/internal/pickle"
	"django-sidecar/signing"
)

// Serializer is how the entries of a session are written as bytes. The zero Serializer is JSON, which is also the
// one that cannot hold code.
type Serializer uint8

// The serializers of django.contrib.sessions.serializers; caches pickle whatever SESSION_SERIALIZER says.
const (
	JSON Serializer = iota
	// Pickle is PickleSerializer, which went in Django 5.0 and lives on in deployments. No pickle is ever run here:
	// see internal/pickle.
	Pickle
)

// ParseSession reads a session that no signature covers, such as one from a cache. More than maxBytes (0 means
// DefaultMaxBytes) are a *signing.SyntaxError, and so is what is no session.
func ParseSession(data []byte, s Serializer, v Version, maxBytes int) (*Session, error) {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	if len(data) > maxBytes {
		return nil, &signing.SyntaxError{Problem: fmt.Sprintf("more than %d bytes", maxBytes)}
	}
	return s.loads(string(data), v)
}

// The faults of session data that no signature speaks against. Django has no session then, or fails.
var (
	errNotObject = &signing.SyntaxError{Problem: "not the JSON of an object"}
	errNotDict   = &signing.SyntaxError{Problem: "not the pickle of a dict"}
)

// loads is serializer().loads(data), and fails with one of the two errors above where that is no dict.
func (s Serializer) loads(data string, v Version) (*Session, error) {
	if s == Pickle {
		// What pickle.loads raises is caught by decode of contrib/sessions/backends/base.py, 1.11 to 6.1, as all
		// exceptions are: the session is empty.
		loaded, err := pickle.Loads(data)
		if err != nil {
			return nil, errNotDict
		}
		session, err := pickledSession(loaded)
		if err == nil {
			session.version = v
		}
		return session, err
	}
	session, ok := parseSession(data, v)
	if !ok {
		return nil, errNotObject
	}
	return session, nil
}
