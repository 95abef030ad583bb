package signing

import (
	"strings"
	"time"
)

// maxSeconds is the last second of the year 9999, where Python's datetime ends.
const maxSeconds = 253402300799

// SignedAt returns the time that a text carries which a TimestampSigner has signed. It does not check the signature.
// ok is false where there is no such time, and where it is beyond the years of Python's datetime.
func (s *TimestampSigner) SignedAt(signed string) (at time.Time, ok bool) {
	// django/core/signing.py, 5.2: the signature is behind the last separator, the timestamp behind the one before it.
	i := strings.LastIndex(signed, s.signer.separator)
	if i < 0 {
		return time.Time{}, false
	}
	stamped := signed[:i]
	i = strings.LastIndex(stamped, s.signer.separator)
	if i < 0 {
		return time.Time{}, false
	}
	seconds, err := parseBase62(stamped[i+len(s.signer.separator):])
	if err != nil || seconds > maxSeconds || seconds < -maxSeconds {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
