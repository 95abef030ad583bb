package handlers

import (
	"net/http"
	"slices"
	"strings"

	"django-sidecar/internal/answer"
	"django-sidecar/internal/gateway"
)

// envoyPath is the path_prefix of Envoy's ext_authz over HTTP: what follows it is the original path.
const envoyPath = "/auth/envoy"

// envoyAdapter takes the original request from the request itself: its method, its Host, and what follows the prefix in
// its path, query included. The scheme is X-Forwarded-Proto of a trusted Envoy, and otherwise http.
//
// The query is the client's, so that there is no room for requirements: they need gRPC, or a route of their own.
var envoyAdapter = adapter{
	original: func(s *server, r *http.Request) (gateway.Request, error) {
		scheme := "http"
		if s.trusted(r) {
			if told := joined(r, "X-Forwarded-Proto"); told != "" {
				scheme = told
			}
		}
		uri := strings.TrimPrefix(r.RequestURI, envoyPath)
		original, err := gateway.NewRequest(r.Method, scheme, r.Host, uri)
		return hints(r).About(original), err
	},
	demands: func(*http.Request) (gateway.Requirements, error) { return gateway.Requirements{}, nil },
	Manner:  answer.Manner{Redirects: true, Unavailable: http.StatusServiceUnavailable},
	removes: true,
}

// envoyRemoves names what Envoy takes out of a request before it sends it on.
const envoyRemoves = "X-Envoy-Auth-Headers-To-Remove"

// aliases lists the other spellings of the identity headers: the usual ones, since allowed_headers keeps most headers from
// us, and those that the request has.
func aliases(r *http.Request) string {
	list := gateway.Aliases()
	for name := range r.Header {
		if name = strings.ToLower(name); gateway.IsAlias(name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}
