package csrf

import (
	"errors"
	"fmt"
	"strings"
)

// SourceError says that a page of another origin sent a request. It has that origin, and nothing else of the request
// but its host: cut and in quotes, since a client writes them as it likes.
type SourceError struct {
	is     error
	sent   string
	remedy string // which setting would let such a request in
}

// Error implements error: REASON_BAD_ORIGIN and REASON_BAD_REFERER of django/middleware/csrf.py, 5.2.
func (e *SourceError) Error() string {
	return e.is.Error() + ": " + e.sent + " does not match any trusted origins"
}

// Unwrap returns ErrBadOrigin or ErrBadReferer.
func (e *SourceError) Unwrap() error { return e.is }

// ForLog is the error of a refusal with what a client need not hear: what to do, where it is a SourceError.
func ForLog(err error) error {
	if source := (*SourceError)(nil); errors.As(err, &source) {
		return fmt.Errorf("%w: %s", err, source.remedy)
	}
	return err
}

// quoted is a part of a request for a log.
func quoted(text string) string { return fmt.Sprintf("%.100q", text) }

// refuse says that an origin is not trusted.
func (r Rules) refuse(is error, origin string, q Request) error {
	scheme, host, err := split(origin)
	if err != nil || host == "" { // such as "null"
		return &SourceError{
			is, quoted(origin),
			"a page without an origin of its own has sent it: one in a sandbox, of a file, or with Referrer-Policy: no-referrer",
		}
	}
	host = host[strings.LastIndexByte(host, '@')+1:] // before it is a password, perhaps
	own, entry := "http", scheme+"://"+host
	if q.Secure {
		own = "https"
	}
	e := &SourceError{is: is, sent: quoted(entry)}
	if strings.EqualFold(host, q.Host) && scheme != own {
		e.remedy = "the request came to " + quoted(own+"://"+q.Host) + ", as far as is known: behind a gateway that speaks " +
			"https, DJANGO_SECURE_PROXY_SSL_HEADER names the header that says so"
		return e
	}
	if !r.ChecksOrigin {
		entry = host
	}
	e.remedy = "the request came to " + quoted(own+"://"+q.Host) + "; if the page is one of yours, add " + quoted(entry) +
		" to DJANGO_CSRF_TRUSTED_ORIGINS"
	return e
}
