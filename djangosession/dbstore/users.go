package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

// NoColumn is the name of a column for what the user model does not have at all. A property is another matter: see
// Conditions.
const NoColumn = "-"

// UsersConfig says where the users are. Dialect and Version are required; the zero value of the rest is auth.User.
type UsersConfig struct {
	Dialect *Dialect
	// Version is the deployment's Django, whose to_python reads the ids in sessions.
	Version djangosession.Version
	// Table is the user model's table, with a schema before a dot if need be; "" means "auth_user".
	Table string
	// Columns are the names of the columns that are not auth.User's.
	Columns Columns
	// Conditions tell what no column does.
	Conditions Conditions
	// Hash is for a user model that overrides get_session_auth_hash.
	Hash HashColumns
	// HashFunction has the database make the hashes: then neither Columns.Password nor Hash.Names are read.
	HashFunction HashFunction
	// HexID says that the primary key is a UUID whose str() has no hyphens, as fields of some packages and projects
	// make it.
	HexID bool
	// Prepare, Batcher and Now are as in SessionsConfig.
	Prepare func() bool
	Batcher *Batcher
	Now     func() time.Time
}

// Columns names the columns of the user table. "" means the name of auth.User, and NoColumn that there is none.
// Columns other than ID, Password and Active that the table lacks are left out by themselves.
type Columns struct {
	ID        string // "id"
	Password  string // "password"
	Active    string // "is_active"
	Username  string // "username"
	Email     string // "email"
	Staff     string // "is_staff"
	Superuser string // "is_superuser"
}

// withDefaults returns c with auth.User's names where it has none.
func (c Columns) withDefaults() Columns {
	for name, column := range map[string]*string{
		"id": &c.ID, "password": &c.Password, "is_active": &c.Active, "username": &c.Username,
		"email": &c.Email, "is_staff": &c.Staff, "is_superuser": &c.Superuser,
	} {
		if *column == "" {
			*column = name
		}
	}
	return c
}

// optional returns the columns that the table may lack.
func (c UsersConfig) optional() []string {
	names := []string{c.Columns.Username, c.Columns.Email}
	if c.Conditions.Staff == "" {
		names = append(names, c.Columns.Staff)
	}
	if c.Conditions.Superuser == "" {
		names = append(names, c.Columns.Superuser)
	}
	return names
}

// Users is a djangosession.UserStore on the user model's table.
type Users struct {
	config UsersConfig
	db     *sql.DB
	more   []any // parameters of each query, besides the key
	shapes shapes[*userShape]
}

// userShape is what the table's columns make of the query.
type userShape struct {
	byUser[*userRow]

	hashed    []pyStr  // the columns of HashColumns
	hashTypes string   // the types of these columns
	leftOut   []string // the configured columns that the table lacks

	byName    *statement // nil where USERNAME_FIELD has no column of texts
	lastLogin *statement // nil where the table has no such column
}

// drop forgets the prepared statements.
func (s *userShape) drop() {
	s.byUser.drop()
	for _, other := range []*statement{s.byName, s.lastLogin} {
		if other != nil {
			other.drop()
		}
	}
}

func (s *userShape) same(other *userShape) bool {
	return s.keyType == other.keyType && s.hashTypes == other.hashTypes && s.find.text == other.find.text &&
		(s.lastLogin == nil) == (other.lastLogin == nil)
}

// lasts: a column that is missing, and that the query would ask for, may come.
func (s *userShape) lasts() time.Duration {
	if len(s.leftOut) > 0 {
		return lookAgain
	}
	return 0
}

// NewUsers returns a store that reads users from db. It does no I/O: the table is looked at by the first query.
// It panics without a Dialect.
func NewUsers(db *sql.DB, c UsersConfig) *Users {
	c.Dialect = needed(c.Dialect, "UsersConfig")
	defaultUsers(&c.Table, &c.Columns, &c.Now)
	u := &Users{config: c, db: db}
	if c.HashFunction.Name != "" {
		u.more = []any{c.HashFunction.parameter(c.Dialect)}
	}
	u.shapes.look, u.shapes.now, u.shapes.reads = u.look, c.Now, "a user"
	u.shapes.conditional = c.Conditions != Conditions{}
	return u
}

// UserByID implements djangosession.UserStore.
func (u *Users) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	return withShape(ctx, &u.shapes, func(shape *userShape) (*djangosession.StoredUser, error) {
		key, err := shape.keyType.ToPython(id, u.config.Version)
		if err != nil {
			return nil, err
		}
		row, err := shape.queue.find(ctx, key)
		if err != nil {
			return nil, err
		}
		return u.user(shape, key, row)
	})
}

// user is the user in a row that was found by key.
func (u *Users) user(shape *userShape, key string, row *userRow) (*djangosession.StoredUser, error) {
	if row.tooLarge {
		return nil, errLargeUser
	}
	if shape.keyType == djangosession.TextKey {
		key = row.id.String // a collation may have matched another spelling: the row's own is the one to name
	}
	if u.config.HexID && shape.keyType == djangosession.UUIDKey {
		key = strings.ReplaceAll(key, "-", "")
	}
	user := row.user(key, u.config.Columns.Active != NoColumn || u.config.Conditions.Active != "")
	if u.config.HashFunction.Name != "" {
		hashes, err := u.config.HashFunction.hashes(row.password.String)
		user.Password, user.AuthHashes = "", hashes
		return user, err
	}
	if len(shape.hashed) > 0 {
		input, err := u.config.Hash.input(shape.hashed, row.hashed)
		if err != nil {
			return nil, err
		}
		user.HashInput = input
	}
	return user, nil
}

// Probe asks the database what UserByID would, for no user: nil says that the table is there, has the columns, and
// may be read.
func (u *Users) Probe(ctx context.Context) error {
	shape, err := u.shapes.get(ctx)
	if err == nil {
		_, err = u.find(ctx, shape, nil) // no key is equal to NULL
	}
	if errors.Is(err, djangosession.ErrUserNotFound) {
		return nil
	}
	return err
}

func (u *Users) find(ctx context.Context, shape *userShape, key any) (*userRow, error) {
	row := userRow{hashed: make([]any, len(shape.hashed))}
	err := shape.find.one(ctx, u.parameters(key), row.columns()...)
	if isNoRows(err) {
		return nil, djangosession.ErrUserNotFound
	}
	return &row, u.shapes.failed(shape, err)
}

// parameters are those of a query. Where they have no numbers they stand as in its text, which calls the function
// first.
func (u *Users) parameters(key any) []any {
	if d := u.config.Dialect; d.placeholder == d.second {
		return append(u.more[:len(u.more):len(u.more)], key)
	}
	return append([]any{key}, u.more...)
}

func (u *Users) findAll(
	ctx context.Context, shape *userShape, keys []string, found func(key string, row *userRow),
) error {
	err := shape.all.all(ctx, u.parameters(array(keys)), func(a *answer) error {
		scanned := userRow{hashed: make([]any, len(shape.hashed))}
		columns := scanned.columns()
		for {
			if more, err := a.next(columns...); err != nil || !more {
				return err
			}
			row := scanned
			row.hashed = slices.Clone(scanned.hashed)
			found(row.id.String, &row)
		}
	})
	return u.shapes.failed(shape, err)
}

// userRow is a row as it is scanned. Absent columns are selected as NULL, and columns of flags may be of any type.
type userRow struct {
	id                       sql.NullString // NULL where it is too large
	password                 sql.NullString
	username, email          sql.NullString
	active, staff, superuser any
	tooLarge                 bool
	hashed                   []any
}

// columns are where a row is scanned to.
func (r *userRow) columns() []any {
	columns := []any{&r.id, &r.password, &r.username, &r.email, &r.active, &r.staff, &r.superuser, &r.tooLarge}
	for i := range r.hashed {
		columns = append(columns, &r.hashed[i])
	}
	return columns
}

func (r *userRow) user(id string, hasActive bool) *djangosession.StoredUser {
	user := &djangosession.StoredUser{
		User:     djangosession.User{ID: id, IsStaff: optionalFlag(r.staff), IsSuperuser: optionalFlag(r.superuser)},
		IsActive: djangosession.AbsentFlag,
		Password: r.password.String,
	}
	if hasActive {
		user.IsActive = flag(r.active)
	}
	if !r.password.Valid {
		user.Password = "None" // django/utils/encoding.py, 5.2, force_bytes: str(None)
	}
	if r.username.Valid {
		user.Username = &r.username.String
	}
	if r.email.Valid {
		user.Email = &r.email.String
	}
	return user
}

// look looks at the table.
func (u *Users) look(ctx context.Context) (*userShape, error) {
	shape, err := lookAtUsers(ctx, u.db, u.config.Dialect, u.config.Table, func(columns map[string]string) (*userShape, error) {
		return u.config.shape(u.db, columns)
	})
	if err != nil {
		return nil, err
	}
	shape.asks(u.config.Dialect, u.config.Batcher, func(ctx context.Context, key any) (*userRow, error) {
		return u.find(ctx, shape, key)
	}, func(ctx context.Context, keys []string, found func(string, *userRow)) error {
		return u.findAll(ctx, shape, keys, found)
	})
	return shape, nil
}

// LeftOut looks at the table, and returns the configured columns that it lacks and that are not needed. The
// error says what is missing that is needed.
func (u *Users) LeftOut(ctx context.Context) ([]string, error) {
	shape, err := u.look(ctx)
	if err != nil {
		return nil, err
	}
	return shape.leftOut, nil
}

// shape fits the query to the columns that the table has.
func (c UsersConfig) shape(db *sql.DB, columns map[string]string) (*userShape, error) {
	conditions, err := c.Conditions.parse(c.Dialect)
	if err != nil {
		return nil, err
	}
	needed := []string{c.Columns.ID, c.Columns.Password}
	if c.HashFunction.Name != "" {
		needed = needed[:1]
	}
	if conditions.active == "" {
		needed = append(needed, c.Columns.Active)
	}
	shape := new(userShape)
	// MySQL does not show columns that may not be read; what makes the function there has looked at them.
	hidden := c.HashFunction.Name != "" && c.Dialect.shows
	if !hidden {
		needed = append(needed, c.Hash.Names...)
	}
	if shape.keyType, err = c.Dialect.keyTypeOf(c.Columns.ID, c.Table, columns, needed...); err != nil {
		return nil, err
	}
	for _, name := range c.optional() {
		if _, ok := columns[name]; !ok && name != NoColumn {
			shape.leftOut = append(shape.leftOut, name)
		}
	}
	if !hidden {
		if shape.hashed, err = c.Hash.writers(c.Dialect, c.Table, columns); err != nil {
			return nil, err
		}
	}
	column := c.Dialect.column
	var selected, hashed []string
	tooLarge := []string{"1 = 0"}
	bounded := func(name string) string {
		value, large := c.Dialect.text(column(name), columns[name])
		if large != "" {
			tooLarge = append(tooLarge, large)
		}
		return value
	}
	for _, part := range []struct {
		column, condition string
		flag              bool
	}{
		{c.Columns.ID, "", false},
		{c.Columns.Password, c.hashCall(), false},
		{c.Columns.Username, "", false},
		{c.Columns.Email, "", false},
		{c.Columns.Active, conditions.active, true},
		{c.Columns.Staff, conditions.staff, true},
		{c.Columns.Superuser, conditions.superuser, true},
	} {
		_, ok := columns[part.column]
		switch {
		case part.condition != "":
			selected = append(selected, part.condition)
		case ok && part.flag:
			selected = append(selected, c.Dialect.flag(bounded(part.column), columns[part.column]))
		case ok:
			selected = append(selected, bounded(part.column))
		default:
			selected = append(selected, "NULL")
		}
	}
	names := c.Hash.Names
	if c.HashFunction.Name != "" { // what it makes of them is known, and they are not read
		names, shape.hashed = nil, nil
	}
	for _, name := range names {
		hashed = append(hashed, ", "+bounded(name))
		shape.hashTypes += columns[name] + ","
	}
	from := source{db, c.Dialect, c.Prepare}
	query := func(name, is string) *statement {
		return from.find(strings.Join(selected, ", ")+", "+strings.Join(tooLarge, " OR ")+strings.Join(hashed, ""),
			c.Dialect.table(c.Table)+" AS u", column(c.Columns.ID), conditions.and()+column(name)+" = "+is)
	}
	shape.find = query(c.Columns.ID, c.Dialect.keyParameter[shape.keyType])
	if parameter, ok := c.Dialect.keyArray[shape.keyType]; ok {
		shape.all = query(c.Columns.ID, fmt.Sprintf(c.Dialect.any, parameter))
	}
	if c.Dialect.keyType(columns[c.Columns.Username]) == djangosession.TextKey {
		shape.byName = query(c.Columns.Username, c.Dialect.placeholder)
	}
	if _, ok := columns[lastLoginColumn]; ok {
		shape.lastLogin = from.find(fmt.Sprintf(c.Dialect.shown, column(lastLoginColumn)), c.Dialect.table(c.Table)+" AS u",
			column(c.Columns.ID), column(c.Columns.ID)+" = "+c.Dialect.keyParameter[shape.keyType])
	}
	return shape, nil
}

// hashCall is the call of the function that makes hashes, "" without one.
func (c UsersConfig) hashCall() string {
	if c.HashFunction.Name == "" {
		return ""
	}
	return c.HashFunction.call(c.Dialect, c.Dialect.column(c.Columns.ID))
}

// column names a column of the table. It names the table too, because to SQLite a name in quotes alone that has
// become no column's is a text: users without is_active would all be active.
func (d *Dialect) column(name string) string { return "u." + identifier(name, d.quoteMark) }
