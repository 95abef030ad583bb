package dbstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

// linked makes the tables of access with the foreign keys that Django makes, but for those that changes lead elsewhere: from a table and
// column to another table, "" for nowhere.
func (f *fixture) linked(t *testing.T, changes map[string]string) {
	t.Helper()
	script := `DROP VIEW IF EXISTS people; DROP TABLE IF EXISTS auth_group_permissions; DROP TABLE IF EXISTS auth_user_groups; DROP TABLE IF EXISTS auth_user_user_permissions;
		DROP TABLE IF EXISTS memberships; DROP TABLE IF EXISTS accounts_group_permissions; `
	for table, columns := range map[string]string{
		"auth_user":           "id integer PRIMARY KEY, is_active bool",
		"auth_group":          "id integer PRIMARY KEY, name varchar(150)",
		"auth_permission":     "id integer PRIMARY KEY, content_type_id integer, codename varchar(100)",
		"django_content_type": "id integer PRIMARY KEY, app_label varchar(100)",
		"accounts_user":       "id integer PRIMARY KEY",
		"accounts_group":      "id integer PRIMARY KEY, title varchar(150)",
		"accounts_permission": "id integer PRIMARY KEY, content_type_id integer, codename varchar(100)",
	} {
		script += "DROP TABLE IF EXISTS " + table + "; CREATE TABLE " + table + " (" + columns + "); "
	}
	script += `INSERT INTO auth_user VALUES (1, true), (2, true); INSERT INTO accounts_user VALUES (1), (2);
		INSERT INTO auth_group VALUES (1, 'writers'), (2, 'editors'), (3, 'Zoë, "and" co'), (4, 'nobody''s');
		INSERT INTO accounts_group VALUES (1, 'guests'), (2, 'members'), (3, 'friends'), (4, 'nobody''s');
		INSERT INTO django_content_type VALUES (1, 'blog'), (2, 'blog'), (3, 'b.log');
		INSERT INTO auth_permission VALUES (1, 1, 'add_post'), (2, 1, 'change_post'), (3, 1, 'publish'), (4, 2, 'publish'), (5, 3, 'löschen.x'), (6, 1, 'none');
		INSERT INTO accounts_permission SELECT id, 1, 'other' FROM auth_permission; `
	for _, m := range []struct{ table, from, to, fromLeads, toLeads string }{
		{"auth_user_groups", "user_id", "group_id", "auth_user", "auth_group"},
		{"auth_user_user_permissions", "user_id", "permission_id", "auth_user", "auth_permission"},
		{"auth_group_permissions", "group_id", "permission_id", "auth_group", "auth_permission"},
		{"accounts_group_permissions", "group_id", "permission_id", "accounts_group", "auth_permission"},
		{"memberships", "person_id", "team_id", "auth_user", "auth_group"},
	} {
		columns, ends := "id integer, "+m.from+" integer, "+m.to+" integer", []string{m.from, m.to}
		leads := map[string]string{m.from: m.fromLeads, m.to: m.toLeads}
		if m.table == "memberships" {
			columns += ", since varchar(10), by_id integer"
			ends = append(ends, "by_id")
		}
		for _, column := range ends {
			if changed, ok := changes[m.table+"."+column]; ok {
				leads[column] = changed
			}
			if leads[column] != "" {
				columns += ", FOREIGN KEY (" + column + ") REFERENCES " + leads[column] + " (id)"
			}
		}
		script += "CREATE TABLE " + m.table + " (" + columns + "); "
	}
	f.exec(t, script+`INSERT INTO auth_group_permissions VALUES (1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 3), (5, 4, 6);
		INSERT INTO auth_user_groups VALUES (1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 1);
		INSERT INTO memberships (id, person_id, team_id, by_id) VALUES (1, 1, 1, 2), (2, 1, 2, 2), (3, 1, 3, 2);
		INSERT INTO auth_user_user_permissions VALUES (1, 1, 2), (2, 1, 4), (3, 1, 5); INSERT INTO accounts_group_permissions VALUES (1, 1, 3)`)
}

const (
	// onlyGroups are what ada has where permissions are not known.
	onlyGroups = `active: editors|writers|Zoë, "and" co: `
	// elsewhere stands for a refusal.
	elsewhere = "error: "
)

func TestForeignKeysOnSQLite(t *testing.T) { testForeignKeys(t, newSQLite(t)) }

// testForeignKeys: numbers in tables that lead elsewhere are no groups and permissions.
func testForeignKeys(t *testing.T, f *fixture) {
	f.strict = true
	named := func(table string) dbstore.ManyToMany { return dbstore.ManyToMany{Table: table} }
	userGroups, userPermissions := named("auth_user_groups"), named("auth_user_user_permissions")
	for i, tt := range []struct {
		name    string
		changes map[string]string
		tables  dbstore.GroupTables
		want    string
	}{
		{"Django's own", nil, dbstore.GroupTables{}, adas},
		{"Django's own, by name", nil, dbstore.GroupTables{Group: "auth_group", UserGroups: userGroups, UserPermissions: userPermissions}, adas},

		{"other groups", map[string]string{"auth_user_groups.group_id": "accounts_group"}, dbstore.GroupTables{}, elsewhere + "leads from group_id to accounts_group"},
		{
			"other groups in a table that is named",
			map[string]string{"auth_user_groups.group_id": "accounts_group"},
			dbstore.GroupTables{UserGroups: userGroups},
			elsewhere + "leads from group_id to accounts_group",
		},
		{
			"other groups that are named",
			map[string]string{"auth_user_groups.group_id": "accounts_group"},
			dbstore.GroupTables{Group: "accounts_group", GroupName: "title"},
			"active: friends|guests|members: ",
		},
		{
			"other groups with permissions that are named",
			map[string]string{"auth_user_groups.group_id": "accounts_group"},
			dbstore.GroupTables{Group: "accounts_group", GroupName: "title", GroupPermissions: named("accounts_group_permissions")},
			"active: friends|guests|members: b.log.löschen.x blog.change_post blog.publish",
		},
		{"other groups that are named and not meant", nil, dbstore.GroupTables{Group: "accounts_group", GroupName: "title"}, elsewhere + "to auth_group, and not to accounts_group"},
		{"other users", map[string]string{"auth_user_groups.user_id": "accounts_user"}, dbstore.GroupTables{}, elsewhere + "leads from user_id to accounts_user"},
		{
			"other users in a table that is named",
			map[string]string{"auth_user_groups.user_id": "accounts_user"},
			dbstore.GroupTables{UserGroups: userGroups},
			elsewhere + "leads from user_id to accounts_user",
		},

		{"groups that lead nowhere", map[string]string{"auth_user_groups.group_id": ""}, dbstore.GroupTables{}, elsewhere + "no foreign key on group_id"},
		{"groups that lead nowhere, named", map[string]string{"auth_user_groups.group_id": ""}, dbstore.GroupTables{UserGroups: userGroups}, adas},
		{"users that lead nowhere", map[string]string{"auth_user_groups.user_id": ""}, dbstore.GroupTables{}, elsewhere + "no foreign key on user_id"},

		{"other permissions", map[string]string{"auth_user_user_permissions.permission_id": "accounts_permission"}, dbstore.GroupTables{}, onlyGroups},
		{
			"other permissions in a table that is named",
			map[string]string{"auth_user_user_permissions.permission_id": "accounts_permission"},
			dbstore.GroupTables{UserPermissions: userPermissions},
			onlyGroups,
		},
		{"other users of permissions", map[string]string{"auth_user_user_permissions.user_id": "accounts_user"}, dbstore.GroupTables{}, onlyGroups},
		{"permissions that lead nowhere", map[string]string{"auth_user_user_permissions.permission_id": ""}, dbstore.GroupTables{}, onlyGroups},
		{
			"permissions that lead nowhere, named",
			map[string]string{"auth_user_user_permissions.permission_id": ""},
			dbstore.GroupTables{UserPermissions: userPermissions},
			adas,
		},
		{"permissions of other groups", map[string]string{"auth_group_permissions.group_id": "accounts_group"}, dbstore.GroupTables{}, onlyGroups},
		{"other permissions of groups", map[string]string{"auth_group_permissions.permission_id": "accounts_permission"}, dbstore.GroupTables{}, onlyGroups},
		{
			"permissions of groups that lead nowhere, named",
			map[string]string{"auth_group_permissions.permission_id": "", "auth_group_permissions.group_id": ""},
			dbstore.GroupTables{GroupPermissions: named("auth_group_permissions")},
			adas,
		},

		{"a through model", nil, dbstore.GroupTables{UserGroups: named("memberships")}, adas},
		{
			"a through model with two users",
			map[string]string{"memberships.by_id": "auth_user"},
			dbstore.GroupTables{UserGroups: named("memberships")},
			elsewhere + "must have one column besides id and team_id",
		},
		{
			"a through model with two users, of which one is named",
			map[string]string{"memberships.by_id": "auth_user"},
			dbstore.GroupTables{UserGroups: dbstore.ManyToMany{Table: "memberships", From: "person_id"}},
			adas,
		},
		{
			"a through model without foreign keys, with columns that are named",
			map[string]string{"memberships.person_id": "", "memberships.team_id": ""},
			dbstore.GroupTables{UserGroups: dbstore.ManyToMany{Table: "memberships", From: "person_id", To: "team_id"}},
			adas,
		},
		{"a column that is not there", nil, dbstore.GroupTables{UserGroups: dbstore.ManyToMany{Table: "memberships", From: "nobody_id"}}, elsewhere + "has no column nobody_id"},
	} {
		if f.Dialect == dbstore.MySQL && i%4 != 0 {
			continue // it makes tables slowly, and a few tell what its catalogue says
		}
		f.linked(t, tt.changes)
		a := f.reader(dbstore.PermissionsConfig{Groups: tt.tables})
		got, relations := allowed(t.Context(), a, "1"), a.Relations(t.Context())
		if problem, refused := strings.CutPrefix(tt.want, elsewhere); refused {
			_, err := a.AccessOf(t.Context(), "1")
			if !errors.Is(err, djangosession.ErrNoPermissionsMixin) || !strings.Contains(err.Error(), problem) || !errors.As(relations, new(*dbstore.RelationError)) {
				t.Errorf("%s: got %s, want an error with %q; and of the relations, %v", tt.name, got, problem, relations)
			}
			continue
		}
		access, _ := a.AccessOf(t.Context(), "1")
		known := !strings.HasSuffix(tt.want, ": ")
		if got != tt.want || access.PermissionsUnknown == known || errors.As(relations, new(*dbstore.RelationError)) == known {
			t.Errorf("%s: got %s, permissions unknown: %t, relations: %v; want %s", tt.name, got, access.PermissionsUnknown, relations, tt.want)
		}
	}
	f.linked(t, nil)
}

// Djangos before 2.1.5 leave foreign keys behind, in SQLite 3.26 and newer, that lead to a table which is no more.
func TestForeignKeysOfOldDjangos(t *testing.T) {
	f := newSQLite(t)
	f.strict = true
	f.linked(t, map[string]string{"auth_user_groups.user_id": `"auth_user__old"`, "auth_user_groups.group_id": "AUTH_GROUP__old"})
	wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "1", adas)
	f.exec(t, "CREATE TABLE auth_user__old (id integer PRIMARY KEY)")
	if _, err := f.reader(dbstore.PermissionsConfig{}).AccessOf(t.Context(), "1"); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		t.Errorf("with a table of that name: got %v", err)
	}
}

// A view stands for the tables behind it, whose foreign keys do not lead to it.
func TestAccessOfAView(t *testing.T) { testAccessOfAView(t, newSQLite(t)) }

func testAccessOfAView(t *testing.T, f *fixture) {
	f.strict = true
	f.linked(t, nil)
	const view = "CREATE VIEW people AS SELECT id AS person, is_active FROM auth_user"
	f.exec(t, view)
	c := dbstore.PermissionsConfig{Table: "people", Columns: dbstore.Columns{ID: "person"}}
	if _, err := f.reader(c).AccessOf(t.Context(), "1"); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		t.Errorf("without names: got %v", err)
	}
	c.Groups.UserGroups.Table, c.Groups.UserPermissions.Table = "auth_user_groups", "auth_user_user_permissions"
	wantAccess(t, f.reader(c), "1", adas)
	f.linked(t, map[string]string{"auth_user_groups.group_id": "accounts_group"})
	f.exec(t, view)
	if _, err := f.reader(c).AccessOf(t.Context(), "1"); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		t.Errorf("with groups that lead elsewhere: got %v", err)
	}
}

// A migration may make a table anew, for other groups, with the same columns: no query fails.
func TestRelationsAreLookedAtAgain(t *testing.T) {
	f := newSQLite(t)
	f.strict = true
	f.linked(t, nil)
	now := time.Now()
	a := f.reader(dbstore.PermissionsConfig{Now: func() time.Time { return now }})
	wantAccess(t, a, "1", adas)
	f.linked(t, map[string]string{"auth_user_groups.group_id": "accounts_group"})
	now = now.Add(time.Minute)
	if _, err := a.AccessOf(t.Context(), "1"); !errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		t.Errorf("a minute after the groups are others: got %v", err)
	}
}
