package check

import (
	"context"
	"errors"
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
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

// Manner is what gateways differ in.
type Manner struct {
	// Redirects says whether the gateway passes a redirect on. nginx does not: it answers 500.
	Redirects bool
	// Unavailable is the status for "could not find out".
	Unavailable int
}

// Answer is what a gateway is told. No answer may be stored, and each depends on the cookies.
type Answer struct {
	Outcome gateway.Outcome
	Status  int
	Header  []gateway.Header
	// Message is for the client. It is empty where there is nothing to read: an allow, and a redirect.
	Message string
}

// Gateway answers a gateway's question, put when its event began, and puts what it comes to into the event.
func (s *Service) Gateway(ctx context.Context, q Question, m Manner, e *observe.Event) Answer {
	if q.DemandsErr != nil { // a fault of the operator's, who finds it in the log
		e.Err = q.DemandsErr
		return m.broken("The requirements of this location are not understood.")
	}
	v, out := s.Verify(ctx, q.Cookies, e.Began, e)
	switch {
	case out == Unavailable:
		return m.unavailable()
	case q.Malformed != nil:
		e.Decision = "malformed"
		return Answer{Outcome: gateway.Forbidden, Status: http.StatusForbidden, Message: "The request is malformed."}
	}
	access, err := s.accessOf(ctx, v.User, q.Demands)
	switch {
	case errors.Is(err, errNoAccess):
		e.Err = err
		return m.broken("The requirements of this location cannot be met.")
	case err != nil:
		e.Err, e.Outcome = err, string(Unavailable)
		return m.unavailable()
	}
	return s.decide(q, m, v.User, access, e)
}

// decide is the table of the answers that gateways get.
func (s *Service) decide(q Question, m Manner, user *djangosession.User, access djangosession.Access, e *observe.Event) Answer {
	d := gateway.Judge(q.Original, q.Demands, s.Login, user, access)
	switch d.Outcome {
	case gateway.Allow:
		e.Decision = "allow"
		headers := d.Identity.Headers()
		return Answer{Outcome: d.Outcome, Status: http.StatusOK, Header: headers[:]}
	case gateway.SignIn:
		e.Decision = "sign in"
		if m.Redirects && d.Location != "" {
			return Answer{Outcome: d.Outcome, Status: q.Original.RedirectStatus(), Header: []gateway.Header{{Name: "Location", Value: d.Location}}}
		}
		w := Ended.Words()
		a := Answer{Outcome: d.Outcome, Status: w.Status, Header: []gateway.Header{w.Header}, Message: w.Message}
		// A script is not sent away: it is told where a person signs in. htmx goes there by itself.
		if to := (gateway.Header{Name: "X-Sign-In", Value: s.Login.LocationOfPage(q.Original)}); to.Value != "" {
			if q.Original.HTMX {
				to.Name = "HX-Redirect"
			}
			a.Header = append(a.Header, to)
		}
		if !m.Redirects {
			a.Header = append(a.Header, gateway.Header{Name: "Location", Value: s.Login.Location(q.Original)})
		}
		return a
	case gateway.Forbidden:
		e.Decision, e.Required = "forbidden", d.Missing
		return Answer{Outcome: d.Outcome, Status: http.StatusForbidden, Message: "The user may not do this."}
	case gateway.Unavailable:
	}
	return m.unavailable()
}

func (m Manner) unavailable() Answer {
	w := Unavailable.Words()
	return Answer{Outcome: gateway.Unavailable, Status: m.Unavailable, Header: []gateway.Header{w.Header}, Message: w.Message}
}

// broken is for faults of the configuration: nobody passes until it is mended.
func (m Manner) broken(message string) Answer {
	a := Answer{Outcome: gateway.Unavailable, Status: http.StatusInternalServerError, Message: message}
	if m.Unavailable == a.Status { // the gateway cannot tell the two apart, and may ask again
		a.Header = []gateway.Header{Unavailable.Words().Header}
	}
	return a
}
