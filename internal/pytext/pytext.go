// Package pytext has what Python does with texts, and Go does otherwise.
package pytext

import (
	"fmt"
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
	// Unicode gives decimal digits in runs of ten from zero up (chapter 4.6), and every range of the table is made of
	// whole runs.
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		lo, hi := rune(t.Lo), rune(t.Hi) //nolint:gosec // code points fit a rune
		if lo <= r && r <= hi {
			return int(r-lo) % 10, true
		}
	}
	return 0, false
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
