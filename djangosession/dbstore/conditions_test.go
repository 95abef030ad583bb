package dbstore_test

import (
	"strings"
	"testing"

	"django-sidecar/djangosession/dbstore"
)

// statusUser is a user table whose flags Django computes.
const statusUser = `id integer PRIMARY KEY, password varchar(128), username varchar(150), email varchar(254), status varchar(20), role integer,
	deleted_at {datetime}, note varchar(20)`

// testConditions is what holds for conditions on every database.
func testConditions(t *testing.T, f *fixture) {
	f.table(t, "auth_user", statusUser)
	f.exec(t, `INSERT INTO auth_user VALUES (1, 'pw', 'ada', 'ada@x', 'active', 2, NULL, ''), (2, 'pw', 'bob', 'bob@x', 'banned', 1, NULL, ''),
		(3, 'pw', 'eve', 'eve@x', NULL, NULL, NULL, ''), (4, 'pw', 'gone', 'gone@x', 'active', 2, '2026-01-01 00:00:00', '')`)
	c := dbstore.UsersConfig{Conditions: dbstore.Conditions{
		Where: "deleted_at IS NULL", Active: "status = 'active'", Staff: "role >= 1", Superuser: "role = 2",
	}}
	u := f.users(c)
	if err := u.TryConditions(t.Context()); err != nil {
		t.Errorf("trying: %v", err)
	}
	wantUser(t, u, "1", "1 ada ada@x pw "+flags(yes, yes, yes))
	wantUser(t, u, "2", "2 bob bob@x pw "+flags(no, yes, no))
	wantUser(t, u, "3", "3 eve eve@x pw "+flags(no, no, no)) // NULL is no yes
	wantUser(t, u, "4", "not found")
	if leftOut, err := u.LeftOut(t.Context()); err != nil || len(leftOut) > 0 {
		t.Errorf("left out: %q, %v", leftOut, err)
	}
	// A condition decides, also where the model is said to have no such attribute.
	c.Columns.Active = dbstore.NoColumn
	wantUser(t, f.users(c), "2", "2 bob bob@x pw "+flags(no, yes, no))
	// An OR in it reaches no further than its parentheses.
	c.Conditions.Where = "deleted_at IS NULL OR role = 7"
	wantUser(t, f.users(c), "4", "not found")
	wantUser(t, f.users(c), "1", "1 ada ada@x pw "+flags(yes, yes, yes))

	// The column goes: nobody is let in, and nothing is taken for a text.
	quote := `"`
	if f.Dialect == dbstore.MySQL {
		quote = "`"
	}
	c.Conditions = dbstore.Conditions{Where: quote + "note" + quote + " <> 'x'", Active: quote + "status" + quote + " <> 'banned'"}
	u = f.users(c)
	wantUser(t, u, "1", "1 ada ada@x pw "+flags(yes, absent, absent))
	f.exec(t, "ALTER TABLE auth_user RENAME COLUMN status TO state")
	if got := found(t.Context(), t, u, "1"); !strings.HasPrefix(got, "error: ") {
		t.Errorf("without the column of a condition: got %s", got)
	}
	if err := u.TryConditions(t.Context()); !dbstore.IsMistake(err) {
		t.Errorf("trying, without the column of a condition: got %v", err)
	}
	for _, wrong := range []string{"no_such = 1", "id = = 1", "no_such_function(id) = 1", "(SELECT"} {
		u := f.users(dbstore.UsersConfig{Conditions: dbstore.Conditions{Active: wrong}})
		err := u.TryConditions(t.Context())
		if err == nil || wrong != "(SELECT" && !dbstore.IsMistake(err) {
			t.Errorf("trying %s: got %v", wrong, err)
		}
		if got := found(t.Context(), t, u, "1"); !strings.HasPrefix(got, "error: ") {
			t.Errorf("with %s: got %s", wrong, got)
		}
	}
	f.exec(t, "DROP TABLE auth_user")
	if err := f.users(c).TryConditions(t.Context()); err == nil || dbstore.IsMistake(err) {
		t.Errorf("trying without a table, as before migrations: got %v", err)
	}
}

func testAccessConditions(t *testing.T, f *fixture) {
	f.access(t, authUsers)
	f.exec(t, "ALTER TABLE auth_user ADD COLUMN status varchar(20)")
	f.exec(t, "UPDATE auth_user SET status = 'active', is_active = false")
	active := dbstore.Conditions{Active: "status = 'active'"}
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Conditions: active}), "1", adas)
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Columns: dbstore.Columns{Active: dbstore.NoColumn}, Conditions: active}), "1", adas)
	f.exec(t, "UPDATE auth_user SET status = NULL")
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Columns: dbstore.Columns{Active: dbstore.NoColumn}, Conditions: active}), "1",
		`inactive: editors|writers|Zoë, "and" co: `)
	// Who is hidden is in no group.
	f.exec(t, "UPDATE auth_user SET is_active = true")
	hidden := f.reader(dbstore.PermissionsConfig{Conditions: dbstore.Conditions{Where: "id <> 1 OR username = 'x'"}})
	wantAccess(t, hidden, "1", none)
	wantAccess(t, hidden, "2", bobs)
}

func testHashColumns(t *testing.T, f *fixture) {
	f.table(t, "auth_user", authUser+", token varchar(40), version integer, device {uuid}, ratio {strange}, born {datetime}")
	device := "12345678-1234-5678-1234-567812345678"
	if f.types["uuid"] == "char(32)" {
		device = strings.ReplaceAll(device, "-", "")
	}
	f.exec(t, `INSERT INTO auth_user (id, password, email, is_active, token, version, device) VALUES (1, 'pw', 'ada@x', true, 'té', 7, '`+device+`'),
		(2, 'pw', '', true, NULL, NULL, NULL), (3, NULL, 'x', true, '', -3, NULL)`)
	for _, u := range []struct {
		columns, separator string
		want               [3]string
	}{
		{"password", "", [3]string{"pw", "pw", "None"}},
		{"password email token", "", [3]string{"pwada@xté", "pwNone", "Nonex"}},
		{"email version password device", ":", [3]string{"ada@x:7:pw:12345678-1234-5678-1234-567812345678", ":None:pw:None", "x:-3:None:None"}},
	} {
		users := f.users(dbstore.UsersConfig{Hash: dbstore.HashColumns{Names: strings.Fields(u.columns), Separator: u.separator}})
		for i, want := range u.want {
			user, err := users.UserByID(t.Context(), value(t, i+1))
			if err != nil || user.HashInput == nil || *user.HashInput != want {
				t.Errorf("%s of user %d: got %v, %v, want %q", u.columns, i+1, user, err, want)
			}
		}
	}
	for column, problem := range map[string]string{"ratio": "alone are known", "born": "alone are known", "is_active": "alone are known", "nothing": "has no column nothing"} {
		users := f.users(dbstore.UsersConfig{Hash: dbstore.HashColumns{Names: []string{"password", column}}})
		if got := found(t.Context(), t, users, "1"); !strings.Contains(got, problem) {
			t.Errorf("with %s in the hash: got %s", column, got)
		}
	}
	if user, err := f.users(dbstore.UsersConfig{}).UserByID(t.Context(), value(t, 1)); err != nil || user.HashInput != nil {
		t.Errorf("without columns: got %v, %v", user, err)
	}
}

// TestOneRowsConditionFails: a condition that cannot be computed on one user's row fails for that user alone.
func TestOneRowsConditionFails(t *testing.T) {
	f := newSQLite(t)
	f.table(t, "auth_user", authUser+", prefs text")
	f.exec(t, `INSERT INTO auth_user (id, username, password, is_active, prefs) VALUES (1, 'ada', 'pw', true, '{}'), (2, 'eve', 'pw', true, '{oops')`)
	u := f.users(dbstore.UsersConfig{Conditions: dbstore.Conditions{Where: "json_extract(prefs, '$.banned') IS NULL"}})
	if err := u.TryConditions(t.Context()); err != nil {
		t.Errorf("trying: %v", err)
	}
	for range 3 {
		if got := found(t.Context(), t, u, "2"); !strings.Contains(got, "malformed JSON") {
			t.Errorf("a row that cannot be judged: %s", got)
		}
		wantUser(t, u, "1", "1 ada ? pw "+flags(yes, absent, absent))
	}
}
