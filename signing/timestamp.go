package signing

import (
	"math"
	"strings"
	"time"
)

// TimestampSigner is Django's signing.TimestampSigner: a Signer whose values carry the time of signing.
type TimestampSigner struct {
	signer *Signer
}

// NewTimestampSigner derives the keys that o describes.
func NewTimestampSigner(o Options) (*TimestampSigner, error) {
	s, err := NewSigner(o)
	if err != nil {
		return nil, err
	}
	return &TimestampSigner{s}, nil
}

// Sign returns value with the time and its signature.
func (s *TimestampSigner) Sign(value string, at time.Time) string {
	return s.signer.Sign(value + s.signer.separator + base62(at.Unix()))
}

// Unsign returns the value in a signed text, however old it is. Django reads the timestamp even when no
// max_age is asked for, so one that is missing or malformed is a SyntaxError.
func (s *TimestampSigner) Unsign(signed string) (string, SignedBy, error) {
	value, _, by, err := s.unsign(signed)
	return value, by, err
}

// UnsignWithin returns the value in a signed text that is not older than maxAge at the time now, and
// ErrSignatureExpired when it is.
func (s *TimestampSigner) UnsignWithin(signed string, maxAge time.Duration, now time.Time) (string, SignedBy, error) {
	value, seconds, by, err := s.unsign(signed)
	if err != nil {
		return "", by, err
	}
	// django/core/signing.py, 5.2: age = time.time() - timestamp; if age > max_age: raise SignatureExpired.
	// In floating point, as there: a timestamp may be any integer, and one beyond every float fails.
	if math.IsInf(seconds, 0) {
		return "", by, malformed("timestamp out of range")
	}
	clock := float64(now.Unix()) + float64(now.Nanosecond())/1e9
	if clock-seconds > maxAge.Seconds() {
		return "", by, ErrSignatureExpired
	}
	return value, by, nil
}

func (s *TimestampSigner) unsign(signed string) (value string, seconds float64, by SignedBy, err error) {
	result, by, err := s.signer.Unsign(signed)
	if err != nil {
		return "", 0, by, err
	}
	i := strings.LastIndex(result, s.signer.separator)
	if i < 0 {
		return "", 0, by, malformed("no timestamp")
	}
	seconds, err = parseBase62(result[i+len(s.signer.separator):])
	if err != nil {
		return "", 0, by, err
	}
	return result[:i], seconds, by, nil
}

const base62Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// base62Values has the value of each digit, and -1 for what is none.
var base62Values = func() (values [256]int8) {
	for c := range values {
		values[c] = int8(strings.IndexByte(base62Alphabet, byte(c)))
	}
	return values
}()

// base62 is b62_encode of django/core/signing.py, 5.2 (django/utils/baseconv.py to 3.2).
func base62(n int64) string {
	sign := ""
	u := uint64(n) //nolint:gosec // the negation below makes a magnitude of it
	if n < 0 {
		sign, u = "-", -u
	}
	var buf [11]byte // 62^11 > 2^64
	i := len(buf)
	for {
		i--
		buf[i] = base62Alphabet[u%62]
		if u /= 62; u == 0 {
			return sign + string(buf[i:])
		}
	}
}

// parseBase62 is b62_decode of django/core/signing.py, 5.2: no text is an error, a sign without digits is 0,
// and there is no upper bound: a number beyond every float is an infinity here.
func parseBase62(s string) (float64, error) {
	if s == "" {
		return 0, malformed("empty timestamp")
	}
	digits, negative := strings.CutPrefix(s, "-")
	n := 0.0
	for i := range len(digits) {
		d := base62Values[digits[i]]
		if d < 0 {
			return 0, malformed("timestamp is not in base 62")
		}
		n = n*62 + float64(d)
	}
	if negative {
		n = -n
	}
	return n, nil
}
