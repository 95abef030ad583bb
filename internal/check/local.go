package check

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
)

// Local answers a program that asks about a request of its own, after Verify has found v. It is Gateway without a
// gateway, and looks for groups and permissions only where they are demanded.
func (s *Service) Local(ctx context.Context, q Question, v djangosession.Verdict) Answer {
	style := Style{Redirects: true, Unavailable: http.StatusServiceUnavailable}
	var access djangosession.Access
	if q.Demands.NeedsAccess() {
		var err error
		access, err = s.accessOf(ctx, v.User, q.Demands)
		switch {
		case errors.Is(err, errNoAccess):
			return style.broken(reply.UnmetRequirement)
		case err != nil:
			return style.unavailable()
		}
	}
	if q.Demands.Allows(v.User, access) {
		return Answer{Action: gateway.Allow} // who asks knows the user, and takes no headers
	}
	return s.decide(q, style, v.User, access, new(observe.Event))
}

// HintsOf are the hints in a request's header.
func HintsOf(h http.Header) gateway.Hints {
	joined := func(name string) string { return strings.Join(h.Values(name), ",") }
	return gateway.Hints{
		SecFetchMode: joined("Sec-Fetch-Mode"), SecFetchDest: joined("Sec-Fetch-Dest"),
		Accept:        joined("Accept"),
		RequestedWith: joined("X-Requested-With"), Upgrade: joined("Upgrade"),
		HXRequest: joined("Hx-Request"), HXCurrentURL: joined("Hx-Current-Url"),
		Origin: joined("Origin"), RequestMethod: joined("Access-Control-Request-Method"),
		MethodOverride: joined("X-Http-Method-Override") + joined("X-Http-Method") + joined("X-Method-Override"),
	}
}
