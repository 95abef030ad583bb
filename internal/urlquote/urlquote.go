// Package urlquote is quote and unquote of Python's urllib.parse, for the places where Django uses them. It is pure.
package urlquote

import "strings"

const upperHex = "0123456789ABCDEF"

// Percent writes a byte percent-encoded.
func Percent(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteByte(upperHex[c>>4])
	b.WriteByte(upperHex[c&15])
}

// Quote is urllib.parse.quote of Python 3.7 and later. Older ones encode the tilde too.
func Quote(text, safe string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if isAlphanumeric(c) || strings.IndexByte("_.-~", c) >= 0 || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		Percent(&b, c)
	}
	return b.String()
}

// Unquote is urllib.parse.unquote_to_bytes. What is no encoding stands for itself.
func Unquote(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if c, ok := HexByte(text[i+1:]); ok {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// HexByte reads the two hexadecimal digits that a text begins with.
func HexByte(text string) (byte, bool) {
	if len(text) < 2 {
		return 0, false
	}
	high, low := HexDigit(text[0]), HexDigit(text[1])
	return high<<4 | low&15, high < 16 && low < 16
}

// HexDigit is the value of a hexadecimal digit, and 0xff for anything else.
func HexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}
