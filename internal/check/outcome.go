package check

import (
	"net/http"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
)

// Outcome is what a verdict comes to: three, never two.
type Outcome string

// The outcomes. Their texts are those of logs and metrics.
const (
	Alive       Outcome = "alive"       // a user
	Ended       Outcome = "ended"       // no user
	Unavailable Outcome = "unavailable" // could not find out
)

// Words are what a client is told of an outcome.
type Words struct {
	Status  int
	Message string
	Header  gateway.Header // one more header; none where it has no name
}

// Words is the one table from an outcome to what the client gets. Whatever is none of the three could not be found out.
func (o Outcome) Words() Words {
	switch o {
	case Alive:
		return Words{Status: http.StatusOK, Message: "Your login session is alive."}
	case Ended:
		// RFC 9110, 15.5.2, demands WWW-Authenticate, and clients there are that fail on a 401 without it. No
		// registered scheme means a cookie; browsers ask nothing of their user for one that they do not know.
		return Words{http.StatusUnauthorized, "Your login session has ended.", gateway.Header{Name: "Www-Authenticate", Value: "Cookie"}}
	case Unavailable:
	}
	return Words{http.StatusServiceUnavailable, "The login session could not be checked.", gateway.Header{Name: "Retry-After", Value: "1"}}
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
