package naming

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/urlquote"
)

// unescape is html.unescape of CPython 3.13, which Django calls from 2.2. Names are the same list in Go, but for two;
// numbers are read otherwise.
func unescape(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	pieces := strings.Split(text, "&")
	var b strings.Builder
	b.WriteString(pieces[0])
	for _, piece := range pieces[1:] {
		if number, found := strings.CutPrefix(piece, "#"); found {
			b.WriteString(unescapeNumber(number))
		} else {
			b.WriteString(unescapeName(piece))
		}
	}
	return b.String()
}

func unescapeName(piece string) string {
	if rest, found := strings.CutPrefix(piece, "nGt;"); found {
		return "\u226b\u20d2" + rest
	}
	if rest, found := strings.CutPrefix(piece, "nLt;"); found {
		return "\u226a\u20d2" + rest
	}
	return html.UnescapeString("&" + piece)
}

// unescapeNumber reads what follows "&#", in a text without another ampersand.
func unescapeNumber(text string) string {
	digits, base := text, rune(10)
	if text != "" && text[0]|0x20 == 'x' {
		digits, base = text[1:], 16
	}
	number, n := rune(0), 0
	for ; n < len(digits) && rune(urlquote.HexDigit(digits[n])) < base; n++ {
		number = min(number*base+rune(urlquote.HexDigit(digits[n])), utf8.MaxRune+1)
	}
	if n == 0 {
		return "&#" + text
	}
	return charref(number) + strings.TrimPrefix(digits[n:], ";")
}

// charref is the character of a number: _replace_charref of html/__init__.py, CPython 3.13.
func charref(number rune) string {
	switch {
	case number == 0 || 0xd800 <= number && number <= 0xdfff || number > utf8.MaxRune:
		return "\ufffd"
	case number == '\r':
		return "\r"
	case 0x80 <= number && number <= 0x9f:
		return html.UnescapeString("&#" + strconv.Itoa(int(number)) + ";") // Windows-1252, in Go too
	case number < ' ' && !strings.ContainsRune("\t\n\f", number), number == 0x7f,
		0xfdd0 <= number && number <= 0xfdef, number&0xfffe == 0xfffe:
		return "" // no characters: _invalid_codepoints
	}
	return string(number)
}
