package gateway

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/urlquote"
)

// LoginURL is where browsers are sent to log in. The zero LoginURL sends nobody anywhere.
type LoginURL struct {
	plain   string // for a request that has no page to return to
	before  string // the login page, up to and including the name of the page to return to
	after   string // what follows it
	returns bool   // there is a field for the page to return to
	scheme  string
	netloc  string
}

var (
	errLoginURLText = errors.New("LOGIN_URL has white space, control characters or backslashes, or is not UTF-8")
	errLoginURLForm = errors.New("LOGIN_URL must begin with a slash, ./, ../, http:// or https://; " +
		"the name of a URL pattern is known to Django only: give its path")
	errLoginURLHost = errors.New("the host of LOGIN_URL is malformed; outside ASCII write it as browsers send " +
		"it (xn--...)")
)

// NewLoginURL takes Django's LOGIN_URL and REDIRECT_FIELD_NAME (the name of the query field with the page to return to;
// empty: there is none). An absolute page to return to may have every host that the gateway lets through.
func NewLoginURL(loginURL, redirectFieldName string) (LoginURL, error) {
	u, err := splitLoginURL(loginURL)
	if err != nil {
		return LoginURL{}, err
	}
	l := LoginURL{plain: iriToURI(u.String()), scheme: u.scheme, netloc: strings.ToLower(u.netloc)}
	if redirectFieldName == "" {
		return l, nil
	}
	fields, err := parseFields(u.query)
	if err != nil {
		return LoginURL{}, fmt.Errorf("reading the query of LOGIN_URL: %w", err)
	}
	head, tail := fields.around(redirectFieldName)
	l.returns = true
	l.before = iriToURI(u.beforeQuery() + "?" + head)
	l.after = tail
	if u.fragment != "" {
		l.after += iriToURI("#" + u.fragment)
	}
	return l, nil
}

// splitLoginURL takes the forms that resolve_url of django/shortcuts.py, 6.1, leaves as they are, and that lead to the
// same page from everywhere. It is stricter than Django, which would try the rest as the name of a URL pattern.
func splitLoginURL(loginURL string) (splitURL, error) {
	odd := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }
	if !utf8.ValidString(loginURL) || strings.IndexFunc(loginURL, odd) >= 0 {
		return splitURL{}, errLoginURLText
	}
	u := urlsplit(loginURL)
	relative := strings.HasPrefix(loginURL, "/") || strings.HasPrefix(loginURL, "./") ||
		strings.HasPrefix(loginURL, "../")
	absolute := (u.scheme == "http" || u.scheme == "https") && u.netloc != ""
	if !relative && !absolute || strings.HasPrefix(loginURL, "///") {
		return splitURL{}, errLoginURLForm
	}
	if u.netloc != "" && normalHost(u.netloc) == "" || strings.HasPrefix(loginURL, "//") && u.netloc == "" {
		return splitURL{}, errLoginURLHost
	}
	return u, nil
}

// Location is the login page for a request, with the page to return to, as login_required (contrib/auth/decorators.py,
// 6.1) and LoginRequiredMixin send it. A LOGIN_URL without a host makes a Location without one: the browser takes it
// from the address it asked, so that no Host header, which a client may forge, gets into it. Two gateways make a
// Location absolute unless they are told not to: Traefik with the sidecar's own address (preserveLocationHeader: true),
// nginx with the port it listens on (absolute_redirect off).
//
// The page to return to is the URI as the client sent it where the login page is on the same scheme and host, and the
// absolute URL otherwise. It is left out where Django's login view would not take it, where the URI is Ambiguous, and
// where it would need a scheme or host that is unknown, or a host that is not allowed.
func (l LoginURL) Location(r Request) string {
	next := l.next(r)
	if next == "" {
		return l.plain
	}
	return l.before + urlquote.Quote(next, "/") + l.after
}

// LocationOfPage is the login page for a script's request. The page to return to is the one that htmx says it is on,
// if that is on the same scheme and host as the request; the request itself is no page.
func (l LoginURL) LocationOfPage(r Request) string {
	page, err := ParseRequest("GET", r.Page)
	if !r.HTMX || err != nil || page.Scheme == "" || page.Host == "" || page.Host != r.Host || page.Scheme != r.Scheme {
		return l.plain
	}
	return l.Location(page)
}

// next is the page to return to, "" for none.
func (l LoginURL) next(r Request) string {
	if !l.returns || Ambiguous(r.URI) {
		return ""
	}
	next := r.URI
	if l.scheme != "" && r.Scheme != "" && l.scheme != r.Scheme || l.netloc != "" && l.netloc != r.Host {
		if r.Scheme == "" || r.Host == "" {
			return ""
		}
		next = r.Scheme + "://" + r.Host + r.URI
	}
	if !SafeNext(next, r.Host, r.Scheme == "https") {
		return ""
	}
	return next
}
