// Package invalidate keeps a cache of verdicts exact: sources hear which sessions and users have changed, and the
// cache forgets them.
//
// There is a source for each place that verdicts depend on. Package postgres listens to the triggers of a database;
// package redis listens to the cache that holds sessions. Read fresh.go first: [Watch] runs the sources of a
// deployment together, and the cache counts as fresh only while each of them hears of every change.
package invalidate

import (
	"context"
	"time"

	"django-sidecar/internal/keyhash"
)

// Forgetter is a cache of verdicts. What it reads from a store while one of these methods is called may be from
// before the change: the cache must not keep it.
type Forgetter interface {
	// ForgetSession forgets the session with this ID.
	ForgetSession(id keyhash.Hash)
	// ForgetUser forgets the user with this djangosession.User.ID, and what the user may do.
	ForgetUser(id string)
	// ForgetAccess forgets what users may do, for all of them.
	ForgetAccess()
	// ForgetAll forgets everything.
	ForgetAll()
	// SetFresh says whether the cache hears of every change from now on; metrics and pages call such a cache sound.
	// With false the cache also forgets everything.
	SetFresh(fresh bool)
	// Confirm says that the cache has heard of each change before that time, or that SetFresh(false) was called since.
	Confirm(until time.Time)
}

// A Source hears of the changes in one place.
type Source struct {
	// Place names it, for messages.
	Place string
	// Watch has the cache forget what changes, until ctx ends; then it returns nil. An error at once says that this
	// source never can hear. Watch calls report when it begins to hear of every change, and when and why it no longer
	// does; it does not repeat itself.
	Watch func(ctx context.Context, cache Forgetter, report func(fresh bool, why error)) error
}
