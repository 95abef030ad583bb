package naming

import (
	"strings"
	"unicode/utf8"
)

// unquote is urllib.parse.unquote: percent-encoding is undone in each run of ASCII by itself. ok is false where that
// charset would be needed and is not known.
func unquote(text, charsetName string) (unquoted string, ok bool) {
	if !strings.Contains(text, "%") {
		return text, true
	}
	decode := charsetOf(charsetName)
	if decode == nil {
		return "", false
	}
	return unquoteWith(text, decode), true
}

func unquoteWith(text string, decode charset) string {
	var b strings.Builder
	for text != "" {
		ascii := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
		if ascii < 0 {
			ascii = len(text)
		}
		b.WriteString(decode(unquoteToBytes(text[:ascii])))
		text = text[ascii:]
		other := strings.IndexFunc(text, func(r rune) bool { return r < utf8.RuneSelf })
		if other < 0 {
			other = len(text)
		}
		b.WriteString(text[:other])
		text = text[other:]
	}
	return b.String()
}

// unquoteToBytes is urllib.parse.unquote_to_bytes: what is no encoding stands for itself.
func unquoteToBytes(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if high, low := hexDigit(text[i+1]), hexDigit(text[i+2]); high < 16 && low < 16 {
				b.WriteByte(high<<4 | low)
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// hexDigit is the value of a hexadecimal digit, and 0xff for anything else.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
