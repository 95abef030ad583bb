package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"django-sidecar/internal/gateway"
	"django-sidecar/internal/reply"
)

// crossSite refuses what a page of another site makes a browser send, with the user's cookie. Clients that are no
// browsers send neither Sec-Fetch-Site nor Origin, and pass.
func (s *server) crossSite(r *http.Request) error {
	origin := r.Header.Get(echo.HeaderOrigin)
	if s.Uploads.TrustedOrigins != nil && s.Uploads.TrustedOrigins(origin) {
		return nil
	}
	err := new(http.CrossOriginProtection).Check(r)
	if err != nil && r.Header.Get("Sec-Fetch-Site") == "" && s.isForwardedHost(r, origin) {
		err = nil // browsers tell no Sec-Fetch-Site to a site without TLS
	}
	if err != nil || !s.schemeFits(r, origin) {
		return reply.CrossSite
	}
	return nil
}

// isForwardedHost says whether an origin is of the host that the client has asked, as a proxy that rewrites Host
// reports it.
func (s *server) isForwardedHost(r *http.Request, origin string) bool {
	if !s.Uploads.ForwardedHost && !s.trusted(r) {
		return false
	}
	scheme, host, found := strings.Cut(strings.ToLower(origin), "://")
	asked, err := gateway.NewRequest(http.MethodGet, scheme, joined(r, "X-Forwarded-Host"), "/")
	if !found || err != nil || asked.Host == "" {
		return false
	}
	return host == asked.Host || host == asked.WithPort(joined(r, "X-Forwarded-Port")).Host
}

// schemeFits refuses a page by http where the request came by https, as Django does: somebody on the way may have
// written it.
func (s *server) schemeFits(r *http.Request, origin string) bool {
	if s.Uploads.SecureHeader == "" || origin == "" {
		return true
	}
	// django/http/request.py, 5.2, scheme: the first of a list counts.
	told, _, _ := strings.Cut(joined(r, s.Uploads.SecureHeader), ",")
	return strings.TrimSpace(told) != s.Uploads.SecureValue || strings.HasPrefix(strings.ToLower(origin), "https://")
}
