package verdictcache

import (
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
)

// Peek is Verify for what is kept: it asks nobody.
func (c *Cache) Peek(key keyhash.Hash, asked time.Time) (djangosession.Verdict, bool) {
	s, hash := c.shardOf(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(c, key, hash, c.moment(asked))
}

// PeekAccess is AccessOf for what is kept: it asks nobody.
func (c *Cache) PeekAccess(userID string) (djangosession.Access, bool) {
	hash := c.userHash(userID)
	q := accessOf{c: c, s: &c.accesses[hash>>c.accessShift], id: userID, hash: hash}
	_, at := c.clock()
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	return q.lookup(at)
}
