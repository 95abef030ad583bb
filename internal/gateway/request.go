package gateway

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Request is the request under judgement, as exactly one documented source told it. It comes from NewRequest or
// ParseRequest; the zero Request names nothing, and has no page to return to.
type Request struct {
	// Method is the original method, in capitals.
	Method string
	// Scheme is http or https. It is empty where none of them was told. Like the host it is for the page to return to
	// alone.
	Scheme string
	// Host is the original host with its port, in lower case. It is empty where none was told or it is malformed.
	Host string
	// URI is the path and query as the client sent them, undecoded. It begins with a slash.
	URI string
	// Navigation says that a browser shows the answer as a page, so that it can be sent to the login page: see Hints.
	Navigation bool
	// HTMX says that htmx has sent it, from the page whose URL is Page, and Preflight that it is a CORS preflight: see
	// Hints.
	HTMX, Preflight bool
	Page            string
}

var (
	errMethod = errors.New("the original method is malformed")
	errURI    = errors.New("the original URI is not a path with an optional query")
	errURL    = errors.New("the original URL has no path")
)

// NewRequest makes a Request of its parts. A method or URI that is malformed is an error, on which the request is
// refused: neither has a default. The errors do not repeat what the client sent.
//
// The scheme and the host never refuse anybody, since nothing but the page to return to depends on them. Each may be
// a list between commas, to which every proxy on the way has added: the first that makes sense counts, and without
// one it is unknown. The schemes ws and wss count as http and https.
func NewRequest(method, scheme, host, uri string) (Request, error) {
	if !isMethod(method) {
		return Request{}, errMethod
	}
	if !isOriginForm(uri) {
		return Request{}, errURI
	}
	return Request{
		Method: method, Scheme: firstOf(scheme, func(s string) string { return schemes[strings.ToLower(s)] }),
		Host: firstOf(host, normalHost), URI: uri,
	}, nil
}

// firstOf reads a list between commas, and returns the first of what read makes of its items that is not empty.
func firstOf(list string, read func(item string) string) string {
	for item := range strings.SplitSeq(list, ",") {
		if value := read(strings.Trim(item, " \t")); value != "" {
			return value
		}
	}
	return ""
}

// WithPort returns r with the port that a proxy reports beside the host, as X-Forwarded-Port does. It is a list like
// NewRequest's. A host that has a port keeps it, and the usual port of the scheme is not written.
func (r Request) WithPort(list string) Request {
	port := firstOf(list, func(item string) string {
		if n, err := strconv.ParseUint(item, 10, 16); err == nil && isPort(item) {
			return strconv.FormatUint(n, 10) // without leading zeros
		}
		return ""
	})
	_, told, ok := splitPort(r.Host)
	if port == "" || r.Host == "" || !ok || told != "" || port == usualPorts[r.Scheme] {
		return r
	}
	r.Host += ":" + port
	return r
}

var usualPorts = map[string]string{"http": "80", "https": "443"}

// ParseRequest makes a Request of a method and an absolute URL, as nginx makes X-Original-URL of
// $scheme://$http_host$request_uri, or of a path and query alone.
func ParseRequest(method, originalURL string) (Request, error) {
	var scheme, host string
	uri := originalURL
	if !strings.HasPrefix(uri, "/") {
		var ok bool
		if scheme, uri, ok = strings.Cut(uri, "://"); !ok {
			return Request{}, errURL
		}
		slash := strings.IndexByte(uri, '/')
		if slash < 0 {
			return Request{}, errURL
		}
		host, uri = uri[:slash], uri[slash:]
	}
	r, err := NewRequest(method, scheme, host, uri)
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
	return method != "" && 'A' <= method[0] && method[0] <= 'Z' &&
		strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == ""
}

// isOriginForm is what a request line may have (RFC 9112, 3.2.1), in any encoding. Absolute URLs, authorities and "*"
// are for proxies and servers as a whole; no gateway reports them as a path.
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
