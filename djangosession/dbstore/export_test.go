package dbstore

import "cmp"

// Trusting names the tables that have no name, so that they need no foreign keys.
func (c PermissionsConfig) Trusting() PermissionsConfig {
	named := c
	if named.Table == "" {
		named.Table = "auth_user"
	}
	for _, m := range []struct {
		of    *ManyToMany
		table string
	}{
		{&c.Groups.UserGroups, named.manyToMany("groups")},
		{&c.Groups.UserPermissions, named.manyToMany("user_permissions")},
		{&c.Groups.GroupPermissions, "auth_group_permissions"},
	} {
		m.of.Table = cmp.Or(m.of.Table, m.table)
	}
	return c
}

// Hold keeps all lookups waiting until release.
func (b *Batcher) Hold() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle--
	return func() { go b.work() } // which becomes idle where there is nothing to do
}

func (q *lookupQueue[R]) count() int { return len(q.waiting) }

// Waiting counts the lookups that wait for a connection.
func (b *Batcher) Waiting() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.ready {
		if q, ok := q.(interface{ count() int }); ok {
			n += q.count()
		}
	}
	return n
}

// Batcher is what was configured.
func (s *Sessions) Batcher() *Batcher { return s.config.Batcher }

// Batcher is what was configured.
func (u *Users) Batcher() *Batcher { return u.config.Batcher }

// Batcher is what was configured.
func (p *Permissions) Batcher() *Batcher { return p.config.Batcher }

// EnterLarge takes all the room that there is for large sessions, until leave.
func (s *Sessions) EnterLarge() (leave func()) {
	for range cap(s.gate) {
		s.gate <- struct{}{}
	}
	return func() {
		for range cap(s.gate) {
			<-s.gate
		}
	}
}
