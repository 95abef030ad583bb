package djangosession

import (
	"time"

	"django-sidecar/internal/pickle"
	"django-sidecar/signing"
)

// The names under which django/contrib/auth/__init__.py keeps a login in the session. Django calls the first one
// SESSION_KEY, which here would be confused with the session's own key.
const (
	keyAuthUserID  = "_auth_user_id"
	keyAuthBackend = "_auth_user_backend"
	keyAuthHash    = "_auth_user_hash"
)

// Session is a session that Django wrote. Its signature was checked, except where it comes from a cache, which has
// none. The zero Session is an empty one, in which nobody is logged in.
type Session struct {
	// AuthUserID, AuthBackend and AuthHash are the three entries that django.contrib.auth.login makes.
	AuthUserID, AuthBackend, AuthHash Value
	// ExpireDate is when the session ends, the zero Time where the store does not know.
	ExpireDate time.Time
	// SignedBy is the key that the session data was verified with. Sessions from a cache are not signed.
	SignedBy signing.SignedBy

	impersonation uint8 // bits of impersonationEntry

	json    string
	version Version       // whose Python reads json
	pickled pickle.Object // instead of json
}

// JSON returns the whole session as Django stored it. It is JSON as Python writes it: NaN and Infinity may occur,
// and names may repeat. What a pickled session has beyond JSON is an object with its class, such as
// {"__class__": "datetime.datetime", "value": "2026-11-22T12:00:00+00:00"}; an object of a class that is not known
// has no value.
func (s *Session) JSON() string {
	if s.pickled != (pickle.Object{}) {
		return string(s.pickled.AppendJSON(nil))
	}
	if s.json == "" {
		return "{}"
	}
	return s.json
}

// Pickled reports whether Django has stored the session as a pickle. DumpSession writes such a session again, and a
// Codec does not.
func (s *Session) Pickled() bool { return s.pickled != (pickle.Object{}) }

// Lookup returns the entry called name, the zero Value when there is none.
func (s *Session) Lookup(name string) Value {
	if s.pickled != (pickle.Object{}) {
		return pickledValue(s.pickled.Lookup(name))
	}
	var found Value
	pyObject(s.json, s.version, func(n string, v Value) {
		if n == name {
			found = v
		}
	})
	return found
}

// parseSession reads verified JSON. ok is false if it is not the JSON of an object: Django then has no session,
// or fails.
func parseSession(json string, version Version) (s *Session, ok bool) {
	s = &Session{json: json, version: version}
	ok = pyObject(json, version, func(name string, v Value) {
		switch name {
		case keyAuthUserID:
			s.AuthUserID = v
		case keyAuthBackend:
			s.AuthBackend = v
		case keyAuthHash:
			s.AuthHash = v
		default:
			s.impersonation |= impersonationEntry(name)
		}
	})
	return s, ok
}
