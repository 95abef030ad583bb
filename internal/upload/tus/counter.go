package tus

import (
	"sync"
	"time"

	"django-sidecar/internal/reply"
)

// counter knows the unfinished uploads of each user, and how many bytes they have or may have.
type counter struct {
	files int   // of a user at most; 0: any number
	bytes int64 // the same
	mu    *sync.Mutex
	users map[string]map[string]unfinished // owner, id
}

// unfinished is what an upload counts for.
type unfinished struct {
	bytes   int64     // its length, or what it has where that is not known
	expires time.Time // after which it counts no more; zero: it has just begun
}

func newCounter(files int, bytes int64) counter {
	return counter{files: files, bytes: bytes, mu: new(sync.Mutex), users: map[string]map[string]unfinished{}}
}

// begin counts a new upload, unless its owner has as much as allowed.
func (c *counter) begin(owner, id string, bytes int64, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.users[owner]
	total := max(bytes, 0)
	for id, u := range mine {
		if !u.expires.IsZero() && !now.Before(u.expires) {
			delete(mine, id) // the next sweep removes it
			continue
		}
		total += u.bytes
	}
	switch {
	case c.files > 0 && len(mine) >= c.files:
		return reply.TooManyOpen
	case c.bytes > 0 && total > c.bytes:
		return reply.OpenTooLarge
	}
	c.put(owner, id, unfinished{bytes: max(bytes, 0)})
	return nil
}

// grow says that an upload has so many bytes, or will have, unless that is more than its owner may have. It never
// shrinks: what does not count may be on the disk.
func (c *counter) grow(owner, id string, bytes int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users[owner][id]
	if bytes <= u.bytes {
		return nil
	}
	total := bytes - u.bytes
	for _, other := range c.users[owner] {
		total += other.bytes
	}
	if c.bytes > 0 && total > c.bytes {
		return reply.OpenTooLarge
	}
	u.bytes = bytes
	c.put(owner, id, u)
	return nil
}

// add counts an upload that is there, or is there still.
func (c *counter) add(owner, id string, bytes int64, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(owner, id, unfinished{max(bytes, c.users[owner][id].bytes), expires})
}

func (c *counter) put(owner, id string, u unfinished) {
	if c.users[owner] == nil {
		c.users[owner] = map[string]unfinished{}
	}
	c.users[owner][id] = u
}

// end says that an upload is finished or gone.
func (c *counter) end(owner, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.users[owner], id)
	if len(c.users[owner]) == 0 {
		delete(c.users, owner)
	}
}

// except are the uploads that count, by their owners, but for those that are seen.
func (c *counter) except(seen map[string]bool) (owners map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owners = map[string]string{}
	for owner, mine := range c.users {
		for id := range mine {
			if !seen[id] {
				owners[id] = owner
			}
		}
	}
	return owners
}
