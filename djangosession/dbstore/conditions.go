package dbstore

import (
	"context"
	"fmt"
	"strings"

	"django-sidecar/internal/sqlcondition"
)

// Conditions are SQL on a row of the user table, for what Django computes: a manager that hides rows, and properties
// in the place of columns. Each is one expression without parameters, such as status = 'active'; "" is none. NULL
// counts as false.
type Conditions struct {
	// Where is what a row must meet that the user model's default manager does not hide.
	Where string
	// Active, Staff and Superuser take the place of the columns.
	Active, Staff, Superuser string
}

// List returns the conditions that there are.
func (c Conditions) List() []string {
	var list []string
	for _, sql := range []string{c.Where, c.Active, c.Staff, c.Superuser} {
		if sql != "" {
			list = append(list, sql)
		}
	}
	return list
}

// flags are conditions as a query has them.
type flags struct{ where, active, staff, superuser string }

func (c Conditions) parse(d *Dialect) (f flags, err error) {
	for _, part := range []struct {
		sql  string
		into *string
	}{{c.Where, &f.where}, {c.Active, &f.active}, {c.Staff, &f.staff}, {c.Superuser, &f.superuser}} {
		if part.sql == "" {
			continue
		}
		condition, err := sqlcondition.Parse(part.sql)
		if err != nil {
			return f, fmt.Errorf("the condition %s %w", part.sql, err)
		}
		*part.into = condition.Flag("u", d == SQLite)
	}
	return f, nil
}

// and is what a query begins its own condition with.
func (f flags) and() string {
	if f.where == "" {
		return ""
	}
	return f.where + " = 1 AND "
}

// TryConditions has the database judge a row by the conditions, if there are any. An error for which IsMistake is
// true says that they are at fault.
func (u *Users) TryConditions(ctx context.Context) error {
	conditions, err := u.config.Conditions.parse(u.config.Dialect)
	if err != nil || conditions == (flags{}) {
		return err
	}
	if _, err := ReadColumns(ctx, u.db, u.config.Dialect, u.config.Table); err != nil {
		return err // as before Django's migrations
	}
	var all []string
	for _, flag := range []string{conditions.where, conditions.active, conditions.staff, conditions.superuser} {
		if flag != "" {
			all = append(all, flag)
		}
	}
	//nolint:gosec // G201: that the settings have SQL in them is the purpose
	query := fmt.Sprintf("SELECT %s FROM %s AS u WHERE 1 = 0",
		strings.Join(all, ", "), u.config.Dialect.table(u.config.Table))
	rows, err := u.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("trying the conditions on a user: %w", err)
	}
	defer rows.Close() //nolint:errcheck // nothing is read after this
	rows.Next()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("trying the conditions on a user: %w", err)
	}
	return nil
}

// IsMistake reports whether an error of TryConditions will be there again the next time: the database has understood
// the conditions, and refuses them, or cannot compute them. A privilege that is missing may be granted.
func IsMistake(err error) bool {
	if stateOf(err) == "42501" {
		return false
	}
	return misfits(err) || refusesData(err)
}

// refusesData reports SQLSTATE class 22, data exception: the database cannot compute what was asked.
func refusesData(err error) bool {
	return strings.HasPrefix(stateOf(err), "22")
}
