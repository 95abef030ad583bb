package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"django-sidecar/djangosession"
)

// look looks at the tables.
func (p *Permissions) look(ctx context.Context) (*permissionsShape, error) {
	user, err := lookAtUsers(ctx, p.db, p.config.Dialect, p.config.Table, p.config.user)
	if err != nil {
		return nil, err
	}
	links, err := p.links(ctx)
	if err != nil {
		return nil, err
	}
	shape := p.config.shape(p.db, user, links)
	shape.queue.most = maxAccessBatch
	shape.asks(p.config.Dialect, p.config.Batcher, func(ctx context.Context, key any) (djangosession.Access, error) {
		return p.ask(ctx, shape, key)
	}, func(ctx context.Context, userIDs []string, found func(string, djangosession.Access)) error {
		return p.askAll(ctx, shape, userIDs, found)
	})
	return shape, nil
}

// userRows is what the query needs to know of the user table.
type userRows struct {
	keyType       djangosession.KeyType
	active, where string // SQL
}

func (c PermissionsConfig) user(columns map[string]string) (u userRows, err error) {
	conditions, err := c.Conditions.parse(c.Dialect)
	if err != nil {
		return u, err
	}
	needed := []string{c.Columns.ID}
	if conditions.active == "" {
		needed = append(needed, c.Columns.Active)
	}
	u.where = conditions.and()
	if u.keyType, err = c.Dialect.keyTypeOf(c.Columns.ID, c.Table, columns, needed...); err != nil {
		return u, err
	}
	switch {
	case conditions.active != "":
		u.active = conditions.active
	case c.Columns.Active != NoColumn:
		value, _ := c.Dialect.text(c.Dialect.column(c.Columns.Active), columns[c.Columns.Active])
		u.active = c.Dialect.flag(value, columns[c.Columns.Active])
	default:
		u.active = "1" // AbstractBaseUser.is_active is True
	}
	return u, nil
}

// shape fits the query to the tables.
func (c PermissionsConfig) shape(db *sql.DB, u userRows, l links) *permissionsShape {
	shape := &permissionsShape{
		byUser: byUser[djangosession.Access]{keyType: u.keyType}, repeat: 1,
		noPermissions: l.noPermissions,
	}
	template := groupsQuery
	if l.noPermissions == nil {
		template += permissionsQuery
	}
	if c.Dialect.placeholder == c.Dialect.second {
		shape.repeat += strings.Count(template, "{is}") // parameters without numbers
	}
	name := func(column string) string { return identifier(column, c.Dialect.quoteMark) }
	query := func(is string, owner func(column string) string) *statement {
		replaced := []string{
			"{active}", u.active,
			"{groups}", c.Dialect.table(c.Groups.Group), "{group}", name(c.Groups.GroupID),
			"{name}", c.Dialect.within("g."+name(c.Groups.GroupName), maxTextBytes),
			"{app_label}", c.Dialect.within("ct.app_label", maxTextBytes),
			"{codename}", c.Dialect.within("p.codename", maxTextBytes),
			"{user_groups}", c.Dialect.table(l.groups.table), "{in_group}", name(l.groups.from),
			"{of_user}", name(l.groups.to),
			"{user_permissions}", c.Dialect.table(l.permissions.table), "{has_permission}", name(l.permissions.from),
			"{of_holder}", name(l.permissions.to),
			"{group_permissions}", c.Dialect.table(l.ofGroups.table), "{of_group}", name(l.ofGroups.from),
			"{of_members}", name(l.ofGroups.to),
			"{permissions}", c.Dialect.table(c.Groups.Permission),
			"{is}", "= " + is,
			"{of u}", owner(c.Dialect.column(c.Columns.ID)), "{of ug}", owner("ug." + name(l.groups.from)),
			"{of up}", owner("up." + name(l.permissions.from)),
			"{of held}", owner("held.owner"),
		}
		return source{db, c.Dialect, c.Prepare}.query(func(f form) string {
			users := f.from(c.Dialect.table(c.Table)+" AS u", u.where+c.Dialect.column(c.Columns.ID)+" = "+is)
			forms := []string{
				"{user row}", f.row(c.Dialect.column(c.Columns.ID)), "{from users}", users, "{row}", f.row(""),
			}
			text := strings.NewReplacer(append(forms, replaced...)...).Replace(template)
			return text + "\nLIMIT " + strconv.Itoa(maxAccessRows+2)
		})
	}
	shape.find = query(c.Dialect.keyParameter[u.keyType], func(string) string { return "" })
	if parameter, ok := c.Dialect.keyArray[u.keyType]; ok {
		// The keys are texts of one collation, whatever the types of the columns: they are in one column of the answer.
		shape.all = query(fmt.Sprintf(c.Dialect.any, parameter), func(column string) string { return column + `::text COLLATE "C" AS owner, ` })
	}
	return shape
}

// The query asks for the user, the groups, and the permissions: permission.user = u and permission.group.user = u,
// contrib/auth/backends.py, 5.2, _get_user_permissions and _get_group_permissions. Each text has a column of its own,
// so that tables of different collations do not meet in one. What a superuser has besides is not asked. {of u} is
// where the user's key is, if it is asked for several users.
const (
	groupsQuery = `SELECT {user row}{of u}0, {active}, NULL, NULL, NULL{from users}
UNION ALL SELECT {row}{of ug}1, NULL, {name}, NULL, NULL FROM {groups} AS g
	JOIN {user_groups} AS ug ON ug.{of_user} = g.{group} WHERE ug.{in_group} {is}`
	permissionsQuery = `
UNION ALL SELECT {row}{of held}2, NULL, NULL, {app_label}, {codename} FROM (
		SELECT {of up}up.{of_holder} AS permission_id FROM {user_permissions} AS up WHERE up.{has_permission} {is}
		UNION SELECT {of ug}gp.{of_members} FROM {group_permissions} AS gp
			JOIN {user_groups} AS ug ON ug.{of_user} = gp.{of_group} WHERE ug.{in_group} {is}
	) AS held
	JOIN {permissions} AS p ON p.id = held.permission_id
	JOIN django_content_type AS ct ON ct.id = p.content_type_id`
)

// Relations says whether groups and permissions are known, as far as the tables tell. A RelationError says which are
// not, and why.
func (p *Permissions) Relations(ctx context.Context) error {
	shape, err := p.shapes.get(ctx)
	if err == nil && shape.noPermissions != nil {
		return shape.noPermissions
	}
	return err
}

// isRelation tells a table that leads elsewhere from what has failed.
func isRelation(err error) (*RelationError, bool) {
	var r *RelationError
	ok := errors.As(err, &r)
	return r, ok
}
