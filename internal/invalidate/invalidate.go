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

// Cache is what forgets. What is being read for the cache while one of its methods is called may be from before the change: it must not
// be kept.
type Cache interface {
	// ForgetSession forgets the session with this ID.
	ForgetSession(id keyhash.Hash)
	// ForgetUser forgets the user with this djangosession.User.ID, and what the user may do.
	ForgetUser(id string)
	// ForgetAccess forgets what users may do, for all of them.
	ForgetAccess()
	// ForgetAll forgets everything.
	ForgetAll()
	// SetSound says whether every change is told of from now on. With false it also forgets everything.
	SetSound(sound bool)
	// Confirm says that each change from before that time has been told, or SetSound(false) has been called since.
	Confirm(until time.Time)
}

// A Source tells of the changes in one place.
type Source struct {
	// Place names it, for messages.
	Place string
	// Watch tells the cache until ctx ends, and returns nil then; an error at once says that it never will tell. Report is told when it
	// begins to tell of every change, and when and why it does not; not twice of the same.
	Watch func(ctx context.Context, cache Cache, report func(sound bool, why error)) error
}
