package dbstore

import (
	"database/sql"
	"slices"

	"django-sidecar/djangosession"
)

// The kinds of the query's rows.
const (
	userKind = iota
	groupKind
	permissionKind
)

// accessRow is a row as it is scanned.
type accessRow struct {
	kind                      int
	active                    any
	group, appLabel, codename sql.NullString
}

// columns are where a row is scanned to.
func (r *accessRow) columns() []any {
	return []any{&r.kind, &r.active, &r.group, &r.appLabel, &r.codename}
}

// bytes is how much of a row is kept.
func (r *accessRow) bytes() int {
	return len(r.group.String) + len(r.appLabel.String) + len(r.codename.String)
}

// tooLarge reports whether the database has left out a name, because of its length. No name is NULL in Django's tables.
func (r *accessRow) tooLarge() bool {
	return r.kind == groupKind && !r.group.Valid || r.kind == permissionKind && (!r.appLabel.Valid || !r.codename.Valid)
}

// holding is what the rows of one user come to.
type holding struct {
	found, active bool
	groups        []string
	permissions   map[string]struct{}
}

func (h *holding) add(r *accessRow) {
	switch r.kind {
	case userKind:
		h.found, h.active = true, flag(r.active) == djangosession.True
	case groupKind:
		h.groups = append(h.groups, r.group.String)
	case permissionKind:
		if h.permissions == nil {
			h.permissions = map[string]struct{}{}
		}
		h.permissions[r.appLabel.String+"."+r.codename.String] = struct{}{}
	}
}

// access follows _get_permissions of contrib/auth/backends.py, 5.2: there is no permission where the user is not
// active. The groups stay, because user.groups are rows that is_active says nothing about.
func (h *holding) access(shape *permissionsShape) djangosession.Access {
	if !h.found {
		return djangosession.Access{PermissionsUnknown: shape.noPermissions != nil}
	}
	slices.Sort(h.groups)
	a := djangosession.Access{
		IsActive: h.active, Groups: slices.Compact(h.groups),
		PermissionsUnknown: shape.noPermissions != nil,
	}
	if h.active {
		a.Permissions = h.permissions
	}
	return a
}
