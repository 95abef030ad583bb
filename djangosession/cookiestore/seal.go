package cookiestore

import (
	"fmt"

	"django-sidecar/djangosession"
)

// Seal makes the value of a session's cookie, signed now: _get_session_key of
// contrib/sessions/backends/signed_cookies.py, 1.11 to 6.1. Load reads the same entries again, until MaxAge is over. It
// fails where sessions are pickled, and where Load would find the session too large. Browsers keep no cookie of more
// than about 4,096 bytes, and Django does not look.
func (s *Store) Seal(session *djangosession.Session) (key string, err error) {
	if s.serializer != djangosession.JSON || session.Pickled() {
		return "", fmt.Errorf("signing a session: %w", djangosession.ErrPickled)
	}
	payload := session.JSON()
	key = s.signer.Dumps([]byte(payload), true, s.now())
	if size := max(len(key), len(payload)); size > s.maxBytes {
		return "", fmt.Errorf("signing a session: it has %d bytes, more than the %d that are read", size, s.maxBytes)
	}
	return key, nil
}
