package dbstore

import "cmp"

// Trusting names the tables that have no name, so that they need no foreign keys.
func (c AccessConfig) Trusting() AccessConfig {
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
func (j *Joiner) Hold() (release func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.idle--
	return func() { go j.work() } // which becomes idle where there is nothing to do
}

func (q *queue[R]) count() int { return len(q.waiting) }

// Waiting counts the lookups that wait for a connection.
func (j *Joiner) Waiting() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, q := range j.ready {
		if q, ok := q.(interface{ count() int }); ok {
			n += q.count()
		}
	}
	return n
}

// Joiner is what was configured.
func (s *Sessions) Joiner() *Joiner { return s.config.Join }

// Joiner is what was configured.
func (u *Users) Joiner() *Joiner { return u.config.Join }

// Joiner is what was configured.
func (a *Access) Joiner() *Joiner { return a.config.Join }

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
