package handlers

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
)

// An adapter is what the endpoints for gateways differ in. Each has one source of the original request, and looks for
// no other.
type adapter struct {
	// path is the endpoint's, for the log.
	path string
	// original reads the request under judgement. An error refuses it: nothing has a default.
	original func(s *server, r *http.Request) (gateway.Request, error)
	// demands reads the operator's requirements.
	demands func(r *http.Request) (gateway.Requirements, error)
	gateway.Style
	// bodiless says whether the gateway throws away what a refusal says. nginx does, and closes the connection on which
	// there is something left to read.
	bodiless bool
	// cookies says what to do where no question has a Cookie header.
	cookies string
	// removes says whether the gateway can be told to remove other spellings of the identity headers.
	removes bool
}

// judge answers a gateway's question.
func (s *server) judge(c echo.Context, a adapter, watch *check.CookieWatch) error {
	r, e := c.Request(), eventOf(c)
	q := check.Question{Cookies: r.Header[echo.HeaderCookie]}
	q.Demands, q.DemandsErr = a.demands(r)
	q.Original, q.Malformed = a.original(s, r)
	if watch.Missing(q) {
		s.Logger.WarnContext(r.Context(), "cookies", "path", a.path, "warning", check.NoCookies+a.cookies)
	}
	answer := s.Answers.Gateway(r.Context(), q, a.Style, e)
	h := c.Response().Header()
	h[echo.HeaderVary] = varyCookie
	if a.removes && answer.Action == gateway.Allow {
		h.Set(envoyRemoves, aliases(r))
	}
	if answer.Message == "" || a.bodiless {
		addHeaders(h, answer.Reply)
		h[echo.HeaderCacheControl], h[echo.HeaderContentLength] = noStore, zeroLength
		c.Response().WriteHeader(answer.Status)
		return nil
	}
	return refuse(c, answer.Reply)
}

// joined is the list that the lines of a header make together (RFC 9110, 5.3).
func joined(r *http.Request, name string) string { return strings.Join(r.Header.Values(name), ",") }

// errRepeated refuses a header that is there twice: programs differ in which of them counts.
var errRepeated = errors.New("a header of the gateway's is repeated")

// single is the only value of a header, "" where there is none.
func single(r *http.Request, name string) (string, error) {
	switch values := r.Header.Values(name); len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", errRepeated
}

// queryOf is the query of an original URL, or of all of them where a header is repeated.
func queryOf(urls ...string) string {
	var queries []string
	for _, url := range urls {
		_, query, _ := strings.Cut(url, "?")
		queries = append(queries, query)
	}
	return strings.Join(queries, "&")
}

// trusted says whether the peer is a gateway whose X-Forwarded-* headers are believed: one of
// SIDECAR_TRUSTED_PROXIES, or whoever may open our unix socket.
func (s *server) trusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return s.OnSocket
	}
	for _, prefix := range s.TrustedProxies {
		if prefix.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}
