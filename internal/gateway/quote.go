package gateway

import "strings"

const upperHex = "0123456789ABCDEF"

// percent writes a byte percent-encoded.
func percent(b *strings.Builder, c byte) {
	b.WriteByte('%')
	b.WriteByte(upperHex[c>>4])
	b.WriteByte(upperHex[c&15])
}

// quote is urllib.parse.quote of Python 3.7 and later. Older ones encode the tilde too.
func quote(text, safe string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if isAlphanumeric(c) || strings.IndexByte("_.-~", c) >= 0 || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		percent(&b, c)
	}
	return b.String()
}

// iriToURI is iri_to_uri of django/utils/encoding.py, 6.1, which HttpResponseRedirect makes Location with.
func iriToURI(iri string) string { return quote(iri, "/#%[]=:;$&()+,!?*@'~") }

// unquote is urllib.parse.unquote, as bytes. What is no encoding stands for itself.
func unquote(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if c, ok := hexByte(text[i+1:]); ok {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// hexByte reads the two hexadecimal digits that a text begins with.
func hexByte(text string) (byte, bool) {
	if len(text) < 2 {
		return 0, false
	}
	high, low := hexDigit(text[0]), hexDigit(text[1])
	return high<<4 | low&15, high < 16 && low < 16
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

func isAlphanumeric(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
