package handlers

import (
	"net/http"

	"django-sidecar/internal/gateway"
)

// forwardPath is for Traefik's ForwardAuth, Caddy's forward_auth and HAProxy.
const forwardPath = "/auth/forward"

// forwardAdapter takes the original request from X-Forwarded-Method, -Proto, -Host, -Port and -Uri of a trusted
// gateway. From anybody else they are not looked at, and there is no page to return to. The method and the URI must
// be there once.
var forwardAdapter = adapter{
	path: forwardPath,
	original: func(s *server, r *http.Request) (gateway.Request, error) {
		if !s.trusted(r) {
			return gateway.Request{Navigation: gateway.HintsOf(r.Header).Navigation(), Method: r.Method}, nil
		}
		method, err := single(r, "X-Forwarded-Method")
		if err != nil {
			return gateway.Request{}, err
		}
		uri, err := single(r, "X-Forwarded-Uri")
		if err != nil {
			return gateway.Request{}, err
		}
		original, err := gateway.NewRequest(method, joined(r, "X-Forwarded-Proto"), joined(r, "X-Forwarded-Host"), uri)
		if err != nil {
			return gateway.Request{}, err
		}
		return gateway.HintsOf(r.Header).About(original.WithPort(joined(r, "X-Forwarded-Port"))), nil
	},
	// The X-Forwarded-Uri is looked at here whoever tells it, because it can only make the decision stricter. Without
	// it, nobody knows whether the query is the operator's, and it loosens nothing.
	demands: func(r *http.Request) (gateway.Requirements, error) {
		uris, told := r.Header["X-Forwarded-Uri"]
		demands, err := gateway.ParseRequirementsBeside(r.URL.RawQuery, queryOf(uris...))
		demands.Optional, demands.Preflight = demands.Optional && told, demands.Preflight && told
		return demands, err
	},
	Style: gateway.Style{Redirects: true, Unavailable: http.StatusServiceUnavailable},
	cookies: "add Cookie to authRequestHeaders (Traefik) or to the list in django-sidecar.lua (HAProxy), or take it " +
		"out of header_up (Caddy)",
}
