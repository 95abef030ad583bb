package gateway

import (
	"slices"
	"strconv"
	"strings"
)

// Hints are the headers of the original request that tell a page navigation from a script's request. A header that is
// absent is empty; a repeated one is joined by commas. They decide between 302 and 401 and nothing else, so that it is
// of no use to forge them.
type Hints struct {
	SecFetchMode, SecFetchDest string // Sec-Fetch-Mode, Sec-Fetch-Dest
	Accept                     string // Accept
	RequestedWith              string // X-Requested-With
	Upgrade                    string // Upgrade
}

// Navigation says whether a browser will show the answer as a page. Browsers say so themselves (Fetch Metadata); of
// older ones and of plain HTTP, where they do not, the Accept header has to name HTML, and scripts often say that they
// are scripts.
func (h Hints) Navigation() bool {
	if strings.Contains(strings.ToLower(h.Upgrade), "websocket") {
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
