package signing

import (
	"strings"
	"time"
)

// The first second of the year 1 and the last one of the year 9999: Python's datetime has no others.
const (
	minSeconds = -62135596800
	maxSeconds = 253402300799
)

// SignedAt returns the time of signing that a signed text carries. It does not check the signature. ok is false if
// the text carries no time, or one before the year 1 or after the year 9999.
func (s *TimestampSigner) SignedAt(signed string) (at time.Time, ok bool) {
	// django/core/signing.py, 5.2: the signature follows the last separator, and the timestamp the one before it.
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
	if err != nil || seconds > maxSeconds || seconds < minSeconds {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
