package checkup_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
)

// What is said of a user model that is more than Django's columns, and what to do about it.
func TestUserModels(t *testing.T) {
	const groups = `CREATE TABLE auth_group (id integer PRIMARY KEY, name text); CREATE TABLE accounts_group (id integer PRIMARY KEY, name text);
		CREATE TABLE auth_permission (id integer PRIMARY KEY, content_type_id integer, codename text); CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text);
		CREATE TABLE auth_group_permissions (id integer, group_id integer REFERENCES auth_group (id), permission_id integer REFERENCES auth_permission (id));
		CREATE TABLE auth_user_user_permissions (id integer, user_id integer REFERENCES auth_user (id), permission_id integer REFERENCES auth_permission (id));`
	const users = "CREATE TABLE auth_user (id integer PRIMARY KEY, password text, username text, email text, is_staff bool, is_superuser bool, is_active bool);" + groups
	for _, tt := range []struct{ name, tables, table, found, remedy string }{
		{"Django's own", users + "CREATE TABLE auth_user_groups (id integer, user_id integer REFERENCES auth_user, group_id integer REFERENCES auth_group)", "auth_user", "groups and permissions can be read", ""},
		{
			"own groups", users + "CREATE TABLE auth_user_groups (id integer, user_id integer REFERENCES auth_user, group_id integer REFERENCES accounts_group)", "auth_user",
			"leads from group_id to accounts_group, and not to auth_group", "set DJANGO_AUTH_GROUP_TABLE=accounts_group",
		},
		{
			"no foreign keys", users + "CREATE TABLE auth_user_groups (id integer, user_id integer, group_id integer)", "auth_user",
			"has no foreign key on user_id", "DJANGO_AUTH_USER_GROUPS_TABLE=auth_user_groups",
		},
		{
			"is_active as a property", "CREATE TABLE auth_user (id integer PRIMARY KEY, password text, status text);", "auth_user",
			"has no column is_active", "DJANGO_AUTH_USER_ACTIVE_WHERE",
		},
		{
			"inherited columns", users + "CREATE TABLE auth_user_groups (id integer); CREATE TABLE shop_customer (user_ptr_id integer PRIMARY KEY REFERENCES auth_user, phone text)", "shop_customer",
			"table shop_customer has no column id",
			`CREATE VIEW django_sidecar_users AS SELECT t0."user_ptr_id" AS "id", t1."password", t1."username", t1."email", t1."is_active", t1."is_staff", t1."is_superuser"` +
				` FROM "shop_customer" AS t0 JOIN "auth_user" AS t1 ON t1."id" = t0."user_ptr_id"; and set DJANGO_AUTH_USER_TABLE=django_sidecar_users, ` +
				"DJANGO_AUTH_USER_GROUPS_TABLE=auth_user_groups, DJANGO_AUTH_USER_PERMISSIONS_TABLE=auth_user_user_permissions",
		},
	} {
		path := filepath.Join(t.TempDir(), "db.sqlite3")
		writer, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := writer.ExecContext(t.Context(), tt.tables); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		db, err := database.Open("sqlite:///"+path, database.Options{Timeout: 10 * time.Second, Conns: 1})
		if err != nil {
			t.Fatal(err)
		}
		d := checkup.Checkup{
			Config:       &config.Config{AuthUserTable: tt.table, KeyMissing: true}, // no session is looked at
			UserDatabase: &checkup.NamedDatabase{Name: "database", DB: db.DB, Dialect: db.Dialect},
			Timeout:      10 * time.Second, Now: time.Now,
			Users:  dbstore.NewUsers(db.DB, dbstore.UsersConfig{Dialect: db.Dialect, Table: tt.table}),
			Access: dbstore.NewPermissions(db.DB, dbstore.PermissionsConfig{Dialect: db.Dialect, Table: tt.table}),
		}
		said := false
		d.Run(t.Context(), func(f checkup.Finding) {
			said = said || strings.Contains(f.Found, tt.found) && strings.Contains(f.Remedy, tt.remedy)
			if (f.Name == "users" || f.Name == "groups") && f.Grade != checkup.OK {
				t.Logf("%s: %s %s: %s; %s", tt.name, f.Grade, f.Name, f.Found, f.Remedy)
			}
		})
		if !said {
			t.Errorf("%s: no finding says %q, with the remedy %q", tt.name, tt.found, tt.remedy)
		}
		for _, c := range []interface{ Close() error }{db, writer} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
