package tus

import "django-sidecar/internal/reply"

// Visit is the caller's side of one request: who sends it, whether there is room for it, and where its faults go. Its
// functions are called one at a time, while the request is answered. An error that is a [reply.Refusal] is what the
// client is told.
type Visit struct {
	// Owner says whose live session the request has. It is asked before a byte of the body is read, then every
	// RecheckInterval, and once more before the file is published. It is required.
	Owner func() (userID string, err error)
	// Enter counts a request that brings a body, until leave is called, or refuses it if there are too many. nil counts
	// none.
	Enter func(userID string) (leave func(), err error)
	// Report takes the errors behind answers that are no fault of the client's; nil: nobody does.
	Report func(err error)
	// Refused takes what a refused client is told; nil: nobody does.
	Refused func(told reply.Reply)
	// Stored takes the size of a file that the request has published; nil: nobody does.
	Stored func(bytes int64)
}

func (v Visit) enter(userID string) (leave func(), err error) {
	if v.Enter == nil {
		return func() {}, nil
	}
	return v.Enter(userID)
}

func (x *exchange) report(err error) {
	if x.visit.Report != nil {
		x.visit.Report(err)
	}
}
