package djangosession

import (
	"strings"
	"unicode"

	"django-sidecar/internal/pytext"
)

// pyIntText brings a text that Python's int(text, base) accepts into plain form: an optional "-", and ASCII
// digits of the base without underscores. ok is false where int would raise a ValueError,
// which it does for more than maxDigits digits in base 10.
//
// Objects/longobject.c, CPython 3.13, PyLong_FromUnicodeObject: white space around, one sign, single underscores
// between digits, and decimal digits of any script; in base 16 a prefix "0x", and an underscore after it.
func pyIntText(s string, base, maxDigits int) (plain string, ok bool) {
	s = intStrip(s)
	if s != "" && strings.Trim(s, "0123456789") == "" && len(s) <= maxDigits { // as almost every id is
		return s, true
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = "-"
		}
		s = s[1:]
	}
	if base == 16 && len(s) >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = strings.TrimPrefix(s[2:], "_")
	}
	var digits strings.Builder
	underscore := true // one at the start is as wrong as two in a row
	for _, r := range s {
		if r == '_' {
			if underscore {
				return "", false
			}
			underscore = true
			continue
		}
		underscore = false
		switch d, decimal := pytext.Digit(r); {
		case decimal:
			digits.WriteByte(byte('0' + d)) //nolint:gosec // a digit
		case base == 16 && ('a' <= r && r <= 'f' || 'A' <= r && r <= 'F'):
			digits.WriteRune(r)
		default:
			return "", false
		}
	}
	if underscore || base == 10 && digits.Len() > maxDigits {
		return "", false
	}
	return sign + digits.String(), true
}

// intStrip strips the white space that int() allows. _PyUnicode_TransformDecimalAndSpaceToASCII makes blanks of
// the white space above U+007F only, and then what C's isspace says counts: U+001C to U+001F do not.
func intStrip(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) })
}
