package invalidate

import (
	"net/url"
	"strings"
	"time"

	"django-sidecar/internal/keyhash"
)

// Forgetter is the cache. Its methods are called one at a time. What is being read for the cache while one of them is
// called may be from before the change: it must not be kept.
type Forgetter interface {
	// ForgetSession forgets the session with this ID.
	ForgetSession(id keyhash.Hash)
	// ForgetUser forgets the user with this djangosession.User.ID, and what the user may do.
	ForgetUser(id string)
	// ForgetAccess forgets what users may do, for all of them.
	ForgetAccess()
	// ForgetAll forgets everything.
	ForgetAll()
	// SetSound says whether the cache hears of every change from now on. With false it also forgets everything.
	SetSound(sound bool)
	// Confirm says that each change from before that time has been told, or SetSound(false) has been called since.
	Confirm(until time.Time)
}

// maxPayload is more than PostgreSQL sends.
const maxPayload = 8 << 10

// change is what a payload tells.
type change struct {
	sessions   []keyhash.Hash
	users      []string
	access     bool
	everything bool
}

// parsePayload reads a payload of the triggers:
//
//	1 s 32 hexadecimal digits, or several of these between commas: sessions
//	1 u percent-encoded primary keys between commas: users
//	1 a what users may do, all of them
//	1 * everything
//
// Whatever else it is means everything too: another version's, or somebody else's, who can make us forget but nothing
// worse.
func parsePayload(payload string) change {
	everything := change{everything: true}
	kind, list, found := strings.Cut(strings.TrimPrefix(payload, "1 "), " ")
	if !strings.HasPrefix(payload, "1 ") || len(payload) > maxPayload {
		return everything
	}
	switch {
	case kind == "a" && !found:
		return change{access: true}
	case kind == "s" && found:
		return parseSessions(list)
	case kind == "u" && found:
		return parseUsers(list)
	}
	return everything
}

func parseSessions(list string) (c change) {
	for item := range strings.SplitSeq(list, ",") {
		id, err := keyhash.Parse(item)
		if err != nil {
			return change{everything: true}
		}
		c.sessions = append(c.sessions, id)
	}
	return c
}

func parseUsers(list string) (c change) {
	for item := range strings.SplitSeq(list, ",") {
		id, err := url.PathUnescape(item)
		if err != nil || id == "" {
			return change{everything: true}
		}
		c.users = append(c.users, id)
	}
	return c
}

// tell has the cache forget what has changed.
func (c change) tell(cache Forgetter) {
	if c.everything {
		cache.ForgetAll()
		return
	}
	for _, id := range c.sessions {
		cache.ForgetSession(id)
	}
	for _, id := range c.users {
		cache.ForgetUser(id)
	}
	if c.access {
		cache.ForgetAccess()
	}
}
