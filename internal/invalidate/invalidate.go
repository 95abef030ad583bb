// Package invalidate makes a cache of verdicts exact: sources tell which sessions and users have changed, and the cache forgets them.
//
// There is a source for each place that verdicts depend on. Package postgres listens to a database, whose triggers tell; package redis
// listens to the cache that holds sessions. [Watch] runs the sources of a deployment together (fresh.go): what the cache keeps counts as
// fresh only while each of them tells of every change.
package invalidate

import (
	"context"
	"time"

	"django-sidecar/internal/keyhash"
)

// Forgetter is a cache of verdicts. What it reads from a store while one of these methods is called may be from before the
// change: the cache must not keep it.
type Forgetter interface {
	// ForgetSession forgets the session with this ID.
	ForgetSession(id keyhash.Hash)
	// ForgetUser forgets the user with this djangosession.User.ID, and what the user may do.
	ForgetUser(id string)
	// ForgetAccess forgets what users may do, for all of them.
	ForgetAccess()
	// ForgetAll forgets everything.
	ForgetAll()
	// SetFresh says whether the cache hears of every change from now on; metrics and pages call such a cache sound. With
	// false the cache also forgets everything.
	SetFresh(fresh bool)
	// Confirm says that each change from before that time has been told, or SetFresh(false) has been called since.
	Confirm(until time.Time)
}

// A Source tells of the changes in one place.
type Source struct {
	// Place names it, for messages.
	Place string
	// Watch tells the cache until ctx ends, and returns nil then; an error at once says that it never will tell. Report is told when it
	// begins to tell of every change, and when and why it does not; not twice of the same.
	Watch func(ctx context.Context, cache Forgetter, report func(fresh bool, why error)) error
}
