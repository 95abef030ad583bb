package check

import (
	"context"
	"errors"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
)

// Question is what a gateway asks, as its protocol tells it.
type Question struct {
	// Cookies are the values of the Cookie headers.
	Cookies []string
	// Demands are the operator's requirements, and DemandsErr why they are not understood.
	Demands    gateway.Requirements
	DemandsErr error
	// Original is the request under judgement, and Malformed why it cannot be read.
	Original  gateway.Request
	Malformed error
}

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
	Action gateway.Action
	reply.Reply
}

// Gateway answers a gateway's question, put when its event began, and puts what it comes to into the event.
func (s *Service) Gateway(ctx context.Context, q Question, m Style, e *observe.Event) Answer {
	if q.DemandsErr != nil { // a fault of the operator's, who finds it in the log
		e.Err = q.DemandsErr
		return m.broken(reply.UnknownRequirement)
	}
	v, out := s.Verify(ctx, q.Cookies, e.Began, e)
	switch {
	case out == Unavailable:
		return m.unavailable()
	case q.Malformed != nil:
		e.Decision = "malformed"
		return Answer{gateway.Forbidden, reply.Malformed}
	}
	access, err := s.accessOf(ctx, v.User, q.Demands)
	switch {
	case errors.Is(err, errNoAccess):
		e.Err = err
		return m.broken(reply.UnmetRequirement)
	case err != nil:
		e.Err, e.Outcome = err, string(Unavailable)
		return m.unavailable()
	}
	return s.decide(q, m, v.User, access, e)
}

// decide picks the reply to a decision.
func (s *Service) decide(
	q Question, m Style, user *djangosession.User, access djangosession.Access, e *observe.Event,
) Answer {
	d := gateway.Judge(q.Original, q.Demands, s.Login, user, access)
	switch d.Action {
	case gateway.Allow:
		e.Decision = "allow"
		allowed, headers := reply.Allow, d.Identity.Headers()
		allowed.Header = headers[:]
		return Answer{d.Action, allowed}
	case gateway.SignIn:
		e.Decision = "sign in"
		return Answer{d.Action, s.signIn(q.Original, m, d.Location)}
	case gateway.Forbidden:
		e.Decision, e.Required = "forbidden", d.Missing
		return Answer{d.Action, reply.Forbidden}
	case gateway.Unavailable:
	}
	return m.unavailable()
}

// signIn tells a client where to sign in. location is for the browser of a page navigation.
func (s *Service) signIn(original gateway.Request, m Style, location string) reply.Reply {
	if m.Redirects && location != "" {
		return reply.Redirect.As(original.RedirectStatus()).With(reply.Header{Name: "Location", Value: location})
	}
	told := reply.Ended
	// A script is not sent away: it is told where a person signs in. htmx goes there by itself.
	if to := (reply.Header{Name: "X-Sign-In", Value: s.Login.LocationOfPage(original)}); to.Value != "" {
		if original.HTMX {
			to.Name = "HX-Redirect"
		}
		told = told.With(to)
	}
	if !m.Redirects {
		told = told.With(reply.Header{Name: "Location", Value: s.Login.Location(original)})
	}
	return told
}

func (m Style) unavailable() Answer {
	return Answer{gateway.Unavailable, reply.Unavailable.As(m.Unavailable)}
}

// broken is for faults of the configuration: nobody passes until it is mended.
func (m Style) broken(told reply.Reply) Answer {
	if m.Unavailable == told.Status { // the gateway cannot tell the two apart, and may ask again
		told = told.With(reply.Unavailable.Header...)
	}
	return Answer{gateway.Unavailable, told}
}
