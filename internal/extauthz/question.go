package extauthz

import (
	"net/http"
	"strings"

	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
)

// style is Envoy's: it passes redirects on.
var style = gateway.Style{Redirects: true, Unavailable: http.StatusServiceUnavailable}

// question is what Envoy asks.
func (c *checkRequest) question() check.Question {
	h := c.of()
	q := check.Question{Cookies: h.values["Cookie"]}
	q.Demands, q.DemandsErr = c.requirements()
	// Envoy tells "/a?b#c" with the fragment, which is the client's fault: no request line has one.
	q.Original, q.Malformed = gateway.NewRequest(c.method, c.scheme, c.host, c.path)
	q.Original = gateway.HintsOf(h.values).About(q.Original)
	return q
}

// requirements are what the operator has written into context_extensions, where each entry stands for key=value of
// the query that other gateways have: require=staff, optional=1. A map has a key once, so that further requirements
// stand in the same value, as in the query: "staff&require=group:editors". What is not understood is an error, also
// an entry that may be meant for somebody else: a misspelt requirement must not pass for one that is met.
func (c *checkRequest) requirements() (gateway.Requirements, error) {
	parts := make([]string, len(c.extensions))
	for i, e := range c.extensions {
		parts[i] = e.key + "=" + e.value
	}
	return gateway.ParseRequirements(strings.Join(parts, "&"))
}
