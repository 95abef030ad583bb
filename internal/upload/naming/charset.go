package naming

import (
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// A charset decodes bytes as bytes.decode(..., errors="replace") does.
type charset func(encoded string) string

// charsets are the names, in the form of encodings.normalize_encoding, of the charsets that RFC 5987 and the RFC
// before it ask for. Python knows a hundred more.
var charsets = map[string]charset{
	"utf_8": pytext.DecodeUTF8, "utf8": pytext.DecodeUTF8, "utf": pytext.DecodeUTF8, "u8": pytext.DecodeUTF8,
	"ascii": decodeASCII, "us_ascii": decodeASCII, "us": decodeASCII, "646": decodeASCII, "iso646_us": decodeASCII,
	"ansi_x3_4_1968": decodeASCII, "ansi_x3.4_1968": decodeASCII, "cp367": decodeASCII,
	"csascii": decodeASCII, "ibm367": decodeASCII, "iso_ir_6": decodeASCII,
	"latin_1": pytext.DecodeLatin1, "latin1": pytext.DecodeLatin1, "latin": pytext.DecodeLatin1,
	"l1": pytext.DecodeLatin1, "8859": pytext.DecodeLatin1,
	"iso_8859_1": pytext.DecodeLatin1, "iso8859_1": pytext.DecodeLatin1, "iso8859": pytext.DecodeLatin1,
	"iso_8859_1_1987": pytext.DecodeLatin1,
	"iso_ir_100":      pytext.DecodeLatin1, "cp819": pytext.DecodeLatin1, "ibm819": pytext.DecodeLatin1,
	"csisolatin1": pytext.DecodeLatin1,
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
