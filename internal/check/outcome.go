package check

import (
	"django-sidecar/djangosession"
	"django-sidecar/internal/reply"
)

// Outcome is what a verdict comes to: three, never two.
type Outcome string

// The outcomes. Their texts are those of logs and metrics.
const (
	Alive       Outcome = "alive"       // a user
	Ended       Outcome = "ended"       // no user
	Unavailable Outcome = "unavailable" // could not find out
)

// Reply is what a client is told of the outcome. Whatever is none of the three could not be found out.
func (o Outcome) Reply() reply.Reply {
	switch o {
	case Alive:
		return reply.Alive
	case Ended:
		return reply.Ended
	case Unavailable:
	}
	return reply.Unavailable
}

func outcomeOf(v djangosession.Verdict, err error) Outcome {
	switch {
	case err != nil:
		return Unavailable
	case v.User == nil:
		return Ended
	}
	return Alive
}
