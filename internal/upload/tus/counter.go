package tus

import "sync"

// counter knows the unfinished uploads of each user.
type counter struct {
	limit int // 0: none
	mu    *sync.Mutex
	users map[string]map[string]struct{} // owner, id
}

func newCounter(limit int) counter {
	return counter{limit: limit, mu: new(sync.Mutex), users: map[string]map[string]struct{}{}}
}

// begin counts a new upload, unless its owner has as many as allowed.
func (c *counter) begin(owner, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit > 0 && len(c.users[owner]) >= c.limit {
		return false
	}
	c.put(owner, id)
	return true
}

// add counts an upload that is there.
func (c *counter) add(owner, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(owner, id)
}

func (c *counter) put(owner, id string) {
	if c.users[owner] == nil {
		c.users[owner] = map[string]struct{}{}
	}
	c.users[owner][id] = struct{}{}
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
