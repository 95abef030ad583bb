package dbstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

func TestUsersOnSQLite(t *testing.T) { testUsers(t, newSQLite(t)) }

// testUsers is what holds for users on every database.
func testUsers(t *testing.T, f *fixture) {
	t.Run("columns", func(t *testing.T) { testUserColumns(t, f) })
	t.Run("NULL", func(t *testing.T) { testNull(t, f) })
	t.Run("integer keys", func(t *testing.T) { testIntegerKeys(t, f) })
	t.Run("UUID keys", func(t *testing.T) { testUUIDKeys(t, f) })
	t.Run("flags that are exact numbers", func(t *testing.T) { testNumericFlags(t, f) })
	t.Run("keys without hyphens", func(t *testing.T) { testHexKeys(t, f) })
	t.Run("text keys", func(t *testing.T) { testTextKeys(t, f) })
	t.Run("names", func(t *testing.T) { testUserNames(t, f) })
	t.Run("tables", func(t *testing.T) { testUserTables(t, f) })
	t.Run("sizes", func(t *testing.T) { testUserSizes(t, f) })
	t.Run("conditions", func(t *testing.T) { testConditions(t, f) })
	t.Run("hash columns", func(t *testing.T) { testHashColumns(t, f) })
	t.Run("a table that changes", func(t *testing.T) { testChangingTable(t, f) })
}

// found is all of a user, or how it was not found.
func found(ctx context.Context, t *testing.T, u *dbstore.Users, id any) string {
	t.Helper()
	var user *djangosession.StoredUser
	var err error
	var others []djangosession.Value
	for _, c := range companions {
		others = append(others, value(t, c))
	}
	asked := value(t, id)
	together(u.Batcher(), func(c string) { _, _ = u.UserByID(ctx, others[slices.Index(companions, c)]) },
		func() { user, err = u.UserByID(ctx, asked) })
	switch {
	case errors.Is(err, djangosession.ErrUserNotFound):
		return "not found"
	case errors.Is(err, djangosession.ErrBadUserID):
		return "bad id"
	case err != nil:
		return "error: " + err.Error()
	}
	text := func(s *string) string {
		if s == nil {
			return "?"
		}
		return *s
	}
	return fmt.Sprintf("%s %s %s %s active:%d staff:%d super:%d",
		user.ID, text(user.Username), text(user.Email), user.Password, user.IsActive, user.IsStaff, user.IsSuperuser)
}

func wantUser(t *testing.T, u *dbstore.Users, id any, want string) {
	t.Helper()
	if got := found(t.Context(), t, u, id); got != want {
		t.Errorf("user %#v: got %.200q, want %q", id, got, want)
	}
}

// The flags as found prints them.
const no, yes, null, absent = djangosession.False, djangosession.True, djangosession.NullFlag, djangosession.AbsentFlag

func flags(active, staff, superuser djangosession.Flag) string {
	return fmt.Sprintf("active:%d staff:%d super:%d", active, staff, superuser)
}

const authUser = `id integer PRIMARY KEY, password varchar(128), is_superuser bool, username varchar(150), first_name varchar(30),
	email varchar(254), is_staff bool, is_active bool, secret_question text`

func testUserColumns(t *testing.T, f *fixture) {
	f.table(t, "auth_user", authUser)
	f.exec(t, `INSERT INTO auth_user VALUES (1, 'pw', false, 'ada', 'Ada', 'ada@x', true, true, 's'), (2, 'pw2', true, 'bob', 'B', 'bob@x', false, false, 's')`)
	u := f.users(dbstore.UsersConfig{})
	wantUser(t, u, "1", "1 ada ada@x pw "+flags(yes, yes, no))
	wantUser(t, u, "2", "2 bob bob@x pw2 "+flags(no, no, yes))
	wantUser(t, u, "3", "not found")

	// Everything has another name, and an odd one.
	f.table(t, "people", `"login id" bigint PRIMARY KEY, pw text, "select" text, "e""mail" text, "Alive" bool, crew bool, boss bool`)
	f.exec(t, `INSERT INTO people VALUES (7, 'pw', 'ada', 'ada@x', true, false, true)`)
	wantUser(t, f.users(dbstore.UsersConfig{Table: "people", Columns: dbstore.Columns{
		ID: "login id", Password: "pw", Username: "select", Email: `e"mail`, Active: "Alive", Staff: "crew", Superuser: "boss",
	}}), "7", "7 ada ada@x pw "+flags(yes, no, yes))

	// Columns that are not there, and columns that are not to be read.
	f.table(t, "plain", "id integer PRIMARY KEY, password text, is_active bool")
	f.exec(t, "INSERT INTO plain VALUES (1, 'pw', true)")
	wantUser(t, f.users(dbstore.UsersConfig{Table: "plain"}), "1", "1 ? ? pw "+flags(yes, absent, absent))
	wantUser(t, f.users(dbstore.UsersConfig{Table: "plain", Columns: dbstore.Columns{Active: dbstore.NoColumn}}),
		"1", "1 ? ? pw "+flags(absent, absent, absent))

	f.table(t, "anybody", "id integer PRIMARY KEY, password text")
	f.exec(t, "INSERT INTO anybody VALUES (1, 'pw')")
	u = f.users(dbstore.UsersConfig{Table: "anybody"})
	if got := found(t.Context(), t, u, "1"); got != "error: table anybody has no column is_active" {
		t.Errorf("without is_active: got %q, want an error that names it", got)
	}
	if err := u.Probe(t.Context()); err == nil {
		t.Error("without is_active: the probe passes")
	}
	wantUser(t, f.users(dbstore.UsersConfig{Table: "anybody", Columns: dbstore.Columns{Active: dbstore.NoColumn}}),
		"1", "1 ? ? pw "+flags(absent, absent, absent))
}

func testNull(t *testing.T, f *fixture) {
	f.table(t, "auth_user", authUser)
	f.exec(t, "INSERT INTO auth_user (id) VALUES (1)")
	wantUser(t, f.users(dbstore.UsersConfig{}), "1", "1 ? ? None "+flags(null, absent, absent))
	f.exec(t, "UPDATE auth_user SET username = '', email = '', password = ''")
	wantUser(t, f.users(dbstore.UsersConfig{}), "1", "1    "+flags(null, absent, absent))
}

func testIntegerKeys(t *testing.T, f *fixture) {
	for _, columnType := range []string{"smallint", "integer", "bigint"} {
		f.table(t, "auth_user", strings.Replace(authUser, "integer", columnType, 1))
		f.exec(t, "INSERT INTO auth_user (id, password, is_active) VALUES (0, 'zero', true), (1, 'one', true), (-5, 'minus', true), (32767, 'big', true)")
		u := f.users(dbstore.UsersConfig{})
		row := func(id, password string) string { return id + " ? ? " + password + " " + flags(yes, absent, absent) }
		for id, want := range map[any]string{
			"1": row("1", "one"), " +1\n": row("1", "one"), "0001": row("1", "one"), "１": row("1", "one"), 1: row("1", "one"), true: row("1", "one"),
			"0": row("0", "zero"), false: row("0", "zero"), "-0": row("0", "zero"), "-5": row("-5", "minus"), "32767": row("32767", "big"),
			"2": "not found", "32768": "not found", "2147483648": "not found", "-32769": "not found",
			"9223372036854775807": "not found", "-9223372036854775808": "not found", "9223372036854775808": "not found",
			"1" + strings.Repeat("0", 400): "not found", nil: "not found",
			"": "bad id", "1.0": "bad id", "1 OR 1=1": "bad id", "ada": "bad id", "1\x00": "bad id", "0x1": "bad id",
		} {
			t.Run(fmt.Sprintf("%s %.20q", columnType, fmt.Sprint(id)), func(t *testing.T) { wantUser(t, u, id, want) })
		}
	}
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "{strange}", 1))
	if got := found(t.Context(), t, f.users(dbstore.UsersConfig{}), "1"); !strings.Contains(got, "none of integer, UUID and text") {
		t.Errorf("a key of a strange type: got %q, want an error", got)
	}
}

func testUUIDKeys(t *testing.T, f *fixture) {
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "{uuid}", 1))
	const hex, id = "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"
	f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES ('"+hex+"', 'ada', true)")
	u := f.users(dbstore.UsersConfig{})
	want := id + " ada ? None " + flags(yes, absent, absent)
	for _, spelling := range []string{id, hex, "{" + id + "}", "urn:uuid:" + id, "1234-5678-1234-5678-1234-5678-1234-5678"} {
		wantUser(t, u, spelling, want)
	}
	wantUser(t, u, strings.Replace(id, "8", "9", 1), "not found")
	wantUser(t, u, nil, "not found")
	wantUser(t, u, "1", "bad id")
	wantUser(t, u, id+"0", "bad id")
}

// A field of a project's own may read the column as a text of 32 digits, which str() leaves as it is.
// Drivers give exact numbers as texts, of which "0" is no truth.
func testNumericFlags(t *testing.T, f *fixture) {
	f.table(t, "auth_user", `id integer PRIMARY KEY, username varchar(150), password varchar(128), is_active numeric(1,0), is_staff numeric(4,2), is_superuser numeric(1,0)`)
	f.exec(t, `INSERT INTO auth_user VALUES (1, 'ada', 'pw', 0, 0, 0), (2, 'bob', 'pw', 1, 0.5, NULL)`)
	u := f.users(dbstore.UsersConfig{})
	wantUser(t, u, 1, "1 ada ? pw "+flags(no, no, no))
	wantUser(t, u, 2, "2 bob ? pw "+flags(yes, yes, absent))
}

func testHexKeys(t *testing.T, f *fixture) {
	id, hex := "12345678-1234-5678-1234-567812345678", "12345678123456781234567812345678"
	stored := id
	if f.types["uuid"] == "char(32)" {
		stored = hex
	}
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "{uuid}", 1))
	f.exec(t, "INSERT INTO auth_user (id, username, password, is_active) VALUES ('"+stored+"', 'ada', 'pw', true)")
	u := f.users(dbstore.UsersConfig{HexID: true})
	wantUser(t, u, hex, hex+" ada ? pw "+flags(yes, absent, absent))
	wantUser(t, f.users(dbstore.UsersConfig{}), hex, id+" ada ? pw "+flags(yes, absent, absent))
	wantUser(t, u, "4711", "bad id")
}

func testTextKeys(t *testing.T, f *fixture) {
	f.table(t, "auth_user", strings.Replace(authUser, "integer", "varchar(60)", 1))
	keys := map[string]string{ // and how SQL writes them
		"ada": "ada", "1": "1", "1.0": "1.0", "None": "None", "o'hara": "o''hara", "%": "%", `a\b`: `a\b`, `"q"`: `"q"`,
		"😀": "😀", "É": "É", " a ": " a ", "$1": "$1", "True": "True",
	}
	for _, written := range keys {
		f.exec(t, "INSERT INTO auth_user (id, username, is_active) VALUES ('"+written+"', 'user "+written+"', true)")
	}
	u := f.users(dbstore.UsersConfig{})
	for key := range keys {
		wantUser(t, u, key, key+" user "+key+" ? None "+flags(yes, absent, absent))
	}
	for id, want := range map[any]string{1: "1", true: "True", 1.0: "1"} { // Python's str of it; Go writes 1.0 as 1
		wantUser(t, u, id, want+" user "+want+" ? None "+flags(yes, absent, absent))
	}
	for _, key := range []string{"Ada", "ada ", "", "_", "' OR true --", strings.Repeat("x", 100_000)} {
		wantUser(t, u, key, "not found")
	}
	wantUser(t, u, nil, "not found")
	wantUser(t, u, "a\x00", "bad id")
}

func testUserTables(t *testing.T, f *fixture) {
	u := f.users(dbstore.UsersConfig{Table: "no_such_table"})
	_, err := u.UserByID(t.Context(), value(t, "1"))
	if !errors.Is(err, dbstore.ErrNoTable) || !strings.Contains(err.Error(), "no_such_table") {
		t.Errorf("a missing table: got %v, want ErrNoTable", err)
	}
	f.table(t, `"My ""own"" users"`, authUser)
	f.exec(t, `INSERT INTO "My ""own"" users" (id, username, is_active) VALUES (1, 'ada', true)`)
	wantUser(t, f.users(dbstore.UsersConfig{Table: `My "own" users`}), "1", "1 ada ? None "+flags(yes, absent, absent))

	// It may come to be there: a sidecar starts before the migrations.
	f.table(t, "no_such_table", authUser)
	f.exec(t, "INSERT INTO no_such_table (id, username, is_active) VALUES (1, 'ada', true)")
	f.later()
	wantUser(t, u, "1", "1 ada ? None "+flags(yes, absent, absent))
	f.exec(t, "DROP TABLE no_such_table")
	if got := found(t.Context(), t, u, "1"); !strings.HasPrefix(got, "error: ") {
		t.Errorf("a table that was dropped: got %q, want an error", got)
	}
}

// testChangingTable: migrations run while the sidecar serves, and cost no verdict.
func testChangingTable(t *testing.T, f *fixture) {
	f.table(t, "auth_user", authUser)
	f.exec(t, "INSERT INTO auth_user (id, password, username, email, is_staff, is_active) VALUES (1, 'pw', 'ada', 'a@x', true, true)")
	u := f.users(dbstore.UsersConfig{})
	want := "1 ada a@x pw " + flags(yes, yes, absent)
	steps := []struct{ sql, want string }{
		{"ALTER TABLE auth_user ADD COLUMN phone text", want},
		{"ALTER TABLE auth_user DROP COLUMN first_name", want},
		{"ALTER TABLE auth_user RENAME COLUMN email TO mail", "1 ada ? pw " + flags(yes, yes, absent)},
		{"ALTER TABLE auth_user DROP COLUMN is_staff", "1 ada ? pw " + flags(yes, absent, absent)},
		{"ALTER TABLE auth_user RENAME COLUMN username TO login", "1 ? ? pw " + flags(yes, absent, absent)},
	}
	if f.Dialect == dbstore.Postgres {
		steps = append([]struct{ sql, want string }{
			{"ALTER TABLE auth_user ALTER COLUMN username TYPE text", want},
			{"ALTER TABLE auth_user ALTER COLUMN id TYPE bigint", want},
			{"ALTER TABLE auth_user ALTER COLUMN id TYPE text", want},
			{"ALTER TABLE auth_user ALTER COLUMN id TYPE integer USING id::integer", want},
			{"ALTER TABLE auth_user ALTER COLUMN is_staff TYPE integer USING is_staff::integer", want},
		}, steps...)
	}
	wantUser(t, u, "1", want)
	for _, step := range steps {
		f.exec(t, step.sql)
		for range 4 { // on each of the connections
			if got := found(t.Context(), t, u, "1"); got != step.want {
				t.Errorf("after %s: got %q, want %q", step.sql, got, step.want)
			}
		}
	}
	f.exec(t, "ALTER TABLE auth_user RENAME COLUMN is_active TO active")
	if got := found(t.Context(), t, u, "1"); !strings.Contains(got, "is_active") {
		t.Errorf("without is_active: got %q, want an error that names it", got)
	}
}
