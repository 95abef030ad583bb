//go:build live

package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
	"django-sidecar/signing"
)

// TestRole has the role do what a verdict needs, and try everything else.
func TestRole(t *testing.T) {
	for _, tt := range []struct {
		name, options string
		tables        Tables
		columns       dbstore.Columns
		of            func(*djangotest.TestDatabase) deployment
	}{
		{"auth.User", "", authTables, dbstore.Columns{}, func(db *djangotest.TestDatabase) deployment {
			return deployment{version: "5.2", database: db.Django()}
		}},
		{
			"names in quotes", `-c search_path="the\ shop"`, memberTables,
			dbstore.Columns{ID: "Member Id", Email: "E Mail", Username: "E Mail", Staff: dbstore.NoColumn},
			memberDeployment,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := djangotest.Postgres(t).Database(t)
			db.Exec(t, `CREATE SCHEMA "the shop"`)
			dj := startDjango(t, tt.of(db))
			user := dj.text(t, `user = User(email="ada@example.com", password="x"); user.save()
group = Group.objects.create(name="editors"); user.groups.add(group)
group.permissions.add(Permission.objects.get(codename="add_group")); user.user_permissions.add(Permission.objects.get(codename="add_session"))
key = login(user)`, "str(user.pk)")
			exec := func(sql string) { t.Helper(); db.ExecAsSuperuser(t, searchPath(tt.tables)+sql) }
			before := privileges(t, db)
			for range 2 {
				exec(mustText(t)(tt.tables.SQL(Script{Role: true})))
			}
			exec("ALTER ROLE " + RoleName + " PASSWORD 'pw'")
			t.Cleanup(func() {
				exec(mustText(t)(tt.tables.SQL(Script{Role: true, Remove: true})))
				exec(mustText(t)(tt.tables.SQL(Script{Role: true, Remove: true}))) // nothing is left to be removed
				if after := privileges(t, db); after != before {
					t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
				}
			})

			url := roleURL(t, db, tt.options)
			d, err := database.Open(url, database.Options{Timeout: liveTimeout, Conns: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close() //nolint:errcheck // nothing has been written
			testRoleReads(t, d, tt.tables, tt.columns, dj.text(t, "", "key"), user)
			testRoleReadsNothingElse(t, db, d, tt.tables)
			writer, err := database.Open(roleURL(t, db, strings.TrimSpace(tt.options+" -c default_transaction_read_only=off")), database.Options{Timeout: liveTimeout, Conns: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close() //nolint:errcheck // nothing has been written
			testRoleChangesNothing(t, writer, tt.tables)

			// It may listen, and notify.
			l, err := database.NewSubscriber(url, database.Options{Timeout: liveTimeout})
			if err != nil {
				t.Fatal(err)
			}
			exec(mustText(t)(tt.tables.SQL(Script{Triggers: true})))
			r := startListen(t, Config{Tables: tt.tables, Connect: connectWith(l), Notify: notifyWith(d)})
			r.until(t, "fresh")
		})
	}
}

func testRoleReads(t *testing.T, d *database.Database, tables Tables, columns dbstore.Columns, key, user string) {
	t.Helper()
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version: mustVersion(t), SecretKey: signing.SecretKey("oracle"), StoreClass: "SessionStore", MaxBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	sessions := dbstore.NewSessions(d.DB, codec, dbstore.SessionsConfig{Dialect: d.Dialect, Table: tables.Sessions})
	session, err := sessions.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if recent, err := sessions.Recent(t.Context(), 10); err != nil || len(recent) != 1 {
		t.Errorf("recent sessions: %v, %v", recent, err)
	}
	users := dbstore.NewUsers(d.DB, dbstore.UsersConfig{Dialect: d.Dialect, Version: mustVersion(t), Table: tables.Users, Columns: columns})
	if found, err := users.UserByID(t.Context(), session.AuthUserID); err != nil || found.ID != user || found.Email == nil || *found.Email != "ada@example.com" {
		t.Errorf("the user: %+v, %v", found, err)
	}
	access, err := dbstore.NewPermissions(d.DB, dbstore.PermissionsConfig{Dialect: d.Dialect, Table: tables.Users, Columns: columns}).AccessOf(t.Context(), user)
	if err != nil || !slices.Equal(access.Groups, []string{"editors"}) || len(access.Permissions) != 2 {
		t.Errorf("access: %+v, %v", access, err)
	}
}

// testRoleReadsNothingElse tries every column of every table.
func testRoleReadsNothingElse(t *testing.T, db *djangotest.TestDatabase, d *database.Database, tables Tables) {
	t.Helper()
	granted := map[string][]string{
		tables.Sessions:          SessionColumns,
		tables.Users:             append([]string{tables.UserID}, tables.UserColumns...),
		tables.groups():          {"group_id", "user_id", "member_id"},
		tables.permissions():     {"permission_id", "user_id", "member_id"},
		"auth_group":             {"id", "name"},
		"auth_permission":        {"id", "codename", "content_type_id"},
		"auth_group_permissions": {"group_id", "permission_id"},
		"django_content_type":    {"id", "app_label"},
	}
	allowed := map[string]bool{}
	for table, columns := range granted {
		for _, c := range columns {
			allowed[table[strings.LastIndexByte(table, '.')+1:]+"|"+c] = true
		}
	}
	rows := strings.Split(db.Exec(t, `SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema')`), "\n")
	if len(rows) < 30 {
		t.Fatalf("only %d columns", len(rows))
	}
	for _, row := range rows {
		schema, column, _ := strings.Cut(row, "|")
		var ignored any
		name := strings.SplitN(row, "|", 3)
		err := d.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %s FROM %s.%s LIMIT 0", quoteName(name[2]), quoteName(schema), quoteName(name[1]))).Scan(&ignored)
		denied := err != nil && strings.Contains(err.Error(), "permission denied")
		if denied == allowed[column] {
			t.Errorf("%s: allowed is %v, and got %v", row, allowed[column], err)
		}
	}
}

// testRoleChangesNothing tries to, on a connection that has left read-only transactions.
func testRoleChangesNothing(t *testing.T, d *database.Database, tables Tables) {
	t.Helper()
	for _, statement := range []string{
		"DELETE FROM {}", "DELETE FROM {} WHERE session_key = 'x'", "UPDATE {} SET expire_date = now()", "INSERT INTO {} SELECT 'x', 'x', now()",
		"TRUNCATE {}", "SELECT session_key FROM {} FOR UPDATE", "CREATE TABLE public.mine (i int)", "SELECT pg_read_file('/etc/passwd')",
	} {
		statement = strings.ReplaceAll(statement, "{}", quoteTable(tables.Sessions))
		rows, err := d.QueryContext(t.Context(), statement)
		if err == nil {
			err = errors.Join(rows.Err(), rows.Close())
		}
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func mustVersion(t *testing.T) djangosession.Version {
	t.Helper()
	v, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// privileges is all that anybody has been granted.
func privileges(t *testing.T, db *djangotest.TestDatabase) string {
	t.Helper()
	return db.Exec(t, `SELECT rolname FROM pg_roles ORDER BY 1; SELECT datname, array_remove(datacl, NULL) FROM pg_database WHERE datname = current_database() AND array_to_string(datacl, ',') LIKE '%sidecar%';
		SELECT nspname, nspacl FROM pg_namespace WHERE array_to_string(nspacl, ',') LIKE '%sidecar%';
		SELECT attrelid::regclass, attname, attacl FROM pg_attribute WHERE array_to_string(attacl, ',') LIKE '%sidecar%'; SELECT count(*) FROM pg_db_role_setting`)
}
