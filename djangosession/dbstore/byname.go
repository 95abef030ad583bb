package dbstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
)

// ErrSeveralUsers says that more than one user has the name: Django's MultipleObjectsReturned. It is an
// ErrUserNotFound, because nobody is named by it.
var ErrSeveralUsers = fmt.Errorf("several users have this name: %w", djangosession.ErrUserNotFound)

var (
	errNoNames     = errors.New("users cannot be found by their names: the table has no column of texts for USERNAME_FIELD")
	errNoPasswords = errors.New("passwords cannot be checked: the database makes the session auth hashes, and the password " +
		"column is not read")
)

// UserByName returns the user of that name: get_by_natural_key of contrib/auth/base_user.py, 1.11 to 6.1, which asks
// for USERNAME_FIELD as it is. The collation of the column says which names are equal. It fails with ErrUserNotFound
// where there is none, and with ErrSeveralUsers.
func (u *Users) UserByName(ctx context.Context, name string) (*djangosession.StoredUser, error) {
	if len(name) > maxTextBytes || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return nil, djangosession.ErrUserNotFound // no database has such a name
	}
	return withShape(ctx, &u.shapes, func(shape *userShape) (*djangosession.StoredUser, error) {
		if shape.byName == nil {
			return nil, errNoNames
		}
		var found []*userRow
		err := shape.byName.all(ctx, u.parameters(name), func(a *answer) error {
			found = nil // it may be asked again
			for len(found) < 2 {
				row := userRow{hashed: make([]any, len(shape.hashed))}
				if more, err := a.next(row.columns()...); err != nil || !more {
					return err
				}
				found = append(found, &row)
			}
			return nil
		})
		switch {
		case isNoRows(err) || err == nil && len(found) == 0:
			return nil, djangosession.ErrUserNotFound
		case err != nil:
			return nil, u.shapes.failed(shape, err)
		case len(found) > 1:
			return nil, ErrSeveralUsers
		}
		return u.user(shape, keyOf(shape.keyType, found[0].id.String), found[0])
	})
}

// UserByKey returns the user whose primary key is id, as User.ID has it. No other spelling finds anybody.
func (u *Users) UserByKey(ctx context.Context, id string) (*djangosession.StoredUser, error) {
	return withShape(ctx, &u.shapes, func(shape *userShape) (*djangosession.StoredUser, error) {
		if !spellsKey(shape.keyType, id) {
			return nil, djangosession.ErrUserNotFound
		}
		row, err := shape.queue.find(ctx, keyOf(shape.keyType, id))
		if err != nil {
			return nil, err
		}
		return u.user(shape, keyOf(shape.keyType, id), row)
	})
}

// spellsKey reports whether a text is a primary key of the type, as User.ID has it. Databases that compare numbers read
// 1abc as 1, and nothing as 0.
func spellsKey(t djangosession.KeyType, id string) bool {
	switch t {
	case djangosession.IntegerKey:
		n, err := strconv.ParseInt(id, 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == id
	case djangosession.UUIDKey:
		key, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
		return err == nil && len(key) == 16
	case djangosession.TextKey:
		return id != "" && utf8.ValidString(id) && !strings.ContainsRune(id, 0)
	}
	return false
}

// keyOf is a primary key as ToPython writes it, from a row that was not found by it.
func keyOf(t djangosession.KeyType, id string) string {
	if h := strings.ReplaceAll(strings.ToLower(id), "-", ""); t == djangosession.UUIDKey && len(h) == 32 {
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	return id
}

// UserWriter changes what a login changes of a user. It is the only part of this package that writes to the user table.
type UserWriter struct {
	users *Users
	db    *sql.DB
	zone  Zone
}

// Writer returns what writes to the table of u through db, which may be another connection to the same database than
// that which is read. It does no I/O, and panics without a Zone where one is needed.
func (u *Users) Writer(db *sql.DB, zone Zone) *UserWriter {
	return &UserWriter{u, db, zone.known(u.config.Dialect, "Users.Writer")}
}

// SetPassword gives the user whose primary key is id another encoded password, if it still is what it was. It reports
// whether it was.
func (w *UserWriter) SetPassword(ctx context.Context, id, was, is string) (bool, error) {
	if w.users.config.HashFunction.Name != "" {
		return false, errNoPasswords
	}
	n, err := w.set(ctx, id, w.users.config.Columns.Password, is, w.users.config.Columns.Password, was)
	return n == 1, err
}

// SetLastLogin is update_last_login of contrib/auth/models.py, 5.2. It does nothing where the table has no column
// last_login, as Django does where the model has no such field.
func (w *UserWriter) SetLastLogin(ctx context.Context, id string, at time.Time) error {
	shape, err := w.users.shapes.get(ctx)
	if err != nil || shape.lastLogin == nil {
		return err
	}
	_, err = w.set(ctx, id, lastLoginColumn, w.users.config.Dialect.now(at, w.zone), "", nil)
	return err
}

// set sets a column of a user, where another column still is what it was, if that has a name.
func (w *UserWriter) set(ctx context.Context, id, column string, value any, other string, was any) (int64, error) {
	u := w.users
	shape, err := u.shapes.get(ctx)
	if err != nil {
		return 0, err
	}
	if u.config.Prepare == nil || !u.config.Prepare() {
		if err := CheckDriver(ctx, w.db, u.config.Dialect); err != nil {
			return 0, err
		}
	}
	d := u.config.Dialect
	key := d.keyValue(shape.keyType, id)
	mark := func(n int) string {
		if d.placeholder == "?" {
			return "?"
		}
		return fmt.Sprintf("%s%d", d.placeholder[:1], n)
	}
	condition, args := d.column(u.config.Columns.ID)+" = "+d.keyParameter[shape.keyType], []any{key, value}
	if other != "" {
		condition, args = condition+" AND "+d.column(other)+" = "+mark(3), append(args, was)
	}
	if d.placeholder == "?" { // in the order of the text
		args[0], args[1] = value, key
	}
	//nolint:gosec // G202: names are quoted, and all values are parameters
	text := "UPDATE " + d.table(u.config.Table) + " AS u SET " + identifier(column, d.quoteMark) + " = " + mark(2) + " WHERE " + condition
	result, err := w.db.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, fmt.Errorf("writing to a user: %w", u.shapes.failedAlone(shape, err))
	}
	return result.RowsAffected()
}
