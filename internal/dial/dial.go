// Package dial connects to stores.
package dial

import (
	"net"
	"time"
)

// New returns a dialer for one connection. It looks a name up by a question of its own.
//
// A net.Resolver joins lookups of one name that are under way at once. A lookup that a name server does not answer
// takes 5 seconds and more, and as long as anybody joins it, everybody waits for it, however long the name server
// has been back.
func New(timeout time.Duration) *net.Dialer {
	r := net.DefaultResolver
	return &net.Dialer{
		Timeout:  timeout,
		Resolver: &net.Resolver{PreferGo: r.PreferGo, StrictErrors: r.StrictErrors, Dial: r.Dial},
	}
}
