package djangosite

import (
	"context"
	"errors"

	"django-sidecar/djangosession"
)

// errNoTables says that a Site cannot do what needs the tables.
var errNoTables = errors.New("djangosite: the zero Site and a site of Ask have no tables: use FromEnv or Open")

// local is the site's deployment in this process; an error for a site that has none.
func (s *Site) local() (local, error) {
	if s == nil || s.deployment == nil {
		return local{}, errNoTables
	}
	return local{s.deployment}, nil
}

// UserByName finds a user by USERNAME_FIELD, as get_by_natural_key of Django's managers: exactly, by the collation of
// the database. Whether the user may log in is not asked. The error is [djangosession.ErrUserNotFound] where there is
// none, or more than one; any other says that nobody could find out, as for a site of [Ask].
func (s *Site) UserByName(ctx context.Context, name string) (djangosession.User, error) {
	l, err := s.local()
	if err != nil {
		return djangosession.User{}, err
	}
	user, err := l.UserByName(ctx, name)
	if err != nil {
		return djangosession.User{}, err
	}
	return user.User, nil
}
