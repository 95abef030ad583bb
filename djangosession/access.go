package djangosession

import (
	"context"
	"errors"
	"slices"
)

// Access is what a user may do, as contrib/auth/backends.py, 5.2, ModelBackend computes it from the tables. The zero
// Access is in no group and may do nothing.
type Access struct {
	// Groups are the names of the user's groups, sorted.
	Groups []string
	// Permissions are the user's own and those of the groups, each as "app_label.codename". There are none while the
	// user is inactive. What a superuser may do besides is not listed: it is everything, if IsActive.
	Permissions map[string]struct{}
	// PermissionsUnknown says that Permissions are none because the tables do not tell of them.
	PermissionsUnknown bool
	// IsActive is user.is_active. The verifier has asked before, but lets inactive users of an
	// AllowAllUsersModelBackend in, and to has_perm of contrib/auth/models.py, 5.2, a superuser is one only while
	// active.
	IsActive bool
}

// HasPerm is user.has_perm(perm) of a user whose Access it is, for a permission as "app_label.codename": an active
// superuser has them all (contrib/auth/models.py, 5.2, PermissionsMixin.has_perm). It is what ModelBackend says:
// Verifier.Permissions tells whether that is the whole answer.
func (a Access) HasPerm(user User, perm string) bool {
	if !a.IsActive || a.PermissionsUnknown {
		return false
	}
	_, has := a.Permissions[perm]
	return has || user.IsSuperuser == True
}

// InGroup reports whether the user is in the group of that name. Superusers are in their own groups only.
func (a Access) InGroup(name string) bool { return slices.Contains(a.Groups, name) }

// AccessStore finds out what a user may do. An error that is ErrNoPermissionsMixin says that the user model has no
// groups and permissions; any other, that it could not be found out.
type AccessStore interface {
	AccessOf(ctx context.Context, userID string) (Access, error)
}

// ErrNoPermissionsMixin says that the user model has no groups and permissions that can be read: it is not made with
// Django's PermissionsMixin, so that their tables are missing, or the tables are not those of django.contrib.auth. This
// is a fault of the configuration that asks for them, and no failure of a store.
var ErrNoPermissionsMixin = errors.New("the user model has no groups and permissions")
