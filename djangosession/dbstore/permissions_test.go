package dbstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

func TestAccessOnSQLite(t *testing.T) { testAccess(t, newSQLite(t)) }

// testAccess is what holds for groups and permissions on every database.
func testAccess(t *testing.T, f *fixture) {
	t.Run("rows", func(t *testing.T) { testAccessRows(t, f) })
	t.Run("together", func(t *testing.T) { testAccessTogether(t, f) })
	t.Run("is_active", func(t *testing.T) { testAccessOfInactive(t, f) })
	t.Run("conditions", func(t *testing.T) { testAccessConditions(t, f) })
	t.Run("keys", func(t *testing.T) { testAccessKeys(t, f) })
	t.Run("names", func(t *testing.T) { testAccessNames(t, f) })
	t.Run("long names", func(t *testing.T) { testAccessLongNames(t, f) })
	t.Run("no PermissionsMixin", func(t *testing.T) { testNoPermissionsMixin(t, f) })
	t.Run("columns", func(t *testing.T) { testAccessColumns(t, f) })
	t.Run("tables that change", func(t *testing.T) { testAccessChangingTables(t, f) })
	t.Run("sizes", func(t *testing.T) { testAccessSizes(t, f) })
	t.Run("failures", func(t *testing.T) { testAccessFailures(t, f) })
}

// accessUsers is a user model with groups and permissions: its table, and the columns that differ.
type accessUsers struct {
	table, groups, permissions string // "" means those of auth.User
	key, keyType               string
	user                       string // the column of the many-to-many tables
}

var authUsers = accessUsers{
	table: "auth_user", groups: "auth_user_groups", permissions: "auth_user_user_permissions",
	key: "id", keyType: "integer", user: "user_id",
}

// access makes the tables, and three users in groups of all kinds.
func (f *fixture) access(t *testing.T, u accessUsers, keys ...string) {
	t.Helper()
	for table, columns := range map[string]string{
		"auth_group":             "id integer PRIMARY KEY, name varchar(150)",
		"django_content_type":    "id integer PRIMARY KEY, app_label varchar(100), model varchar(100)",
		"auth_permission":        "id integer PRIMARY KEY, name varchar(255), content_type_id integer, codename varchar(100)",
		"auth_group_permissions": "id integer, group_id integer, permission_id integer",
		u.groups:                 "id integer, " + u.user + " " + u.keyType + ", group_id integer",
		u.permissions:            "id integer, " + u.user + " " + u.keyType + ", permission_id integer",
		u.table:                  u.key + " " + u.keyType + " PRIMARY KEY, username varchar(150), is_superuser bool, is_active bool",
	} {
		f.table(t, table, columns)
	}
	f.exec(t, `INSERT INTO auth_group VALUES (1, 'writers'), (2, 'editors'), (3, 'Zoë, "and" co'), (4, 'nobody''s');
		INSERT INTO django_content_type VALUES (1, 'blog', 'post'), (2, 'blog', 'page'), (3, 'b.log', 'post');
		INSERT INTO auth_permission VALUES (1, 'Add', 1, 'add_post'), (2, 'Change', 1, 'change_post'), (3, 'Both', 1, 'publish'),
			(4, 'Both', 2, 'publish'), (5, 'Odd', 3, 'löschen.x'), (6, 'None', 1, 'none');
		INSERT INTO auth_group_permissions VALUES (1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 3), (5, 4, 6)`)
	if len(keys) == 0 {
		keys = []string{"1", "2", "3"}
	}
	for i, key := range keys {
		keys[i] = "'" + key + "'"
	}
	f.exec(t, fmt.Sprintf(`INSERT INTO %[1]s VALUES (%[4]s, 'ada', false, true), (%[5]s, 'bob', true, true), (%[6]s, 'eve', false, true);
		INSERT INTO %[2]s VALUES (1, %[4]s, 1), (2, %[4]s, 2), (3, %[4]s, 3), (4, %[5]s, 1);
		INSERT INTO %[3]s VALUES (1, %[4]s, 2), (2, %[4]s, 4), (3, %[4]s, 5)`, u.table, u.groups, u.permissions, keys[0], keys[1], keys[2]))
}

// What the users of access have.
const (
	adas = `active: editors|writers|Zoë, "and" co: b.log.löschen.x blog.add_post blog.change_post blog.publish`
	bobs = "active: writers: blog.add_post"
	eves = "active: : "
	none = "inactive: : "
)

func (f *fixture) reader(c dbstore.PermissionsConfig) *dbstore.Permissions {
	c.Dialect, c.Prepare, c.Batcher = f.Dialect, f.Prepares, f.batcher()
	if c.Now == nil {
		c.Now = f.now
	}
	if !f.strict {
		c = c.Trusting()
	}
	return dbstore.NewPermissions(f.DB, c)
}

// uuidLength is the length of a UUID as it is written.
const uuidLength = 36

// allowed is all that a user may do, or how it was not found out.
func allowed(ctx context.Context, a *dbstore.Permissions, id string) string {
	var access djangosession.Access
	var err error
	together(a.Batcher(), func(companion string) {
		if len(companion) == len(id) || len(id) != uuidLength { // no key of another type: a server would refuse them all
			_, _ = a.AccessOf(ctx, companion)
		}
	}, func() { access, err = a.AccessOf(ctx, id) })
	if err != nil {
		return "error: " + err.Error()
	}
	active := "inactive"
	if access.IsActive {
		active = "active"
	}
	// The order of the groups is the bytes' own: capitals are first, and would hide whether anything was sorted.
	if !slices.IsSorted(access.Groups) {
		return "groups that are not sorted"
	}
	groups := slices.SortedFunc(slices.Values(access.Groups), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	return active + ": " + strings.Join(groups, "|") + ": " + strings.Join(slices.Sorted(maps.Keys(access.Permissions)), " ")
}

func wantAccess(t *testing.T, a *dbstore.Permissions, id, want string) {
	t.Helper()
	if got := allowed(t.Context(), a, id); got != want {
		t.Errorf("user %.100q: got %.300q, want %q", id, got, want)
	}
}

// testAccessTogether asks for several users at once, whose rows then come together.
func testAccessTogether(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	a := f.reader(dbstore.PermissionsConfig{})
	users := map[string]string{"1": adas, "2": bobs, "3": eves, "99": none}
	var asking sync.WaitGroup
	for range 25 {
		for id, want := range users {
			asking.Go(func() { wantAccess(t, a, id, want) })
		}
	}
	asking.Wait()
}

func testAccessRows(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	a := f.reader(dbstore.PermissionsConfig{})
	if err := a.Probe(t.Context()); err != nil {
		t.Errorf("probe: %v", err)
	}
	wantAccess(t, a, "1", adas)
	wantAccess(t, a, "2", bobs) // a superuser's rows, no more
	wantAccess(t, a, "3", eves)
	for _, id := range []string{
		"4", "", "0", "-1", "ada", "1x", " 1", "1 ", "1.0", "1e0", "0x1", "NULL", "' OR 1=1 --", "9223372036854775808", "a\x00", "\xff", "%",
	} {
		wantAccess(t, a, id, none)
	}
	// One that is in a group twice, or has one permission twice, has it once: there is a constraint, which may be gone.
	f.exec(t, "INSERT INTO auth_user_groups VALUES (9, 2, 1); INSERT INTO auth_user_user_permissions VALUES (9, 2, 1), (10, 2, 1)")
	wantAccess(t, a, "2", bobs)
	// Rows of a user who has gone are nobody's.
	f.exec(t, "DELETE FROM auth_user WHERE id = 1")
	wantAccess(t, a, "1", none)
}

// An AllowAllUsersModelBackend lets inactive users in. Django gives them no permission: _get_permissions.
func testAccessOfInactive(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	const groups = `inactive: editors|writers|Zoë, "and" co: `
	for _, stored := range []string{"false", "NULL"} {
		f.exec(t, "UPDATE auth_user SET is_active = "+stored)
		wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "1", groups)
		wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "3", none)
		// AbstractBaseUser.is_active is True
		wantAccess(t, f.reader(dbstore.PermissionsConfig{Columns: dbstore.Columns{Active: dbstore.NoColumn}}), "1", adas)
	}
	f.exec(t, "ALTER TABLE auth_user DROP COLUMN is_active")
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Columns: dbstore.Columns{Active: dbstore.NoColumn}}), "1", adas)
	a := f.reader(dbstore.PermissionsConfig{})
	wantAccess(t, a, "1", "error: table auth_user has no column is_active")
	if err := a.Probe(t.Context()); err == nil {
		t.Error("without is_active: the probe passes")
	}
	// Python's truth value of a column that is no bool.
	for columnType, values := range map[string]map[string]string{
		"integer": {"0": groups, "1": adas, "-2": adas}, "varchar(5)": {"''": groups, "'0'": adas}, "double precision": {"0": groups, "0.5": adas},
		"numeric(4,2)": {"0": groups, "0.5": adas, "-1": adas, "NULL": groups},
	} {
		f.exec(t, "ALTER TABLE auth_user ADD COLUMN is_active "+columnType)
		for stored, want := range values {
			f.exec(t, "UPDATE auth_user SET is_active = "+stored)
			wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "1", want)
		}
		f.exec(t, "ALTER TABLE auth_user DROP COLUMN is_active")
	}
}

func testAccessKeys(t *testing.T, f *fixture) {
	const ada, bob, eve = "12345678-1234-5678-1234-567812345678", "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-4fff-bfff-ffffffffffff"
	u := authUsers
	u.keyType = "{uuid}"
	written := []string{ada, bob, eve}
	if f.types["uuid"] == "char(32)" {
		for i, id := range written {
			written[i] = strings.ReplaceAll(id, "-", "")
		}
	}
	f.access(t, u, written...)
	a := f.reader(dbstore.PermissionsConfig{})
	wantAccess(t, a, ada, adas)
	wantAccess(t, a, bob, bobs)
	wantAccess(t, a, eve, eves)
	for _, id := range []string{"", "1", "ada", strings.Replace(ada, "8", "9", 1)} {
		wantAccess(t, a, id, none)
	}

	u.keyType = "varchar(60)"
	f.access(t, u, "o''hara", "1", "😀 %")
	a = f.reader(dbstore.PermissionsConfig{})
	wantAccess(t, a, "o'hara", adas)
	wantAccess(t, a, "1", bobs)
	wantAccess(t, a, "😀 %", eves)
	for _, id := range []string{"", "O'Hara", "1.0", "01", "%", "a\x00", "' OR 1=1 --", strings.Repeat("x", 100_000)} {
		wantAccess(t, a, id, none)
	}
	for _, columnType := range []string{"smallint", "bigint"} {
		u.keyType = columnType
		f.access(t, u, "-32768", "42", "32767")
		a = f.reader(dbstore.PermissionsConfig{})
		wantAccess(t, a, "-32768", adas)
		wantAccess(t, a, "42", bobs)
		wantAccess(t, a, "32767", eves)
		wantAccess(t, a, "9223372036854775807", none)
	}
	u.keyType = "{strange}"
	f.access(t, u)
	if got := allowed(t.Context(), f.reader(dbstore.PermissionsConfig{}), "1"); !strings.Contains(got, "none of integer, UUID and text") {
		t.Errorf("a key of a strange type: got %q, want an error", got)
	}
}

func testAccessNames(t *testing.T, f *fixture) {
	f.access(t, accessUsers{
		table: `"My ""own"" users"`, groups: `"My ""own"" users_groups"`, permissions: `"My ""own"" users_user_permissions"`,
		key: `"login id"`, keyType: "bigint", user: `"some ""user""_id"`,
	})
	f.exec(t, `ALTER TABLE "My ""own"" users" RENAME COLUMN is_active TO "Alive"`)
	a := f.reader(dbstore.PermissionsConfig{Table: `My "own" users`, Columns: dbstore.Columns{ID: "login id", Active: "Alive"}})
	wantAccess(t, a, "1", adas)
	wantAccess(t, a, "2", bobs)
	wantAccess(t, a, "4", none)
}

// Django's own names for these: truncate_name of db/backends/utils.py, 5.2.
func testAccessLongNames(t *testing.T, f *fixture) {
	table := strings.Repeat("é", 20) + strings.Repeat("_table", 6) // 56 characters, as 76 bytes
	if f.Dialect == dbstore.Postgres {
		table = "e" + strings.Repeat("_table", 9) // PostgreSQL counts bytes, and Django characters
	}
	names := map[*dbstore.Dialect][2]string{
		dbstore.SQLite:   {table + "_groups", table + "_user_permissions"},
		dbstore.Postgres: {table + "_groups", table + "_use31b2"},
		dbstore.MySQL:    {table + "_groups", table + "_usec145"},
	}[f.Dialect]
	u := authUsers
	u.table, u.groups, u.permissions = table, names[0], names[1]
	f.access(t, u)
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Table: table}), "1", adas)
}

func testNoPermissionsMixin(t *testing.T, f *fixture) {
	plain := authUsers
	plain.table, plain.groups, plain.permissions = "plain", "plain_groups", "plain_user_permissions"
	f.access(t, plain)
	a := f.reader(dbstore.PermissionsConfig{Table: "plain"})
	for _, table := range []string{"plain_user_permissions", "plain_groups"} {
		f.exec(t, "ALTER TABLE "+table+" RENAME TO gone")
		for name, a := range map[string]*dbstore.Permissions{"a new one": f.reader(dbstore.PermissionsConfig{Table: "plain"}), "one that has answered": a} {
			_, err := a.AccessOf(t.Context(), "1")
			if !errors.Is(err, djangosession.ErrNoPermissionsMixin) || !strings.Contains(err.Error(), table) {
				t.Errorf("%s, without %s: got %v, want ErrNoPermissionsMixin", name, table, err)
			}
			if err := a.Probe(t.Context()); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
				t.Errorf("%s, without %s: the probe says %v", name, table, err)
			}
		}
		f.exec(t, "ALTER TABLE gone RENAME TO "+table) // it may come to be there: a sidecar starts before the migrations
		f.later()
		wantAccess(t, a, "1", adas)
	}
	// A table that belongs to Django itself, or the users' own, is another matter.
	for _, table := range []string{"auth_group", "auth_permission", "django_content_type", "auth_group_permissions", "plain"} {
		f.exec(t, "ALTER TABLE "+table+" RENAME TO gone")
		for name, a := range map[string]*dbstore.Permissions{"a new one": f.reader(dbstore.PermissionsConfig{Table: "plain"}), "one that has answered": a} {
			_, err := a.AccessOf(t.Context(), "1")
			if err == nil || errors.Is(err, djangosession.ErrNoPermissionsMixin) || djangosession.IsAnswer(err) || !strings.Contains(err.Error(), table) {
				t.Errorf("%s, without %s: got %v, want a failure", name, table, err)
			}
		}
		f.exec(t, "ALTER TABLE gone RENAME TO "+table)
		f.later()
		wantAccess(t, a, "1", adas)
	}
}

func testAccessColumns(t *testing.T, f *fixture) {
	for statement, want := range map[string]string{
		"ALTER TABLE auth_user_groups ADD COLUMN since text": "error: the groups of users are not known: table auth_user_groups must have one column " +
			"besides id and group_id, and has 2: since, user_id",
		"ALTER TABLE auth_user_user_permissions DROP COLUMN user_id": `active: editors|writers|Zoë, "and" co: `,
		"ALTER TABLE auth_user_groups RENAME COLUMN group_id TO g":   "error: the groups of users are not known: table auth_user_groups has no column group_id",
		"ALTER TABLE auth_user RENAME COLUMN id TO login":            "error: table auth_user has no column id",
		"ALTER TABLE auth_user_groups DROP COLUMN id":                adas,
		"ALTER TABLE auth_user_groups RENAME COLUMN user_id TO x_i":  adas,
	} {
		f.access(t, authUsers)
		f.exec(t, statement)
		wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "1", want)
	}
}

// testAccessChangingTables: migrations run while the sidecar serves, and cost no verdict.
func testAccessChangingTables(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	a := f.reader(dbstore.PermissionsConfig{})
	wantAccess(t, a, "1", adas)
	statements := []string{
		"ALTER TABLE auth_user_groups RENAME COLUMN user_id TO person_id", "ALTER TABLE auth_user_user_permissions RENAME COLUMN user_id TO person_id",
		"ALTER TABLE auth_user ADD COLUMN phone text", "ALTER TABLE auth_group ADD COLUMN phone text", "ALTER TABLE auth_user DROP COLUMN username",
	}
	if f.Dialect == dbstore.Postgres {
		statements = append(statements,
			"ALTER TABLE auth_group ALTER COLUMN name TYPE text", "ALTER TABLE auth_user ALTER COLUMN id TYPE bigint",
			"ALTER TABLE auth_user_groups ALTER COLUMN person_id TYPE bigint", "ALTER TABLE auth_user_user_permissions ALTER COLUMN person_id TYPE bigint",
			"ALTER TABLE auth_user ALTER COLUMN is_active TYPE integer USING is_active::integer",
			"ALTER TABLE auth_user ALTER COLUMN id TYPE text; ALTER TABLE auth_user_groups ALTER COLUMN person_id TYPE text; "+
				"ALTER TABLE auth_user_user_permissions ALTER COLUMN person_id TYPE text")
	}
	for _, statement := range statements {
		f.exec(t, statement)
		for range 4 { // on each of the connections
			if got := allowed(t.Context(), a, "1"); got != adas {
				t.Errorf("after %s: got %q", statement, got)
			}
		}
	}
}

func testAccessFailures(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	for name, a := range map[string]*dbstore.Permissions{"a new one": f.reader(dbstore.PermissionsConfig{}), "one that has answered": f.reader(dbstore.PermissionsConfig{})} {
		if name != "a new one" {
			wantAccess(t, a, "1", adas)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		access, err := a.AccessOf(ctx, "1")
		if !errors.Is(err, context.Canceled) || errors.Is(err, djangosession.ErrNoPermissionsMixin) {
			t.Errorf("%s: got %v, want that the context was canceled", name, err)
		}
		if access.IsActive || access.Groups != nil || access.Permissions != nil {
			t.Errorf("%s: a failure came with %v", name, access)
		}
		wantAccess(t, a, "1", adas)
	}
}
