package gateway

import (
	"slices"
	"strconv"
	"strings"
)

// Hints are the headers of the original request that tell what kind of request it is: a page navigation, a script's,
// a preflight. A header that is absent is empty; a repeated one is joined by commas. They decide between 302 and 401,
// and whether an OPTIONS is a preflight, which passes without a user where the operator says so. It is of no use to
// forge them.
type Hints struct {
	SecFetchMode, SecFetchDest string // Sec-Fetch-Mode, Sec-Fetch-Dest
	Accept                     string // Accept
	RequestedWith              string // X-Requested-With
	Upgrade                    string // Upgrade
	HXRequest, HXCurrentURL    string // HX-Request, HX-Current-URL: what htmx says of its requests
	Origin, RequestMethod      string // Origin, Access-Control-Request-Method
	MethodOverride             string // X-HTTP-Method-Override and its like, all together
}

// HintsOf are the hints in the header of a request, whose names are in the form that net/http gives them. Every gateway
// passes them on as the client sent them.
func HintsOf(header map[string][]string) Hints {
	joined := func(name string) string { return strings.Join(header[name], ",") }
	return Hints{
		SecFetchMode: joined("Sec-Fetch-Mode"), SecFetchDest: joined("Sec-Fetch-Dest"),
		Accept:        joined("Accept"),
		RequestedWith: joined("X-Requested-With"), Upgrade: joined("Upgrade"),
		HXRequest: joined("Hx-Request"), HXCurrentURL: joined("Hx-Current-Url"),
		Origin: joined("Origin"), RequestMethod: joined("Access-Control-Request-Method"),
		MethodOverride: joined("X-Http-Method-Override") + joined("X-Http-Method") + joined("X-Method-Override"),
	}
}

// HintHeaders are the headers that Hints are made of. A gateway that hands on no header unasked must be told all of
// them, and Cookie; one that is missing makes pages of scripts, or preflights of what is none. Upgrade is not among
// them: it is between two neighbours, and gateways write their own.
func HintHeaders() []string {
	return []string{
		"Accept", "X-Requested-With", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "HX-Request", "HX-Current-URL",
		"Origin", "Access-Control-Request-Method", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
	}
}

// About returns r with what the hints tell of it.
func (h Hints) About(r Request) Request {
	r.Navigation = h.Navigation()
	r.HTMX, r.Page = h.htmx(), strings.TrimSpace(h.HXCurrentURL)
	// https://fetch.spec.whatwg.org/, 2.2.2, "CORS-preflight request". Some frameworks take another method from a
	// header.
	r.Preflight = r.Method == "OPTIONS" && h.Origin != "" && h.RequestMethod != "" && h.MethodOverride == ""
	return r
}

// htmx says whether the request is htmx's own (htmx.org, reference, request headers).
func (h Hints) htmx() bool { return strings.EqualFold(strings.TrimSpace(h.HXRequest), "true") }

// Navigation says whether a browser will show the answer as a page. Browsers say so themselves (Fetch Metadata); of
// older ones and of plain HTTP, where they do not, the Accept header has to name HTML, and scripts often say that they
// are scripts.
func (h Hints) Navigation() bool {
	if h.htmx() || strings.Contains(strings.ToLower(h.Upgrade), "websocket") {
		return false
	}
	if mode := strings.TrimSpace(h.SecFetchMode); mode != "" {
		return mode == "navigate"
	}
	if dest := strings.TrimSpace(h.SecFetchDest); dest != "" { // the gateway passes the one header and not the other
		return slices.Contains([]string{"document", "iframe", "frame"}, dest)
	}
	return acceptsHTML(h.Accept) && !strings.EqualFold(strings.TrimSpace(h.RequestedWith), "XMLHttpRequest")
}

// acceptsHTML wants text/html by name: what takes everything is a script, an image or curl.
func acceptsHTML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(mediaType), "text/html") && !refused(params) {
			return true
		}
	}
	return false
}

// refused is q=0 (RFC 9110, 12.4.2).
func refused(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q == 0
		}
	}
	return false
}
