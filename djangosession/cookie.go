package djangosession

import (
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
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
	return CookieRules{}.SessionKey(header, name)
}

// FirstSessionKey is SessionKey for a deployment that reads its session from one of several cookies, such as one
// whose name has changed: the first of names that the request has a cookie of decides, also if that is empty or its
// session has ended. It returns that name too, "" where the request has none of them.
func FirstSessionKey(header, names []string) (key, name string) {
	return CookieRules{}.FirstSessionKey(header, names)
}

// CookieRules are how one of Django's handlers reads the lines of a Cookie header. The zero CookieRules are those of
// WSGI, which SessionKey has.
type CookieRules struct {
	latin1     bool // the header is decoded from Latin-1, and otherwise from UTF-8
	semicolons bool // lines are joined by semicolons, and otherwise by commas
}

// ASGICookies are the rules of core/handlers/asgi.py, ASGIRequest: 3.0 to 5.2 join all headers by commas, and 6.0 and
// newer join Cookie by "; ". Each decodes them from Latin-1.
func ASGICookies(v Version) CookieRules {
	return CookieRules{latin1: true, semicolons: v.AtLeast(6, 0)}
}

// SessionKey is the function SessionKey, by these rules.
func (r CookieRules) SessionKey(header []string, name string) string {
	value, _ := r.cookieValue(header, name)
	return value
}

// FirstSessionKey is the function FirstSessionKey, by these rules.
func (r CookieRules) FirstSessionKey(header, names []string) (key, name string) {
	for _, name := range names {
		if value, found := r.cookieValue(header, name); found {
			return value, name
		}
	}
	return "", ""
}

// cookieValue returns the value of the last cookie of that name, and whether there is one.
func (r CookieRules) cookieValue(header []string, name string) (value string, exists bool) {
	separator := ","
	if r.semicolons {
		separator = ";" // Django strips what it joins: only empty chunks are fewer, and they are no cookies
	}
	// http/cookie.py, 5.2: for chunk in cookie.split(";"). No byte of a multi-byte character is ";" or "=", so
	// that splitting before decoding is the same.
	for chunk := range strings.SplitSeq(strings.Join(header, separator), ";") {
		// A chunk without "=" is the value of a cookie with an empty name, which no session cookie has.
		k, v, found := strings.Cut(chunk, "=")
		if found && r.text(k) == name {
			value, exists = v, true // unquoted only once it is known to be the last
		}
	}
	return unquoteCookie(r.text(value)), exists
}

// text decodes the name or the value of a cookie, and strips it.
func (r CookieRules) text(s string) string {
	plain := strings.TrimLeft(s, " ") // which browsers put before every name but the first
	for i := range len(plain) {
		if c := plain[i]; c <= ' ' || c >= utf8.RuneSelf {
			if r.latin1 {
				return pytext.Strip(pytext.DecodeLatin1(s))
			}
			return pytext.Strip(pytext.DecodeUTF8(s))
		}
	}
	return plain
}

// unquoteCookie is _unquote of Lib/http/cookies.py, Python 3.13: a backslash before three octal digits up to 377 is
// the character of that number, and before any other character but a line feed it stands for that character. It reads
// the value once, so that a value full of backslashes takes no longer than another.
func unquoteCookie(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(s, `\`)
		if !found && b.Len() == 0 {
			return s
		}
		b.Grow(len(s)) // once: nothing is longer than what it is made of
		b.WriteString(plain)
		switch {
		case !found:
			return b.String()
		case isOctal(rest):
			b.WriteRune(rune(rest[0]-'0')<<6 | rune(rest[1]-'0')<<3 | rune(rest[2]-'0'))
			s = rest[3:]
		case rest == "" || rest[0] == '\n':
			b.WriteByte('\\')
			s = rest
		default:
			b.WriteByte(rest[0]) // the first byte of a character, or all of it
			s = rest[1:]
		}
	}
}

// isOctal reports whether s begins with [0-3][0-7][0-7].
func isOctal(s string) bool {
	return len(s) >= 3 && '0' <= s[0] && s[0] <= '3' && '0' <= s[1] && s[1] <= '7' && '0' <= s[2] && s[2] <= '7'
}
