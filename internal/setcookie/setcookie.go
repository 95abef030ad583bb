// Package setcookie writes Set-Cookie lines as Django does: with the attributes of a project's settings, in the order
// and the spelling of Python's http.cookies.
package setcookie

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Attributes are those that settings give a cookie: SESSION_COOKIE_* and CSRF_COOKIE_*.
type Attributes struct {
	// Path is COOKIE_PATH; "" leaves the attribute out.
	Path string
	// Domain is COOKIE_DOMAIN; "" is the host that the cookie came from.
	Domain string
	// Secure and HTTPOnly are COOKIE_SECURE and COOKIE_HTTPONLY.
	Secure, HTTPOnly bool
	// SameSite is COOKIE_SAMESITE: Lax, Strict or None; "" leaves the attribute out.
	SameSite string
}

// Age is how long a cookie lasts. The zero Age is as long as the browser.
type Age struct {
	Seconds int64
	Bounded bool
}

// Seconds is the Age of a cookie with Max-Age. One of 0 or less is over at once.
func Seconds(n int64) Age { return Age{n, true} }

// Line is the value of a Set-Cookie header: set_cookie of django/http/response.py, 5.2, and Morsel.OutputString of
// http/cookies.py, CPython 3.13. The name and the value must need no quotes.
func (a Attributes) Line(name, value string, age Age, now time.Time) string {
	expires := ""
	if age.Bounded {
		expires = time.Unix(now.Unix()+age.Seconds, 0).UTC().Format(http.TimeFormat)
	}
	return a.line(name, value, expires, age)
}

// Ended is the line that has a browser forget the cookie: delete_cookie of django/http/response.py, 5.2, with the path,
// the domain and SameSite that the cookie was set with.
func (a Attributes) Ended(name string) string {
	// django/http/response.py, 5.2: browsers ignore a cookie that fails the rules of its own prefix.
	secure := strings.HasPrefix(name, "__Secure-") || strings.HasPrefix(name, "__Host-") || strings.EqualFold(a.SameSite, "none")
	a.Secure, a.HTTPOnly = secure, false
	return a.line(name, `""`, "Thu, 01 Jan 1970 00:00:00 GMT", Seconds(0))
}

func (a Attributes) line(name, value, expires string, age Age) string {
	var b strings.Builder
	b.WriteString(name + "=" + value)
	add := func(attribute, text string) {
		if text != "" {
			b.WriteString("; " + attribute + "=" + text)
		}
	}
	add("Domain", a.Domain)
	add("expires", expires)
	if a.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if age.Bounded {
		add("Max-Age", strconv.FormatInt(age.Seconds, 10))
	}
	add("Path", a.Path)
	add("SameSite", a.SameSite)
	if a.Secure {
		b.WriteString("; Secure")
	}
	return b.String()
}

// Put puts a line into an answer's header, in the place of another one for the same cookie.
func Put(h http.Header, line string) {
	name, _, _ := strings.Cut(line, "=")
	const field = "Set-Cookie"
	kept := []string{}
	for _, other := range h[field] {
		if !strings.HasPrefix(other, name+"=") {
			kept = append(kept, other)
		}
	}
	h[field] = append(kept, line)
}
