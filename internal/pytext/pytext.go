// Package pytext has what Python does with texts, and Go does otherwise.
package pytext

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// IsSpace is str.isspace for one character: Go's White_Space and the four separators U+001C to U+001F (bidirectional
// type B or S; Objects/unicodectype.c of CPython).
func IsSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// Strip is str.strip().
func Strip(text string) string { return strings.TrimFunc(text, IsSpace) }

// Digit is the value of a decimal digit of any script, as int() reads them.
func Digit(r rune) (value int, ok bool) {
	if r < utf8.RuneSelf {
		return int(r - '0'), '0' <= r && r <= '9'
	}
	next, zero := slices.BinarySearch(zeros, r)
	if zero {
		return 0, true
	}
	if next > 0 && r-zeros[next-1] < 10 {
		return int(r - zeros[next-1]), true
	}
	return 0, false
}

// zeros are the digits zero of all scripts in Python 3.13 above ASCII, in order, each followed by nine more (Unicode,
// chapter 4.6). Go's own table changes with its releases, and a newer Go must not take ids that Python refuses.
var zeros = []rune{
	0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
	0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
	0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066,
	0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950,
	0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec,
	0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
}

// DecodeUTF8 is bytes.decode(errors="replace"): one U+FFFD for each maximal subpart of an ill-formed sequence (Unicode
// 15, section 3.9, table 3-8), where Go has one for each byte.
func DecodeUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = maximalSubpart(s)
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// maximalSubpart returns the length of the longest start of s, at least 1, that starts a well-formed sequence
// without completing it.
func maximalSubpart(s string) int {
	for n := min(len(s), utf8.UTFMax-1); n > 1; n-- {
		// utf8.FullRuneInString is false exactly for the proper beginnings of well-formed sequences.
		if !utf8.FullRuneInString(s[:n]) {
			return n
		}
	}
	return 1
}

// DecodeLatin1 is bytes.decode("latin1"): each byte is a character.
func DecodeLatin1(s string) string {
	var b strings.Builder
	b.Grow(2 * len(s)) // once
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// AppendRune appends a character in UTF-8, a surrogate that stands alone too, as "surrogatepass" writes it.
func AppendRune(b []byte, r rune) []byte {
	if 0xd800 <= r && r <= 0xdfff {
		return append(b, 0xed, byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f)) //nolint:gosec // six bits each
	}
	return utf8.AppendRune(b, r)
}

// AppendASCII appends a JSON text with an escape for each character that is not printable ASCII, as json.dumps
// writes it.
func AppendASCII(b []byte, json string) []byte {
	for _, r := range json {
		if r < 0x7f { // Lib/json/encoder.py, 3.13: ESCAPE_ASCII
			b = append(b, byte(r)) //nolint:gosec // seven bits
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			b = fmt.Appendf(b, `\u%04x`, unit)
		}
	}
	return b
}
