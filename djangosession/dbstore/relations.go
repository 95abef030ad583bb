package dbstore

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // Django's names of tables have it; it protects nothing
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"django-sidecar/djangosession"
)

// GroupTables names the tables of groups and permissions. "" means the name of django.contrib.auth, or what is found.
type GroupTables struct {
	Group, GroupID, GroupName string // "auth_group", "id", "name"
	Permission                string // "auth_permission"
	// UserGroups and UserPermissions are those of the user model's many-to-many fields, GroupPermissions that of the
	// groups'.
	UserGroups, UserPermissions, GroupPermissions ManyToMany
}

// ManyToMany is the table of a many-to-many field, or of its through model. A table that is named here is believed to
// be the field's where it has no foreign keys. One that has them, and leads elsewhere, never is.
type ManyToMany struct {
	Table    string
	From, To string // the columns that name the model with the field, and the other one
}

func (g GroupTables) withDefaults() GroupTables {
	g.Group, g.GroupID = cmp.Or(g.Group, "auth_group"), cmp.Or(g.GroupID, "id")
	g.GroupName = cmp.Or(g.GroupName, "name")
	g.Permission = cmp.Or(g.Permission, "auth_permission")
	return g
}

// AreNamed reports whether a table is not the one that Django would have.
func (g GroupTables) AreNamed() bool {
	g = g.withDefaults()
	return g.Group != "auth_group" || g.Permission != "auth_permission" ||
		g.UserGroups.Table+g.UserPermissions.Table+g.GroupPermissions.Table != ""
}

// Relation is a many-to-many field.
type Relation string

// The relations that groups and permissions depend on.
const (
	UserGroups       Relation = "groups of users"
	UserPermissions  Relation = "permissions of users"
	GroupPermissions Relation = "permissions of groups"
)

// RelationError says that a table does not lead where Django's own would, or that nobody can see where it leads: its
// rows have numbers of something else then, and may not be read as groups or permissions. It is a
// djangosession.ErrNoPermissionsMixin.
type RelationError struct {
	Relation      Relation
	Table, Column string
	Leads         string // the table that Column leads to, "" if none can be seen
	Wanted        string // the table that it should lead to
	Why           string // something else that is wrong; "" otherwise
}

// Error implements error.
func (e *RelationError) Error() string {
	text := fmt.Sprintf("the %s are not known: table %s ", e.Relation, e.Table)
	switch {
	case e.Why != "":
		return text + e.Why
	case e.Leads == "":
		return text + fmt.Sprintf("has no foreign key on %s, so that nobody can see whether it leads to %s",
			e.Column, e.Wanted)
	}
	return text + fmt.Sprintf("leads from %s to %s, and not to %s", e.Column, e.Leads, e.Wanted)
}

// Is reports whether target says that groups or permissions cannot be asked for.
func (*RelationError) Is(target error) bool { return target == djangosession.ErrNoPermissionsMixin }

// link is a many-to-many table, and its columns.
type link struct{ table, from, to string }

// links are the three that the query goes along.
type links struct {
	groups, permissions, ofGroups link
	noPermissions                 *RelationError // the second or the third is not known
}

// target is a table that a column should lead to.
type target struct {
	table, key string
	identity   string // what the catalogue knows the table by
	view       bool   // foreign keys lead to the tables behind it
	usual      string // what Django calls a column that leads there; "" depends on the model's name
}

func (p *Permissions) links(ctx context.Context) (l links, err error) {
	c := p.config
	groupsTable, permissionsTable := c.manyToMany("groups"), c.manyToMany("user_permissions")
	for _, table := range []string{cmp.Or(c.Groups.UserGroups.Table, groupsTable), cmp.Or(c.Groups.UserPermissions.Table, permissionsTable)} {
		switch _, err := ReadColumns(ctx, p.db, c.Dialect, table); {
		case errors.Is(err, ErrNoTable):
			return l, fmt.Errorf("%w: %w", djangosession.ErrNoPermissionsMixin, err)
		case err != nil:
			return l, err
		}
	}
	user, err := p.target(ctx, c.Table, c.Columns.ID, "")
	if err != nil {
		return l, err
	}
	group, err := p.target(ctx, c.Groups.Group, c.Groups.GroupID, "group_id")
	if err != nil {
		return l, err
	}
	permission, err := p.target(ctx, c.Groups.Permission, "id", "permission_id")
	if err != nil {
		return l, err
	}
	if l.groups, err = p.link(ctx, UserGroups, c.Groups.UserGroups, groupsTable, user, group); err != nil {
		return l, err
	}
	if l.permissions, err = p.link(ctx, UserPermissions, c.Groups.UserPermissions, permissionsTable, user, permission); err == nil {
		l.ofGroups, err = p.link(ctx, GroupPermissions, c.Groups.GroupPermissions, "auth_group_permissions",
			group, permission)
	}
	if r, ok := isRelation(err); ok {
		l.noPermissions, err = r, nil
	}
	return l, err
}

// link looks at a many-to-many table, and finds its columns. It is djangos unless m names another one.
func (p *Permissions) link(ctx context.Context, r Relation, m ManyToMany, djangos string, from, to target) (link, error) {
	l := link{table: cmp.Or(m.Table, djangos)}
	columns, err := ReadColumns(ctx, p.db, p.config.Dialect, l.table)
	if err != nil {
		return l, err
	}
	keys, err := readForeignKeys(ctx, p.db, p.config.Dialect, l.table)
	if err != nil {
		return l, err
	}
	wrong := func(why string) (link, error) {
		return l, tableError{&RelationError{Relation: r, Table: l.table, Why: why}}
	}
	if l.to = keys.column(columns, m.To, to, ""); l.to == "" {
		return wrong("has no column " + cmp.Or(m.To, to.usual))
	}
	if l.from = keys.column(columns, m.From, from, l.to); l.from == "" && m.From == "" {
		rest := slices.DeleteFunc(slices.Sorted(maps.Keys(columns)), func(name string) bool { return name == "id" || name == l.to })
		if len(rest) != 1 {
			return wrong(fmt.Sprintf("must have one column besides id and %s, and has %d: %s",
				l.to, len(rest), strings.Join(rest, ", ")))
		}
		l.from = rest[0]
	}
	if l.from == "" {
		return wrong("has no column " + m.From)
	}
	for _, end := range []struct {
		column string
		target
	}{{l.from, from}, {l.to, to}} {
		if e := keys.wrong(end.column, end.target, m.Table != ""); e != nil {
			e.Relation, e.Table = r, l.table
			return l, tableError{e}
		}
	}
	return l, nil
}

// foreignKey is where a column leads.
type foreignKey struct{ identity, column, shown string }

// foreignKeys are those of a table, by its columns.
type foreignKeys map[string][]foreignKey

func (f foreignKey) leadsTo(t target) bool {
	return strings.EqualFold(f.identity, t.identity) && strings.EqualFold(f.column, t.key)
}

// column finds the column of a many-to-many table that leads to a target: the one that is named, or that Django would
// call so, or that is the only one to lead there. Django calls the user's after the user model:
// db/models/fields/related.py, 5.2, create_many_to_many_intermediary_model.
func (keys foreignKeys) column(columns map[string]string, named string, t target, besides string) string {
	if usual := cmp.Or(named, t.usual); usual != "" {
		if _, ok := columns[usual]; ok {
			return usual
		} else if named != "" {
			return ""
		}
	}
	var leading []string
	for name, leads := range keys {
		if name != besides && slices.ContainsFunc(leads, func(f foreignKey) bool { return f.leadsTo(t) }) {
			leading = append(leading, name)
		}
	}
	if len(leading) != 1 {
		return ""
	}
	return leading[0]
}

// wrong says what is wrong with where a column leads; nil if nothing is. trusted allows that it leads nowhere that
// can be seen.
func (keys foreignKeys) wrong(column string, t target, trusted bool) *RelationError {
	leads := keys[column]
	for _, f := range leads {
		if !f.leadsTo(t) && (!t.view || !trusted) {
			return &RelationError{Column: column, Leads: f.shown, Wanted: t.table}
		}
	}
	if len(leads) == 0 && !trusted {
		return &RelationError{Column: column, Wanted: t.table}
	}
	return nil
}

func (p *Permissions) target(ctx context.Context, table, key, usual string) (target, error) {
	t := target{table: table, key: key, usual: usual}
	query, args := p.config.Dialect.identity(table)
	var identity sql.NullString
	var view sql.NullInt64
	find := source{db: p.db, dialect: p.config.Dialect}.list(query, "identity", "is_view")
	switch err := find.one(ctx, args, &identity, &view); {
	case errors.Is(err, sql.ErrNoRows):
		return t, fmt.Errorf("table %s: %w", table, ErrNoTable)
	case err != nil:
		return t, fmt.Errorf("looking at table %s: %w", table, err)
	}
	t.identity, t.view = identity.String, view.Int64 != 0
	return t, nil
}

func readForeignKeys(ctx context.Context, db *sql.DB, d *Dialect, table string) (keys foreignKeys, err error) {
	query, args := d.foreignKeys(table)
	find := source{db: db, dialect: d}.list(query, "name", "identity", "leads", "shown")
	err = find.all(ctx, args, func(a *answer) error {
		keys = foreignKeys{}
		for {
			var name, identity, leads, shown sql.NullString
			if more, err := a.next(&name, &identity, &leads, &shown); err != nil || !more {
				return err
			}
			keys[name.String] = append(keys[name.String], foreignKey{identity.String, leads.String, shown.String})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("looking at the foreign keys of table %s: %w", table, err)
	}
	return keys, nil
}

// nameLimits are what max_name_length of db/backends/*/operations.py, 5.2, returns; SQLite has no limit.
var nameLimits = map[*Dialect]int{Postgres: 63, MySQL: 64}

// manyToMany is the table of a many-to-many field of the user model: db/models/fields/related.py, 5.2,
// _get_m2m_db_table, and db/backends/utils.py, truncate_name. Like there, a schema is no part of what is cut.
func (c PermissionsConfig) manyToMany(field string) string {
	dot := strings.LastIndexByte(c.Table, '.') + 1
	name := []rune(c.Table[dot:] + "_" + field)
	const digits = 4
	if limit, ok := nameLimits[c.Dialect]; ok && len(name) > limit {
		sum := md5.Sum([]byte(string(name))) //nolint:gosec // as above
		name = append(name[:limit-digits:limit-digits], []rune(hex.EncodeToString(sum[:])[:digits])...)
	}
	return c.Table[:dot] + string(name)
}
