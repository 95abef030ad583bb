package naming

import (
	"strings"
	"unicode/utf8"
)

// A charset decodes bytes as bytes.decode(..., errors="replace") does.
type charset func(encoded string) string

// charsets are the names, in the form of encodings.normalize_encoding, of the charsets that RFC 5987 and the RFC
// before it ask for. Python knows a hundred more.
var charsets = map[string]charset{
	"utf_8": decodeUTF8, "utf8": decodeUTF8, "utf": decodeUTF8, "u8": decodeUTF8,
	"ascii": decodeASCII, "us_ascii": decodeASCII, "us": decodeASCII, "646": decodeASCII, "iso646_us": decodeASCII,
	"ansi_x3_4_1968": decodeASCII, "ansi_x3.4_1968": decodeASCII, "cp367": decodeASCII,
	"csascii": decodeASCII, "ibm367": decodeASCII, "iso_ir_6": decodeASCII,
	"latin_1": decodeLatin1, "latin1": decodeLatin1, "latin": decodeLatin1, "l1": decodeLatin1, "8859": decodeLatin1,
	"iso_8859_1": decodeLatin1, "iso8859_1": decodeLatin1, "iso8859": decodeLatin1, "iso_8859_1_1987": decodeLatin1,
	"iso_ir_100": decodeLatin1, "cp819": decodeLatin1, "ibm819": decodeLatin1, "csisolatin1": decodeLatin1,
}

// charsetOf is codecs.lookup; nil for a charset that is not known here.
func charsetOf(name string) charset {
	if strings.ContainsRune(name, 0) {
		return nil
	}
	return charsets[normalizeEncoding(name)]
}

// normalizeEncoding is that of encodings/__init__.py, CPython 3.13: what is no letter, digit or dot separates, and
// what is one outside ASCII is passed over. Other Pythons differ in the latter.
func normalizeEncoding(name string) string {
	var b strings.Builder
	separated := false
	for _, r := range lower(name) {
		if r != '.' && (r == '_' || !isWord(r)) {
			separated = true
			continue
		}
		if separated && b.Len() > 0 {
			b.WriteByte('_')
		}
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		}
		separated = false
	}
	return b.String()
}

// decodeUTF8 replaces what is not UTF-8 as Python does: one U+FFFD for each maximal part of a character, where Go has
// one for each byte.
func decodeUTF8(encoded string) string {
	if utf8.ValidString(encoded) {
		return encoded
	}
	var b strings.Builder
	for i := 0; i < len(encoded); {
		r, size := utf8.DecodeRuneInString(encoded[i:])
		if r == utf8.RuneError && size == 1 {
			size = maximalPart(encoded[i:])
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

// maximalPart is how many bytes of an invalid text begin some character, and 1 where none does.
func maximalPart(text string) int {
	n := 1
	for n < len(text) && n < utf8.UTFMax && isPrefix(text[:n+1]) {
		n++
	}
	return n
}

// isPrefix tells whether a character could begin so: with continuation bytes added, DecodeRune would find it whole.
func isPrefix(text string) bool {
	for _, tail := range []string{"\x80", "\x80\x80"} {
		if r, size := utf8.DecodeRuneInString(text + tail); r != utf8.RuneError && size > len(text) {
			return true
		}
	}
	return false
}

func decodeASCII(encoded string) string {
	var b strings.Builder
	for i := range len(encoded) {
		if encoded[i] < utf8.RuneSelf {
			b.WriteByte(encoded[i])
		} else {
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}

func decodeLatin1(encoded string) string {
	var b strings.Builder
	for i := range len(encoded) {
		b.WriteRune(rune(encoded[i]))
	}
	return b.String()
}
