package gateway

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Request is the request under judgement, as exactly one documented source told it. It comes from NewRequest or
// ParseRequest; the zero Request names nothing, and has no page to return to.
type Request struct {
	// Method is the original method, in capitals.
	Method string
	// Scheme is http or https.
	Scheme string
	// Host is the original host with its port, in lower case. It is empty where none was told or it is malformed.
	Host string
	// URI is the path and query as the client sent them, undecoded. It begins with a slash.
	URI string
	// Navigation says that a browser shows the answer as a page, so that it can be sent to the login page: see Hints.
	Navigation bool
}

var (
	errMethod = errors.New("the original method is malformed")
	errScheme = errors.New("the original scheme is neither http nor https")
	errURI    = errors.New("the original URI is not a path with an optional query")
	errURL    = errors.New("the original URL has no scheme, host and path")
)

// NewRequest makes a Request of its parts. The schemes ws and wss count as http and https. A method, scheme or URI that
// is malformed is an error, on which the request is refused: nothing has a default. A malformed host is no host, since
// nothing but the page to return to depends on it. The errors do not repeat what the client sent.
func NewRequest(method, scheme, host, uri string) (Request, error) {
	if !isMethod(method) {
		return Request{}, errMethod
	}
	scheme, ok := schemes[strings.ToLower(scheme)]
	if !ok {
		return Request{}, errScheme
	}
	if !isOriginForm(uri) {
		return Request{}, errURI
	}
	return Request{Method: method, Scheme: scheme, Host: normalHost(host), URI: uri}, nil
}

// ParseRequest makes a Request of a method and an absolute URL, as nginx makes X-Original-URL of
// $scheme://$http_host$request_uri. The host may be empty, as in HTTP/1.0. A malformed one is an error here, because
// nobody knows where it ends.
func ParseRequest(method, originalURL string) (Request, error) {
	scheme, rest, ok := strings.Cut(originalURL, "://")
	if !ok {
		return Request{}, errURL
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return Request{}, errURL
	}
	host := rest[:slash]
	if host != "" && normalHost(host) == "" {
		return Request{}, errURL
	}
	r, err := NewRequest(method, scheme, host, rest[slash:])
	if err != nil {
		return Request{}, fmt.Errorf("reading the original URL: %w", err)
	}
	return r, nil
}

// RedirectStatus is the status that sends a browser on: 302 after GET and HEAD, and 303 after every other method, which
// must not be repeated at the login page.
func (r Request) RedirectStatus() int {
	if r.Method == "GET" || r.Method == "HEAD" {
		return 302
	}
	return 303
}

// schemes are the ones that a gateway may report. Traefik reports those of WebSocket.
var schemes = map[string]string{"http": "http", "https": "https", "ws": "http", "wss": "https"}

// isMethod is narrower than the token of RFC 9110, 5.6.2: every registered method has this form (M-SEARCH and
// VERSION-CONTROL have the hyphen), and methods differ by case.
func isMethod(method string) bool {
	return method != "" && 'A' <= method[0] && method[0] <= 'Z' && strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}

// isOriginForm is what a request line may have (RFC 9112, 3.2.1), in any encoding. Absolute URLs, authorities and "*" are
// for proxies and servers as a whole; no gateway reports them as a path.
func isOriginForm(uri string) bool {
	if !strings.HasPrefix(uri, "/") {
		return false
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] == 0x7f {
			return false
		}
	}
	return true
}

// isASCII says whether a text is ASCII and nothing else.
func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
