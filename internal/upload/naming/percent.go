package naming

import (
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/urlquote"
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
		b.WriteString(decode(urlquote.Unquote(text[:ascii])))
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
