package handlers

import (
	"net/http"

	"django-sidecar/internal/gateway"
)

// nginxPath is for nginx's auth_request, which passes 2xx, 401 and 403 on, and makes a 500 of everything else.
const nginxPath = "/auth/nginx"

// nginxAdapter takes the original request from X-Original-URL and X-Original-Method, which the operator sets in
// nginx's configuration. They decide where the login page returns to, and whether a request is a preflight: where
// preflight=1 is used, nginx must set both, or the client writes them.
var nginxAdapter = adapter{
	path: nginxPath,
	original: func(_ *server, r *http.Request) (gateway.Request, error) {
		url, err := single(r, "X-Original-Url")
		if err != nil {
			return gateway.Request{}, err
		}
		method, err := single(r, "X-Original-Method")
		if err != nil || url == "" {
			return gateway.Request{}, err // without them there is no page to return to
		}
		if method == "" {
			method = http.MethodGet // nginx never redirects by our status, and this is no preflight
		}
		original, err := gateway.ParseRequest(method, url)
		return gateway.HintsOf(r.Header).About(original), err
	},
	demands: func(r *http.Request) (gateway.Requirements, error) {
		// A subrequest has no query of the client's: all of it must be understood.
		if _, err := gateway.ParseRequirements(r.URL.RawQuery); err != nil {
			return gateway.Requirements{}, err
		}
		return gateway.ParseRequirementsBeside(r.URL.RawQuery, queryOf(r.Header["X-Original-Url"]...))
	},
	Style:    gateway.Style{Redirects: false, Unavailable: http.StatusInternalServerError},
	bodiless: true,
	cookies:  "take proxy_pass_request_headers off, or the proxy_set_header of Cookie, out of the location that asks",
}
