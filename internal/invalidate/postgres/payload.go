package postgres

import (
	"net/url"
	"strings"

	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/keyhash"
)

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
func (c change) tell(cache invalidate.Forgetter) {
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
