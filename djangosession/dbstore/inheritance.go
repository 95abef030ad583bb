package dbstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ViewName is what Inherited calls its view.
const ViewName = "django_sidecar_users"

// Inherited is a user model whose columns are in several tables, since it inherits from another model's (multi-table
// inheritance).
type Inherited struct {
	// View is the SQL of a view that joins them, under the names of UsersConfig.Columns.
	View string
	// UserGroups and UserPermissions are the tables of groups and permissions, "" if there are none.
	UserGroups, UserPermissions string
}

// mostParents bounds how many tables are followed, from a model to its parent and so on.
const mostParents = 8

// Inherited says how the table of a user model is joined with those that it inherits from, nil if it inherits from
// none: its primary key is <parent>_ptr_id then, and leads to the parent's (db/models/base.py, 5.2,
// ModelBase.__new__).
func (u *Users) Inherited(ctx context.Context) (*Inherited, error) {
	c := u.config
	found := &Inherited{}
	quoted := func(name string) string { return identifier(name, c.Dialect.quoteMark) }
	var from string
	columnsOf := map[string]string{} // which alias has a column first
	key, table := "", c.Table
	for depth := range mostParents {
		columns, err := ReadColumns(ctx, u.db, c.Dialect, table)
		if err != nil {
			return nil, err
		}
		alias := fmt.Sprintf("t%d", depth)
		for name := range columns {
			if _, ok := columnsOf[name]; !ok {
				columnsOf[name] = alias
			}
		}
		if err := u.manyToMany(ctx, table, found); err != nil {
			return nil, err
		}
		if depth == 0 {
			from = c.Dialect.table(table) + " AS " + alias
		}
		keys, err := readForeignKeys(ctx, u.db, c.Dialect, table)
		if err != nil {
			return nil, err
		}
		parent, ok := keys.parent()
		if !ok {
			break
		}
		if depth == 0 {
			key = parent.from
		}
		table = strings.ReplaceAll(parent.shown, `"`, "") // PostgreSQL has put some in quotes
		from += fmt.Sprintf(" JOIN %s AS t%d ON t%d.%s = %s.%s",
			c.Dialect.table(table), depth+1, depth+1, quoted(parent.column), alias, quoted(parent.from))
	}
	if key == "" {
		return nil, nil //nolint:nilnil // it is no failure that the model inherits from none
	}
	selected := []string{"t0." + quoted(key) + " AS " + quoted(c.Columns.ID)}
	wanted := append([]string{c.Columns.Password, c.Columns.Username, c.Columns.Email, c.Columns.Active, c.Columns.Staff, c.Columns.Superuser}, c.Hash.Names...)
	for i, name := range wanted {
		if alias, ok := columnsOf[name]; ok && !slices.Contains(wanted[:i], name) {
			selected = append(selected, alias+"."+quoted(name))
		}
	}
	found.View = "CREATE VIEW " + ViewName + " AS SELECT " + strings.Join(selected, ", ") + " FROM " + from
	return found, nil
}

// manyToMany notes which tables of many-to-many fields are beside a table.
func (u *Users) manyToMany(ctx context.Context, table string, found *Inherited) error {
	of := PermissionsConfig{Dialect: u.config.Dialect, Table: table}
	for field, into := range map[string]*string{"groups": &found.UserGroups, "user_permissions": &found.UserPermissions} {
		name := of.manyToMany(field)
		switch _, err := ReadColumns(ctx, u.db, u.config.Dialect, name); {
		case err == nil:
			*into = name
		case !errors.Is(err, ErrNoTable):
			return err
		}
	}
	return nil
}

// parentLink is a foreign key, and the column that has it.
type parentLink struct {
	foreignKey

	from string
}

// parent is the foreign key to the table of the model that is inherited from.
func (keys foreignKeys) parent() (parentLink, bool) {
	for name, leads := range keys {
		if strings.HasSuffix(name, "_ptr_id") && len(leads) == 1 {
			return parentLink{leads[0], name}, true
		}
	}
	return parentLink{}, false
}
