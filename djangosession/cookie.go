package djangosession

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// SessionKey returns the value of the cookie called name in the Cookie header lines of a request, "" when
// there is none, exactly as Django would see it in request.COOKIES:
//
//   - WSGI hands Django the header's bytes, several lines joined by commas as gunicorn and wsgiref do it, and
//     Django reads them as UTF-8 with replacement characters (core/handlers/wsgi.py, 5.2, get_str_from_wsgi);
//   - the last cookie of a name wins, and names are matched exactly (http/cookie.py, 5.2, parse_cookie);
//   - quoted values are unquoted as Python's http.cookies does it (_unquote of Python 3.13).
//
// net/http's Request.Cookie differs from that in each point.
func SessionKey(header []string, name string) string {
	value := ""
	// http/cookie.py, 5.2: for chunk in cookie.split(";"). No byte of a multi-byte character is ";" or "=", so
	// that splitting before decoding is the same.
	for chunk := range strings.SplitSeq(strings.Join(header, ","), ";") {
		// A chunk without "=" is the value of a cookie with an empty name, which no session cookie has.
		k, v, found := strings.Cut(chunk, "=")
		if found && cookieText(k) == name {
			value = unquoteCookie(cookieText(v))
		}
	}
	return value
}

// cookieText decodes the name or the value of a cookie, and strips it.
func cookieText(s string) string {
	plain := strings.TrimLeft(s, " ") // which browsers put before every name but the first
	for i := range len(plain) {
		if c := plain[i]; c <= ' ' || c >= utf8.RuneSelf {
			return pyStrip(decodeUTF8(s))
		}
	}
	return plain
}

// unquotePattern is _unquote_sub of Lib/http/cookies.py, Python 3.13: "." is anything but a line feed.
var unquotePattern = regexp.MustCompile(`\\(?:([0-3][0-7][0-7])|(.))`)

// unquoteCookie is _unquote of Lib/http/cookies.py, Python 3.13.
func unquoteCookie(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	return unquotePattern.ReplaceAllStringFunc(s, func(m string) string {
		if octal, err := strconv.ParseUint(m[1:], 8, 8); err == nil && len(m) == 4 {
			return string(rune(octal))
		}
		return m[1:]
	})
}

// decodeUTF8 is Python's bytes.decode(errors="replace"): one U+FFFD for each maximal subpart of an ill-formed
// sequence (Unicode 15, section 3.9, table 3-8), where Go's conversions have one for each byte.
func decodeUTF8(s string) string {
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
