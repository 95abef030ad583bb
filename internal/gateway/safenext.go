package gateway

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// maxURLLength is MAX_URL_LENGTH of django/utils/http.py, 6.1, in characters.
const maxURLLength = 2048

// SafeNext is url_has_allowed_host_and_scheme of django/utils/http.py, 6.1, for one allowed host, under CPython 3.13.
// It is the rule that Django's login view judges `next` by. The host has the form that Request.Host has; any other
// allows no URL with a host.
//
// Older releases, called is_safe_url up to 2.2, and older Pythons differ in odd cases. They read tabs and line breaks
// inside a URL as a part of it, where browsers drop them; they take a scheme that begins with a digit for one;
// and they know no limit of length. The newest rule is taken for all, because it fits the browsers of today best.
//
// It fits them only for what HttpResponseRedirect sends, which encodes tabs and line breaks: it finds nothing wrong
// with "/\t//example.com". A Request has no control characters, so that LoginURL never asks about one.
func SafeNext(url, host string, requireHTTPS bool) bool {
	if !utf8.ValidString(url) {
		return false // no text of Python
	}
	url = pytext.Strip(url)
	// Chrome treats \ completely as / in paths but it could be part of some basic auth credentials so we need to check
	// both URLs.
	return hasAllowedHostAndScheme(url, host, requireHTTPS) &&
		hasAllowedHostAndScheme(strings.ReplaceAll(url, `\`, "/"), host, requireHTTPS)
}

// Next is where Django's login view goes on after a login that was sent to url: an URL for Location, "" where SafeNext
// says no.
func Next(url, host string, requireHTTPS bool) string {
	if !SafeNext(url, host, requireHTTPS) {
		return ""
	}
	return iriToURI(url)
}

// hasAllowedHostAndScheme is _url_has_allowed_host_and_scheme.
func hasAllowedHostAndScheme(url, host string, requireHTTPS bool) bool {
	// Chrome considers any URL with more than two slashes to be absolute.
	if url == "" || strings.HasPrefix(url, "///") || utf8.RuneCountInString(url) > maxURLLength {
		return false
	}
	// A URL that begins with a control character is one without it to some browsers, which makes //host of it.
	if first, _ := utf8.DecodeRuneInString(url); unicode.Is(unicode.C, first) {
		return false
	}
	u := urlsplit(url)
	if u.netloc == "" {
		return u.scheme == "" // http:///example.com has no host to urlsplit, and one to Chrome
	}
	if u.netloc != host || normalHost(host) == "" {
		return false
	}
	switch u.scheme {
	case "https":
		return true
	case "", "http": // //example.com/p is taken for http
		return !requireHTTPS
	}
	return false
}
