package dbstore

import (
	"context"
	"crypto/md5" //nolint:gosec // Django's names of tables have it; it protects nothing
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// maxAccessRows bounds what is read about one user, who has as many rows as groups and different permissions, and one
// more. Django makes four permissions for each model: a deployment that gives somebody more is none that is known.
const maxAccessRows = 10_000

// maxAccessBytes bounds the names in these rows. With Django's own columns, 10,000 permissions cannot have more than 2 MB.
const maxAccessBytes = 2 << 20

// AccessConfig says where the groups and permissions of users are. Dialect is required; the zero value of the rest is
// auth.User.
type AccessConfig struct {
	Dialect *Dialect
	// Table is the user model's table, as in UsersConfig. The tables of its many-to-many fields are beside it, with
	// the names that Django gives them.
	Table string
	// Columns are as in UsersConfig. Only ID and Active are used.
	Columns Columns
	// Prepare, Join and Now are as in SessionsConfig.
	Prepare func() bool
	Join    *Joiner
	Now     func() time.Time
}

// Access finds what users may do: the groups and permissions of Django's PermissionsMixin.
type Access struct {
	config AccessConfig
	db     *sql.DB
	shapes shapes[*accessShape]
}

// accessShape is what the tables' columns make of the query.
type accessShape struct {
	keyType djangosession.KeyType
	find    *statement
	repeat  int        // how many times the key is a parameter
	all     *statement // nil where the dialect has no arrays
	queue   queue[djangosession.Access]
}

func (s *accessShape) same(other *accessShape) bool {
	return s.keyType == other.keyType && s.find.text == other.find.text
}

func (s *accessShape) whole() bool { return true }

func (s *accessShape) drop() {
	s.find.drop()
	if s.all != nil {
		s.all.drop()
	}
}

// NewAccess returns an Access that reads from db. It does no I/O: the tables are looked at by the first query.
func NewAccess(db *sql.DB, c AccessConfig) *Access {
	if c.Table == "" {
		c.Table = "auth_user"
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of a parameter
	}
	c.Columns = c.Columns.withDefaults()
	a := &Access{config: c, db: db}
	a.shapes.look, a.shapes.now = a.look, c.Now
	return a
}

// AccessOf returns what the user may do whose djangosession.User has the ID userID; of a user who is not there, that is
// nothing. It asks one query, which others may share, and what it returns, which is not to be written to.
//
// An error that is djangosession.ErrNoPermissionsMixin says that the user model has no groups and permissions. Any
// other error says that the store failed, or that it holds more than 10,000 groups and permissions of the user.
func (a *Access) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	access, err := a.accessOf(ctx, userID)
	if misfits(err) {
		return a.accessOf(ctx, userID) // a table has changed, and is looked at again
	}
	return access, err
}

func (a *Access) accessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	shape, err := a.shapes.get(ctx)
	if err != nil {
		return djangosession.Access{}, err
	}
	if shape.keyType == djangosession.IntegerKey {
		// A database may take 42x for 42.
		if _, err := strconv.ParseInt(userID, 10, 64); err != nil {
			return djangosession.Access{}, nil //nolint:nilerr // no user has such a key
		}
	}
	access, err := shape.queue.find(ctx, userID)
	if errors.Is(err, djangosession.ErrUserNotFound) {
		return djangosession.Access{}, nil
	}
	return access, err
}

// maxJoinedAccesses is maxJoined for accesses, of which each may be hundreds of rows.
const maxJoinedAccesses = 32

// queue is where the lookups of a shape of the tables meet.
func (a *Access) queue(shape *accessShape) queue[djangosession.Access] {
	q := queue[djangosession.Access]{one: func(ctx context.Context, userID string) (djangosession.Access, error) {
		return a.ask(ctx, shape, a.config.Dialect.keyValue(shape.keyType, userID))
	}}
	if shape.all != nil {
		q.joiner, q.most, q.absent = a.config.Join, maxJoinedAccesses, djangosession.ErrUserNotFound
		q.many = func(ctx context.Context, userIDs []string, found func(string, djangosession.Access)) error {
			return a.askAll(ctx, shape, userIDs, found)
		}
	}
	return q
}

// Probe asks the database what AccessOf would, for no user: nil says that the tables are there, have the columns, and
// may be read.
func (a *Access) Probe(ctx context.Context) error {
	shape, err := a.shapes.get(ctx)
	if err == nil {
		_, err = a.ask(ctx, shape, nil) // no key is equal to NULL
	}
	return err
}

func (a *Access) ask(ctx context.Context, shape *accessShape, key any) (djangosession.Access, error) {
	var access djangosession.Access
	err := shape.find.all(ctx, slices.Repeat([]any{key}, shape.repeat), func(rows *sql.Rows) error {
		var held holding
		bytes := 0
		for n := 0; rows.Next(); n++ {
			var row accessRow
			if err := rows.Scan(row.columns()...); err != nil {
				return err
			}
			switch bytes += row.bytes(); {
			case row.tooLarge():
				return fmt.Errorf("the name of one has more than %d bytes", maxTextBytes)
			case n > maxAccessRows:
				return fmt.Errorf("there are more than %d", maxAccessRows)
			case bytes > maxAccessBytes:
				return fmt.Errorf("their names have more than %d bytes", maxAccessBytes)
			}
			held.add(&row)
		}
		access = held.access()
		return rows.Err()
	})
	switch {
	case refusesValue(err):
		return djangosession.Access{}, nil
	case err != nil:
		return djangosession.Access{}, a.failed(shape, err)
	}
	return access, nil
}

// askAll asks for several users. Where their rows are more than one may have, each has to be asked for alone.
func (a *Access) askAll(ctx context.Context, shape *accessShape, userIDs []string, found func(string, djangosession.Access)) error {
	err := shape.all.all(ctx, []any{array(userIDs)}, func(rows *sql.Rows) error {
		held := map[string]*holding{}
		bytes := 0
		for n := 0; rows.Next(); n++ {
			var id string
			var row accessRow
			if err := rows.Scan(append([]any{&id}, row.columns()...)...); err != nil {
				return err
			}
			if bytes += row.bytes(); n > maxAccessRows || bytes > maxAccessBytes || row.tooLarge() {
				return errAlone
			}
			if held[id] == nil {
				held[id] = new(holding)
			}
			held[id].add(&row)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for id, h := range held {
			found(id, h.access())
		}
		return nil
	})
	return a.failed(shape, err)
}

// failed has the tables looked at again where a query of their shape failed because they have another one.
func (a *Access) failed(shape *accessShape, err error) error {
	switch {
	case err == nil:
		return nil
	case misfits(err):
		a.shapes.misfit(shape, err)
	}
	return fmt.Errorf("reading the groups and permissions of a user: %w", err)
}

// look looks at the tables.
func (a *Access) look(ctx context.Context) (*accessShape, error) {
	tables, err := a.tables(ctx)
	if err != nil {
		return nil, err
	}
	shape, err := a.config.shape(a.db, tables)
	if err != nil {
		return nil, finding{err}
	}
	shape.queue = a.queue(shape)
	return shape, nil
}

// accessTables are the columns of the tables whose names depend on the user model's.
type accessTables struct{ users, groups, permissions map[string]string }

func (a *Access) tables(ctx context.Context) (t accessTables, err error) {
	c := a.config
	if t.users, err = ReadColumns(ctx, a.db, c.Dialect, c.Table); err != nil {
		return t, err
	}
	t.groups, err = ReadColumns(ctx, a.db, c.Dialect, c.manyToMany("groups"))
	if err == nil {
		t.permissions, err = ReadColumns(ctx, a.db, c.Dialect, c.manyToMany("user_permissions"))
	}
	if errors.Is(err, ErrNoTable) {
		return t, fmt.Errorf("%w: %w", djangosession.ErrNoPermissionsMixin, err)
	}
	return t, err
}

// nameLimits are what max_name_length of db/backends/*/operations.py, 5.2, returns; SQLite has no limit.
var nameLimits = map[*Dialect]int{Postgres: 63, MySQL: 64}

// manyToMany is the table of a many-to-many field of the user model: db/models/fields/related.py, 5.2,
// _get_m2m_db_table, and db/backends/utils.py, truncate_name. Like there, a schema is no part of what is cut.
func (c AccessConfig) manyToMany(field string) string {
	dot := strings.LastIndexByte(c.Table, '.') + 1
	name := []rune(c.Table[dot:] + "_" + field)
	const digits = 4
	if limit, ok := nameLimits[c.Dialect]; ok && len(name) > limit {
		sum := md5.Sum([]byte(string(name))) //nolint:gosec // as above
		name = append(name[:limit-digits:limit-digits], []rune(hex.EncodeToString(sum[:])[:digits])...)
	}
	return c.Table[:dot] + string(name)
}

// userColumn finds the column of a many-to-many table that names the user. Django calls it after the user model, whose
// name the table's does not tell: db/models/fields/related.py, 5.2, create_many_to_many_intermediary_model.
func userColumn(columns map[string]string, table, other string) (string, error) {
	if _, ok := columns[other]; !ok {
		return "", fmt.Errorf("table %s has no column %s", table, other)
	}
	var rest []string
	for name := range columns {
		if name != "id" && name != other {
			rest = append(rest, name)
		}
	}
	if len(rest) != 1 {
		slices.Sort(rest)
		return "", fmt.Errorf("table %s must have one column besides id and %s, for the user, and has %d: %s",
			table, other, len(rest), strings.Join(rest, ", "))
	}
	return rest[0], nil
}

// shape fits the query to the columns that the tables have.
func (c AccessConfig) shape(db *sql.DB, t accessTables) (*accessShape, error) {
	for _, needed := range []string{c.Columns.ID, c.Columns.Active} {
		if _, ok := t.users[needed]; !ok && needed != NoColumn {
			return nil, fmt.Errorf("table %s has no column %s", c.Table, needed)
		}
	}
	keyType := c.Dialect.keyType(t.users[c.Columns.ID])
	if keyType == 0 {
		return nil, fmt.Errorf("primary key %s of table %s has type %s, which is none of integer, UUID and text",
			c.Columns.ID, c.Table, t.users[c.Columns.ID])
	}
	groups, permissions := c.manyToMany("groups"), c.manyToMany("user_permissions")
	inGroup, err := userColumn(t.groups, groups, "group_id")
	if err != nil {
		return nil, err
	}
	hasPermission, err := userColumn(t.permissions, permissions, "permission_id")
	if err != nil {
		return nil, err
	}
	shape := &accessShape{keyType: keyType, repeat: 1}
	if c.Dialect.placeholder == c.Dialect.second {
		shape.repeat = keysInAccessQuery // parameters without numbers
	}
	active := "1" // AbstractBaseUser.is_active is True
	if c.Columns.Active != NoColumn {
		active, _ = c.Dialect.text(c.Dialect.column(c.Columns.Active), t.users[c.Columns.Active])
	}
	name := func(column string) string { return identifier(column, c.Dialect.quoteMark) }
	query := func(is string, owner func(column string) string) *statement {
		text := strings.NewReplacer(
			"{active}", active, "{users}", c.Dialect.table(c.Table), "{id}", c.Dialect.column(c.Columns.ID),
			"{user_groups}", c.Dialect.table(groups), "{in_group}", name(inGroup),
			"{user_permissions}", c.Dialect.table(permissions), "{has_permission}", name(hasPermission),
			"{name}", c.Dialect.within("g.name", maxTextBytes),
			"{app_label}", c.Dialect.within("ct.app_label", maxTextBytes), "{codename}", c.Dialect.within("p.codename", maxTextBytes),
			"{is}", "= "+is, "{limit}", strconv.Itoa(maxAccessRows+2),
			"{of u}", owner(c.Dialect.column(c.Columns.ID)), "{of ug}", owner("ug."+name(inGroup)), "{of up}", owner("up."+name(hasPermission)),
			"{of held}", owner("held.owner"),
		).Replace(accessQuery)
		return &statement{db: db, prepares: c.Prepare, text: text}
	}
	shape.find = query(c.Dialect.keyParameter[keyType], func(string) string { return "" })
	if parameter, ok := c.Dialect.keyArray[keyType]; ok {
		// The keys are texts of one collation, whatever the types of the columns: they are in one column of the answer.
		shape.all = query(fmt.Sprintf(c.Dialect.any, parameter), func(column string) string { return column + `::text COLLATE "C" AS owner, ` })
	}
	return shape, nil
}

// accessQuery asks for the user, the groups, and the permissions: permission.user = u and permission.group.user = u,
// contrib/auth/backends.py, 5.2, _get_user_permissions and _get_group_permissions. Each text has a column of its own, so
// that tables of different collations do not meet in one. What a superuser has besides is not asked. {of u} is where the
// user's key is, if it is asked for several users.
const accessQuery = `SELECT {of u}0, {active}, NULL, NULL, NULL FROM {users} AS u WHERE {id} {is}
UNION ALL SELECT {of ug}1, NULL, {name}, NULL, NULL FROM auth_group AS g
	JOIN {user_groups} AS ug ON ug.group_id = g.id WHERE ug.{in_group} {is}
UNION ALL SELECT {of held}2, NULL, NULL, {app_label}, {codename} FROM (
		SELECT {of up}up.permission_id FROM {user_permissions} AS up WHERE up.{has_permission} {is}
		UNION SELECT {of ug}gp.permission_id FROM auth_group_permissions AS gp
			JOIN {user_groups} AS ug ON ug.group_id = gp.group_id WHERE ug.{in_group} {is}
	) AS held
	JOIN auth_permission AS p ON p.id = held.permission_id
	JOIN django_content_type AS ct ON ct.id = p.content_type_id
LIMIT {limit}`

const keysInAccessQuery = 4
