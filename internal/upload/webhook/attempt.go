package webhook

import "time"

// AttemptOutcome is what a try to deliver an event came to.
type AttemptOutcome string

// The outcomes. Their texts are those of logs and metrics.
const (
	// Delivered says that the application has the event.
	Delivered AttemptOutcome = "delivered"
	// PutOff says that it has not, and that the event is tried again.
	PutOff AttemptOutcome = "put off"
	// GivenUp says that the application has refused the event too often, or has answered 410: it is in failed/.
	GivenUp AttemptOutcome = "given up"
	// Corrupt says that a file in the queue is no event: it is in corrupt/.
	Corrupt AttemptOutcome = "corrupt"
	// Broken says that the queue itself failed: its disk, or the signing. The event stays where it is, and may be
	// delivered twice.
	Broken AttemptOutcome = "broken"
)

// Attempt is one try to deliver an event, for logs and metrics. Nothing in it is secret.
type Attempt struct {
	// ID is the event's; "" where it is not known.
	ID      string
	Outcome AttemptOutcome
	// Status is the application's answer; 0 if there was none.
	Status int
	// Tries is how often the event was tried in all.
	Tries int
	// Next is how long the event is put off for.
	Next time.Duration
	// Err is why it was not delivered.
	Err error
}
