//go:build live

package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
)

// TestPayloadsOfUsers: keys of any kind arrive as they are, in payloads of a size that PostgreSQL takes.
func TestPayloadsOfUsers(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	table := strings.Repeat("ü", 20) + `"s`
	tables := Tables{Users: table, UserID: `the "key"`, UserColumns: []string{"password"}}
	db.Exec(t, fmt.Sprintf(`CREATE TABLE %s (%s varchar(300) PRIMARY KEY, password text COLLATE "C")`, quoteTable(table), quoteName(tables.UserID)))
	db.Exec(t, searchPath(tables)+mustText(t)(tables.SQL(Script{Triggers: true})))
	e := hear(t, db)
	keys := []string{"42", "", "a,b", "1 *", "100%", "é'\"\\", strings.Repeat("🦆", 300), " x ", "-1", "A_b-C"}
	for _, key := range keys {
		db.Exec(t, "INSERT INTO "+quoteTable(table)+" VALUES ("+quoteText(key)+", 'x')")
	}
	e.since(t)

	db.Exec(t, "UPDATE "+quoteTable(table)+" SET password = 'X'")
	var users []string
	everything := false
	for _, payload := range e.since(t) {
		c := parsePayload(payload)
		users, everything = append(users, c.users...), everything || c.everything
	}
	// A key that is too long for a payload, or that is none, has everything forgotten.
	for _, key := range keys {
		if wanted := key != "" && len(key) < 1000; slices.Contains(users, key) != wanted {
			t.Errorf("%.40q: told is not %v", key, wanted)
		}
	}
	if len(users) != 8 || !everything {
		t.Errorf("%d users, everything is %v", len(users), everything)
	}

	for n, want := range map[int]bool{999: false, 1001: true} {
		db.Exec(t, fmt.Sprintf("TRUNCATE %[1]s; INSERT INTO %[1]s SELECT 'a rather long key, with a comma, ' || i, 'x' FROM generate_series(1, %d) AS i", quoteTable(table), n))
		e.since(t)
		db.Exec(t, "DELETE FROM "+quoteTable(table))
		heard, users := e.since(t), 0
		for _, payload := range heard {
			if len(payload) >= 8000 {
				t.Errorf("a payload of %d bytes", len(payload))
			}
			users += len(parsePayload(payload).users)
		}
		if everything := slices.Equal(heard, []string{"1 *"}); everything != want || !everything && users != n {
			t.Errorf("%d users: everything is %v, and %d are told", n, everything, users)
		}
	}
}

// TestTriggersFailNobody: what becomes of the tables later, whoever writes them can go on.
func TestTriggersFailNobody(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	db.Exec(t, "CREATE TABLE auth_user_groups (id serial, user_id int, group_id int)")
	install(t, db)
	e := hear(t, db)
	writer := "writer_of_" + db.Name()
	db.ExecAsSuperuser(t, "CREATE ROLE "+writer+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+writer)
	t.Cleanup(func() { db.ExecAsSuperuser(t, "DROP OWNED BY "+writer+"; DROP ROLE "+writer) })
	for _, tt := range []struct{ sql, heard string }{
		// Somebody with no privileges but on the tables, and with a search path that leads elsewhere.
		{
			`CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO ` + writer + `; CREATE FUNCTION evil.pg_notify(text, text) RETURNS int LANGUAGE sql AS 'SELECT 1/0';
			SET search_path = evil, pg_catalog; SET ROLE ` + writer + `; UPDATE public.auth_user SET password = 'y' WHERE id = 1`,
			"1 u 1",
		},
		{"UPDATE auth_user SET id = 100001 WHERE id = 2", "1 u 2"},
		{"UPDATE auth_user SET email = 'a@example.com' WHERE id = 3", "1 u 3"},
		{"UPDATE auth_user SET email = 'A@example.com' WHERE id = 3", "1 u 3"},
		{"UPDATE auth_user SET email = email, last_login = now()", ""},
		{"INSERT INTO auth_user (id) VALUES (0); UPDATE auth_user SET password = 'z'", "1 *"},
		{"UPDATE auth_user SET password = 'z' WHERE false", ""},
		{"INSERT INTO auth_user_groups (user_id, group_id) SELECT 7, i FROM generate_series(1, 2000) AS i", "1 u 7"},
		{"UPDATE auth_user_groups SET user_id = 8", "1 a"},
		{"TRUNCATE auth_user_groups", "1 a"},
		{"TRUNCATE auth_user", "1 *"},
		{"INSERT INTO auth_user (id) VALUES (1)", ""},
		{"ALTER TABLE auth_user DROP COLUMN email; UPDATE auth_user SET last_login = now()", "1 *"},
		{"ALTER TABLE auth_user RENAME id TO number; DELETE FROM auth_user", "1 *"},
		{"ALTER TABLE django_session RENAME session_key TO k; DELETE FROM django_session WHERE k = 'key1'", "1 *"},
		{"ALTER TABLE django_session RENAME k TO session_key; ALTER TABLE django_session ALTER session_key TYPE char(40); DELETE FROM django_session WHERE session_key = 'key2'", "1 s 6e4b1a39d4e80ef9a7e40b3dd4a4b3dc"},
	} {
		db.ExecAsSuperuser(t, tt.sql)
		heard := strings.Join(e.since(t), ";")
		if len(tt.heard) > 30 { // which session, TestDjangosChanges says
			heard, tt.heard = fmt.Sprint(len(heard)), fmt.Sprint(len(tt.heard))
		}
		if heard != tt.heard {
			t.Errorf("%s: heard %q, want %q", tt.sql, heard, tt.heard)
		}
	}
}

// Where the triggers could not work, nothing is installed.
func TestTriggersRefused(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	makeTables(t, db)
	other := authTables
	other.UserColumns = append([]string{"nickname"}, other.UserColumns...)
	script := mustText(t)(other.SQL(Script{Triggers: true}))
	refused := db.Exec(t, `CREATE TABLE said (text text);`+"DO $do$ BEGIN EXECUTE "+quoteText(strings.ReplaceAll(strings.ReplaceAll(script, "BEGIN;\n", ""), "COMMIT;\n", ""))+
		`; EXCEPTION WHEN OTHERS THEN INSERT INTO said VALUES (SQLERRM); END $do$; SELECT text FROM said`)
	if refused != `there is no column "auth_user".nickname` {
		t.Errorf("refused because %q", refused)
	}
}

// TestNamesOfManyToMany compares with what dbstore reads, for names that Django cuts.
func TestNamesOfManyToMany(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	d, err := database.Open(db.URL(), database.Options{Timeout: liveTimeout, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // nothing has been written
	db.Exec(t, `CREATE SCHEMA s; CREATE TABLE auth_group (id int PRIMARY KEY, name text); CREATE TABLE auth_permission (id int PRIMARY KEY, codename text, content_type_id int);
		CREATE TABLE auth_group_permissions (group_id int REFERENCES auth_group, permission_id int REFERENCES auth_permission); CREATE TABLE django_content_type (id int, app_label text)`)
	for _, name := range []string{"u", "s.u", strings.Repeat("x", 60), "s." + strings.Repeat("é", 30)} {
		tables := Tables{Users: name}
		db.Exec(t, fmt.Sprintf(`CREATE TABLE %[1]s (id int PRIMARY KEY, is_active bool); CREATE TABLE %[2]s (user_id int REFERENCES %[1]s, group_id int REFERENCES auth_group);
			CREATE TABLE %[3]s (user_id int REFERENCES %[1]s, permission_id int REFERENCES auth_permission)`,
			quoteTable(name), quoteTable(tables.groups()), quoteTable(tables.permissions())))
		if err := dbstore.NewPermissions(d.DB, dbstore.PermissionsConfig{Dialect: d.Dialect, Table: name}).Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
