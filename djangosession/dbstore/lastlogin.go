package dbstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
)

// lastLoginColumn is that of AbstractBaseUser.last_login.
const lastLoginColumn = "last_login"

var errNoLastLogin = errors.New("the user table has no column last_login, or it may not be read")

// LastLogin returns what the clock shows of last_login, as Django reads it: in UTC with USE_TZ, and otherwise in
// TIME_ZONE. Its location says nothing, and seconds have no fraction. It is the zero Time for a user who has never
// logged in. It fails with ErrUserNotFound for a primary key, as User.ID has it, that no user has, and panics without a
// Zone where one is needed.
func (u *Users) LastLogin(ctx context.Context, id string, zone Zone) (time.Time, error) {
	zone = zone.known(u.config.Dialect, "LastLogin")
	at, err := u.lastLogin(ctx, id, zone)
	if errors.Is(err, errNoLastLogin) { // it may be there by now, or be one that may be read
		at, err = u.lastLogin(ctx, id, zone)
	}
	return at, err
}

func (u *Users) lastLogin(ctx context.Context, id string, zone Zone) (time.Time, error) {
	return withShape(ctx, &u.shapes, func(shape *userShape) (time.Time, error) {
		if shape.lastLogin == nil {
			u.shapes.doubt(shape)
			return time.Time{}, errNoLastLogin
		}
		var shown any
		err := shape.lastLogin.one(ctx, []any{u.config.Dialect.keyValue(shape.keyType, id)}, &shown)
		if isNoRows(err) {
			return time.Time{}, djangosession.ErrUserNotFound
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("reading last_login: %w", u.shapes.failedAlone(shape, err))
		}
		return clockOf(shown, zone)
	})
}

// clockOf is what the clock shows of a selected instant.
func clockOf(shown any, zone Zone) (time.Time, error) {
	var text string
	switch v := shown.(type) {
	case nil:
		return time.Time{}, nil
	case time.Time: // PostgreSQL knows the instant
		return asUTC(v.In(zone.location())).Truncate(time.Second), nil
	case []byte:
		text = string(v)
	case string:
		text = v
	}
	at, err := time.Parse(time.DateTime, text) // which takes the fraction of a second too
	if err != nil {
		return time.Time{}, errors.New("last_login is no datetime that Django writes")
	}
	return at.Truncate(time.Second), nil
}
