package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"django-sidecar/internal/gateway"
)

// envoyPath is the path_prefix of Envoy's ext_authz over HTTP: what follows it is the original path.
const envoyPath = "/auth/envoy"

// envoyAdapter takes the original request from the request itself: its method, its Host, and what follows the prefix in
// its path, query included. The scheme is X-Forwarded-Proto of a trusted Envoy, and otherwise http.
//
// The query is the client's, so that requirements stand in the prefix:
// /auth/envoy;require=staff;require=group:editors. What loosens the decision has no place there. A client whose
// request target does not begin with a slash could write behind the operator's words, wherever a gateway passes such
// a target on; so he can only make it stricter for himself.
var envoyAdapter = adapter{
	path: envoyPath,
	original: func(s *server, r *http.Request) (gateway.Request, error) {
		scheme := "http"
		if s.trusted(r) {
			if told := joined(r, "X-Forwarded-Proto"); told != "" {
				scheme = told
			}
		}
		_, uri := envoyParts(r)
		original, err := gateway.NewRequest(r.Method, scheme, r.Host, uri)
		return gateway.HintsOf(r.Header).About(original), err
	},
	demands: func(r *http.Request) (gateway.Requirements, error) {
		words, _ := envoyParts(r)
		demands, err := gateway.ParseRequirements(words)
		if err == nil && (demands.Optional || demands.Preflight) {
			err = errEnvoyLoosens
		}
		return demands, err
	},
	Style:   gateway.Style{Redirects: true, Unavailable: http.StatusServiceUnavailable},
	removes: true,
	cookies: "add cookie to allowed_headers (Envoy), headersToExtAuth (Envoy Gateway), includeRequestHeadersInCheck " +
		"(Istio) or allowedHeaders (Gateway API)",
}

var errEnvoyLoosens = errors.New("in Envoy's path_prefix only require= can stand: optional=1 and preflight=1 need gRPC")

// envoyParts are the operator's words, in the form of a query, and the original URI. Everything from the prefix to
// the first slash is the operator's; a slash in a name is written %2F. A prefix in another spelling is not
// understood.
func envoyParts(r *http.Request) (words, uri string) {
	rest, ok := strings.CutPrefix(r.RequestURI, envoyPath)
	if !ok {
		return r.RequestURI, ""
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	return strings.ReplaceAll(strings.TrimPrefix(rest[:end], ";"), ";", "&"), rest[end:]
}

// envoyRemoves names what Envoy takes out of a request before it sends it on.
const envoyRemoves = "X-Envoy-Auth-Headers-To-Remove"

// aliases lists the other spellings of the identity headers: the usual ones, since allowed_headers keeps most headers
// from us, and those that the request has.
func aliases(r *http.Request) string {
	list := gateway.Aliases()
	for name := range r.Header {
		if name = strings.ToLower(name); gateway.IsAlias(name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}
