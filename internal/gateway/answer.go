package gateway

import (
	"errors"

	"django-sidecar/internal/reply"
)

// Style is what gateways differ in.
type Style struct {
	// Redirects says whether the gateway passes a redirect on. nginx does not: it answers 500.
	Redirects bool
	// Unavailable is the status for "could not find out".
	Unavailable int
}

// Answer is what a gateway is told. No answer may be stored, and each depends on the cookies. Its message is for the
// client. It is empty where there is nothing to read: an allow, and a redirect.
type Answer struct {
	Action Action
	reply.Reply
}

// ErrNoAccess says that a requirement asks for what nobody can have in this deployment.
var ErrNoAccess = errors.New("groups and permissions are not known here")

// Answer is the answer to a request on which Judge has decided.
func (m Style) Answer(d Decision, request Request, login LoginURL) Answer {
	switch d.Action {
	case Allow:
		allowed, headers := reply.Allow, d.Identity.Headers()
		allowed.Header = headers[:]
		return Answer{d.Action, allowed}
	case SignIn:
		return Answer{d.Action, m.signIn(request, login, d.Location)}
	case Forbidden:
		return Answer{d.Action, reply.Forbidden}
	case Unavailable:
	}
	return m.unavailable()
}

// Failed is the answer where a verdict, or what the user may do, could not be found out. ErrNoAccess is a fault of the
// configuration.
func (m Style) Failed(err error) Answer {
	if errors.Is(err, ErrNoAccess) {
		return m.Broken(reply.UnmetRequirement)
	}
	return m.unavailable()
}

// Broken is for faults of the configuration: nobody passes until it is mended.
func (m Style) Broken(told reply.Reply) Answer {
	if m.Unavailable == told.Status { // the gateway cannot tell the two apart, and may ask again
		told = told.With(reply.Unavailable.Header...)
	}
	return Answer{Unavailable, told}
}

func (m Style) unavailable() Answer {
	return Answer{Unavailable, reply.Unavailable.As(m.Unavailable)}
}

// signIn tells a client where to sign in. location is for the browser of a page navigation.
func (m Style) signIn(request Request, login LoginURL, location string) reply.Reply {
	if m.Redirects && location != "" {
		return reply.Redirect.As(request.RedirectStatus()).With(reply.Header{Name: "Location", Value: location})
	}
	told := reply.Ended
	// A script is not sent away: it is told where a person signs in. htmx goes there by itself.
	if to := (reply.Header{Name: "X-Sign-In", Value: login.LocationOfPage(request)}); to.Value != "" {
		if request.HTMX {
			to.Name = "HX-Redirect"
		}
		told = told.With(to)
	}
	if !m.Redirects {
		told = told.With(reply.Header{Name: "Location", Value: login.Location(request)})
	}
	return told
}
