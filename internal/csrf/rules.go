package csrf

import (
	"errors"
	"slices"
	"strings"
)

// Rules are what CsrfViewMiddleware of a deployment asks of a request. The zero Rules trust no other site.
type Rules struct {
	// ChecksOrigin says that Origin is asked: from Django 4.0 on.
	ChecksOrigin bool
	// TrustedOrigins is CSRF_TRUSTED_ORIGINS in small letters: scheme://host, or scheme://*.domain. Django to 3.2
	// has no schemes: each host is there with https.
	TrustedOrigins []string
	// CookieDomain is CSRF_COOKIE_DOMAIN: which Referers are this site's. "" is the request's own host alone.
	CookieDomain string
}

// Request is what is asked of a request, before its token is.
type Request struct {
	// Method is the request's.
	Method string
	// Secure says that it came by https, and Host is get_host(), with the port that the client wrote.
	Secure bool
	Host   string
	// Origin and Referer are the lines of these headers; nil where there are none.
	Origin, Referer []string
}

// Why a request is refused, in Django's words. None of them has anything of the request: a SourceError has.
var (
	ErrBadOrigin         = errors.New("origin checking failed")
	ErrNoReferer         = errors.New("referer checking failed: no Referer")
	ErrMalformedReferer  = errors.New("referer checking failed: the Referer is malformed")
	ErrInsecureReferer   = errors.New("referer checking failed: the Referer is insecure while the host is secure")
	ErrBadReferer        = errors.New("referer checking failed")
	ErrNoCookie          = errors.New("the CSRF cookie is not set")
	ErrBadCookie         = errors.New("the CSRF cookie is malformed")
	ErrTokenMissing      = errors.New("the CSRF token is missing")
	ErrTokenNotOfTheSite = errors.New("the CSRF token is incorrect")
)

// IsSafe reports whether a method needs no token (django/middleware/csrf.py, 6.1, process_view).
func IsSafe(method string) bool {
	return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE"
}

// CheckSource asks where a request comes from: process_view of django/middleware/csrf.py, 1.11 to 6.1, without the
// token.
func (r Rules) CheckSource(q Request) error {
	switch {
	case IsSafe(q.Method):
		return nil
	case r.ChecksOrigin && len(q.Origin) > 0:
		return r.checkOrigin(q)
	case q.Secure:
		return r.checkReferer(q)
	}
	return nil
}

// checkOrigin is _origin_verified. Several lines are joined as WSGI does it, and then match nothing.
func (r Rules) checkOrigin(q Request) error {
	origin := strings.Join(q.Origin, ",")
	scheme := "http"
	if q.Secure {
		scheme = "https"
	}
	if q.Host != "" && origin == scheme+"://"+q.Host || r.Trusts(origin) {
		return nil
	}
	return r.refuse(ErrBadOrigin, origin, q)
}

// Trusts reports whether an origin is one of TrustedOrigins, or below a domain of them: the end of _origin_verified
// (django/middleware/csrf.py, 5.2).
func (r Rules) Trusts(origin string) bool {
	if !strings.Contains(origin, "*") && slices.Contains(r.TrustedOrigins, origin) {
		return true
	}
	scheme, netloc, err := split(origin)
	return err == nil && slices.ContainsFunc(r.TrustedOrigins, func(trusted string) bool {
		trustedScheme, domain, wildcard := strings.Cut(trusted, "://*")
		return wildcard && trustedScheme == scheme && isSameDomain(netloc, domain)
	})
}

// checkReferer is _check_referer. The port is that of the Host, where Django takes the server's own.
func (r Rules) checkReferer(q Request) error {
	if len(q.Referer) == 0 {
		return ErrNoReferer
	}
	scheme, netloc, err := split(strings.Join(q.Referer, ","))
	switch {
	case err != nil || scheme == "" || netloc == "":
		return ErrMalformedReferer
	case scheme != "https":
		return ErrInsecureReferer
	}
	for _, trusted := range r.TrustedOrigins {
		_, host, _ := strings.Cut(trusted, "://")
		if isSameDomain(netloc, strings.TrimLeft(host, "*")) {
			return nil
		}
	}
	good := q.Host
	if r.CookieDomain != "" {
		good = r.CookieDomain + portOf(q.Host)
	}
	if !isSameDomain(netloc, good) {
		return r.refuse(ErrBadReferer, scheme+"://"+netloc, q)
	}
	return nil
}

// portOf is the port of a host with its colon; "" for those of http and https.
func portOf(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon <= strings.LastIndexByte(host, ']') || host[colon:] == ":443" || host[colon:] == ":80" {
		return ""
	}
	return host[colon:]
}

// isSameDomain is is_same_domain of django/utils/http.py, 5.2.
func isSameDomain(host, pattern string) bool {
	pattern = strings.ToLower(pattern)
	return pattern != "" &&
		(host == pattern || pattern[0] == '.' && (strings.HasSuffix(host, pattern) || host == pattern[1:]))
}

// split is the scheme and the netloc of urlsplit of Python, for URLs as browsers write these two, in printable ASCII.
// Python reads more URLs than that, and Pythons disagree about them.
func split(text string) (scheme, netloc string, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || strings.ContainsFunc(scheme, func(c rune) bool {
		return (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune("0123456789+-.", c)
	}) {
		return "", "", errNotURL
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	for i := range len(rest) {
		if rest[i] <= ' ' || rest[i] >= 0x7f || rest[i] == '\\' {
			return "", "", errNotURL
		}
	}
	if strings.Count(rest, "[") != strings.Count(rest, "]") {
		return "", "", errNotURL
	}
	return strings.ToLower(scheme), rest, nil
}

var errNotURL = errors.New("no URL")

// CheckToken is _check_token: the cookie's text, "" where there is none, the form's field, "" where there is none, and
// the lines of the header. The field decides, if it has anything.
func CheckToken(cookie, field string, header []string) error {
	if cookie == "" {
		return ErrNoCookie
	}
	if _, ok := unmask(cookie); !ok {
		return ErrBadCookie
	}
	token := field
	if token == "" {
		token = strings.Join(header, ",")
	}
	switch {
	case token == "":
		return ErrTokenMissing
	case !Match(cookie, token):
		return ErrTokenNotOfTheSite
	}
	return nil
}
