package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
)

// AccessStore finds out what a user may do. An error that is djangosession.ErrNoPermissionsMixin says that the user model
// has no groups and permissions; any other, that it could not be found out.
type AccessStore interface {
	AccessOf(ctx context.Context, userID string) (djangosession.Access, error)
}

// An adapter is what the endpoints for gateways differ in. Each has one source of the original request, and looks for no
// other.
type adapter struct {
	// original reads the request under judgement. An error refuses it: nothing has a default.
	original func(s *server, r *http.Request) (gateway.Request, error)
	// demands reads the operator's requirements.
	demands func(r *http.Request) (gateway.Requirements, error)
	// redirects says whether the gateway passes a redirect on. nginx does not: it answers 500.
	redirects bool
	// unavailable is the status for "could not find out".
	unavailable int
}

// gateways answers for the gateways before Echo's router, which knows only some methods: a gateway may ask with the
// client's own.
func (s *server) gateways(next echo.HandlerFunc) echo.HandlerFunc {
	answer := func(a adapter) echo.HandlerFunc {
		return s.logged(recovered(func(c echo.Context) error { return s.judge(c, a) }))
	}
	nginx, forward, envoy := answer(nginxAdapter), answer(forwardAdapter), answer(envoyAdapter)
	return func(c echo.Context) error {
		switch path := c.Request().URL.Path; {
		case path == nginxPath:
			return nginx(c)
		case path == forwardPath:
			return forward(c)
		case path == envoyPath || strings.HasPrefix(path, envoyPath+"/"):
			return envoy(c)
		}
		return next(c)
	}
}

// judge answers a gateway's question.
func (s *server) judge(c echo.Context, a adapter) error {
	e := eventOf(c)
	demands, err := a.demands(c.Request())
	if err != nil { // a fault of the operator's, who finds it in the log
		e.err = err
		return s.answerGateway(c, a, http.StatusInternalServerError, "The requirements of this location are not understood.")
	}
	original, malformed := a.original(s, c.Request())
	v, out := s.verify(c)
	switch {
	case out == unavailable:
		return s.answerGateway(c, a, a.unavailable, answers[unavailable].message)
	case malformed != nil:
		e.decision = "malformed"
		return s.answerGateway(c, a, http.StatusForbidden, "The request is malformed.")
	}
	access, err := s.accessOf(c, v.User, demands)
	switch {
	case errors.Is(err, errNoAccess):
		e.err = err
		return s.answerGateway(c, a, http.StatusInternalServerError, "The requirements of this location cannot be met.")
	case err != nil:
		e.err, e.outcome = err, unavailable
		return s.answerGateway(c, a, a.unavailable, answers[unavailable].message)
	}
	return s.answerDecision(c, a, original, gateway.Judge(original, demands, s.Login, v.User, access))
}

// errNoAccess says that a requirement asks for what nobody can have in this deployment.
var errNoAccess = errors.New("groups and permissions are not known here")

// accessOf looks up what a user may do: for the requirements, and for Remote-Groups.
func (s *server) accessOf(c echo.Context, user *djangosession.User, demands gateway.Requirements) (djangosession.Access, error) {
	if user == nil {
		return djangosession.Access{}, nil
	}
	err := errNoAccess
	var access djangosession.Access
	if s.Access != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), s.VerifyTimeout)
		defer cancel()
		access, err = s.Access.AccessOf(ctx, user.ID)
		if errors.Is(err, djangosession.ErrNoPermissionsMixin) {
			err = fmt.Errorf("%w: %w", errNoAccess, err)
		}
	}
	if errors.Is(err, errNoAccess) && !demands.NeedsAccess() {
		return djangosession.Access{}, nil // there are none to tell of
	}
	return access, err
}

// answerDecision is the table of the answers that gateways get.
func (s *server) answerDecision(c echo.Context, a adapter, original gateway.Request, d gateway.Decision) error {
	e, h := eventOf(c), c.Response().Header()
	switch d.Outcome {
	case gateway.Allow:
		e.decision = "allow"
		for _, identity := range d.Identity.Headers() {
			h.Set(identity.Name, identity.Value)
		}
		return s.answerEmpty(c, http.StatusOK)
	case gateway.SignIn:
		e.decision = "sign in"
		if !a.redirects {
			h.Set(echo.HeaderLocation, s.Login.Location(original))
		} else if d.Location != "" {
			h.Set(echo.HeaderLocation, d.Location)
			return s.answerEmpty(c, original.RedirectStatus())
		}
		return s.answerGateway(c, a, http.StatusUnauthorized, answers[ended].message)
	case gateway.Forbidden:
		e.decision = "forbidden"
		return s.answerGateway(c, a, http.StatusForbidden, "The user may not do this.")
	case gateway.Unavailable:
	}
	return s.answerGateway(c, a, a.unavailable, answers[unavailable].message)
}

// answerGateway sends an answer that is no yes.
func (s *server) answerGateway(c echo.Context, a adapter, status int, message string) error {
	h := c.Response().Header()
	h.Set(echo.HeaderVary, echo.HeaderCookie)
	switch status {
	case http.StatusUnauthorized:
		h.Set(answers[ended].header[0], answers[ended].header[1])
	case a.unavailable:
		h.Set(answers[unavailable].header[0], answers[unavailable].header[1])
	}
	return write(c, status, body{Message: message})
}

func (s *server) answerEmpty(c echo.Context, status int) error {
	h := c.Response().Header()
	h.Set(echo.HeaderVary, echo.HeaderCookie)
	h.Set(echo.HeaderCacheControl, "no-store")
	h.Set(echo.HeaderContentLength, "0")
	c.Response().WriteHeader(status)
	return nil
}

// hints are the headers by which a navigation is known. Every gateway passes them on as the client sent them.
func hints(r *http.Request) gateway.Hints {
	joined := func(name string) string { return strings.Join(r.Header.Values(name), ",") }
	return gateway.Hints{
		SecFetchMode: joined("Sec-Fetch-Mode"), SecFetchDest: joined("Sec-Fetch-Dest"), Accept: joined("Accept"),
		RequestedWith: joined("X-Requested-With"), Upgrade: joined("Upgrade"),
	}
}

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

// trusted says whether the peer is a gateway whose X-Forwarded-* headers are believed: one of SIDECAR_TRUSTED_PROXIES, or
// whoever may open our unix socket.
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
