package check

import (
	"context"
	"errors"

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

// Gateway answers a gateway's question, put when its event began, and puts what it comes to into the event.
func (s *Service) Gateway(ctx context.Context, q Question, m gateway.Style, e *observe.Event) gateway.Answer {
	if q.DemandsErr != nil { // a fault of the operator's, who finds it in the log
		e.Err = q.DemandsErr
		return m.Broken(reply.UnknownRequirement)
	}
	v, out := s.Verify(ctx, q.Cookies, e.Began, e)
	switch {
	case out == Unavailable:
		return m.Failed(e.Err)
	case q.Malformed != nil:
		e.Decision = "malformed"
		return gateway.Answer{Action: gateway.Forbidden, Reply: reply.Malformed}
	}
	access, err := s.AccessOf(ctx, v.User, q.Demands)
	if err != nil {
		if e.Err = err; !errors.Is(err, gateway.ErrNoAccess) {
			e.Outcome = string(Unavailable)
		}
		return m.Failed(err)
	}
	d := gateway.Judge(q.Original, q.Demands, s.Login, v.User, access)
	e.Decision, e.Required = d.Action.String(), d.Missing
	return m.Answer(d, q.Original, s.Login)
}
