package dbstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// ErrColumns says that a session table has columns of a project's own which a new row must fill: the store that knows
// with what is Django's.
var ErrColumns = errors.New("a new session would leave columns empty that must not be")

// Writes says what is to be written of sessions.
type Writes struct {
	Touch, Logout, Login bool
	Update               bool // sessions are begun and changed, as a login does it, and none is deleted
}

// Probe asks the database whether it would let the sessions be written: nil says that it would. It changes nothing.
func (w *Writer) Probe(ctx context.Context, what Writes) error {
	table := w.from.dialect.table(w.config.Table)
	saves := what.Login || what.Update
	probe := func(needed bool, right, text string) error {
		if !needed {
			return nil
		}
		if _, err := w.exec(ctx, fmt.Sprintf(text, table)); err != nil {
			return fmt.Errorf("%s on table %s: %w", right, w.config.Table, err)
		}
		return nil
	}
	if err := probe(what.Touch && !saves, "UPDATE of expire_date",
		"UPDATE %s SET expire_date = expire_date WHERE 1 = 0"); err != nil {
		return err
	}
	if err := probe(what.Logout || what.Login, "DELETE", "DELETE FROM %s WHERE 1 = 0"); err != nil {
		return err
	}
	if err := probe(saves, "UPDATE of session_data and expire_date",
		"UPDATE %s SET session_data = session_data, expire_date = expire_date WHERE 1 = 0"); err != nil {
		return err
	}
	err := probe(saves, "INSERT", cmp.Or(w.from.dialect.strictInsert, "INSERT")+" INTO %[1]s (session_key, session_data, expire_date) "+
		"SELECT session_key, session_data, expire_date FROM %[1]s WHERE 1 = 0")
	switch {
	case err != nil && isUnfilled(err):
		return fmt.Errorf("%w: %w", ErrColumns, err)
	case err != nil || !saves || w.from.dialect.demanded == nil:
		return err
	}
	return w.fillsAll(ctx)
}

// isUnfilled reports MySQL's error for a column that has no default and is not in an INSERT: ER_NO_DEFAULT_FOR_FIELD,
// whose SQLSTATE says nothing.
func isUnfilled(err error) bool { return strings.Contains(err.Error(), "Error 1364 ") }

// fillsAll finds columns that a new session would leave empty, and that must not be. MySQL does so at strictInsert.
func (w *Writer) fillsAll(ctx context.Context) error {
	query, args := w.from.dialect.demanded(w.config.Table)
	var names []string
	err := w.from.list(query, "name").all(ctx, args, func(a *answer) error {
		names = nil
		for {
			var name sql.NullString
			if more, err := a.next(&name); err != nil || !more {
				return err
			}
			names = append(names, name.String)
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("looking at table %s: %w", w.config.Table, err)
	case len(names) > 0:
		return fmt.Errorf("table %s: %w: %s", w.config.Table, ErrColumns, strings.Join(names, ", "))
	}
	return nil
}

// Probe asks the database whether it would let be written what a login changes of a user: nil says that it would. It
// changes nothing.
func (w *UserWriter) Probe(ctx context.Context) error {
	shape, err := w.users.shapes.get(ctx)
	if err != nil {
		return err
	}
	columns := []string{w.users.config.Columns.Password}
	if shape.lastLogin != nil {
		columns = append(columns, lastLoginColumn)
	}
	d := w.users.config.Dialect
	for _, column := range columns {
		// Of last_login, nothing says that it may be read.
		//nolint:gosec // G202: names are quoted
		text := "UPDATE " + d.table(w.users.config.Table) + " SET " + identifier(column, d.quoteMark) + " = NULL WHERE 1 = 0"
		if _, err := w.db.ExecContext(ctx, text); err != nil {
			err = w.users.shapes.failedAlone(shape, err)
			return fmt.Errorf("UPDATE of %s on table %s: %w", column, w.users.config.Table, err)
		}
	}
	return nil
}
