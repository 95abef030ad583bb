package gateway

import (
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/urlquote"
)

// Ambiguous says whether programs may read a URI in different ways, so that what one of them judges is not what the
// next one serves. Nothing is allowed or refused by the path, so all that hangs on it is that such a URI is no page to
// return to.
//
// In the path, these are: a slash, backslash, semicolon, question mark, number sign or control character that is
// percent-encoded, and a dot, letter, digit, "-" or "_", since some programs compare paths before they decode them; a
// percent sign that makes another encoding when it is decoded, a malformed encoding, and one that is not UTF-8; an
// empty segment ("//"), "." and ".."; a semicolon, which begins a parameter in some servers; and a backslash, which
// browsers take for a slash. The gateways of deploy/ refuse nearly all of it: docs/gateways/README.md. Anywhere, they
// are control characters, a space, a number sign and bytes that are not UTF-8. What does not begin with a slash is
// ambiguous too.
func Ambiguous(uri string) bool {
	if !isOriginForm(uri) || !utf8.ValidString(uri) || strings.Contains(uri, "#") {
		return true
	}
	path, _, _ := strings.Cut(uri, "?")
	if strings.ContainsAny(path, `;\`) || strings.Contains(path, "//") {
		return true
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." || ambiguousEncoding(segment) {
			return true
		}
	}
	return false
}

// ambiguousEncoding looks at the percent-encodings of a segment.
func ambiguousEncoding(segment string) bool {
	for i := range len(segment) {
		if segment[i] != '%' {
			continue
		}
		c, ok := urlquote.HexByte(segment[i+1:])
		if !ok || c < ' ' || c == 0x7f || strings.IndexByte(`/\;?#`, c) >= 0 || isPlain(c) {
			return true
		}
		if _, again := urlquote.HexByte(segment[i+3:]); c == '%' && again {
			return true
		}
	}
	return !utf8.ValidString(urlquote.Unquote(segment))
}

// isPlain says whether nobody encodes a character: RFC 3986, 2.3. Of these, programs of some age encode "~".
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}
