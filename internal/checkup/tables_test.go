package checkup_test

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/signing"
)

// TestTables: what is said of the tables of sessions and users, as a database has them.
func TestTables(t *testing.T) {
	const sessions = "CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date datetime);"
	const users = "CREATE TABLE auth_user (id integer PRIMARY KEY, password text, username text, is_staff bool, is_superuser bool, is_active bool);"
	const none, read = "warn users table auth_user has no column email, so answers leave it out; if the column has another name, say so in DJANGO_AUTH_USER_…_COLUMN", "ok sessions table django_session can be read"
	for _, tt := range []struct {
		name, tables string
		conditions   dbstore.Conditions
		want         []string // the beginnings of lines
	}{
		{"nothing", "", dbstore.Conditions{}, []string{
			"FAIL sessions table django_session: no such table; run Django's migrations for django.contrib.sessions",
			"FAIL users table auth_user: no such table; run Django's migrations for the user model",
		}},
		{"another table", "CREATE TABLE django_session (session_key text, session_data text);" + users, dbstore.Conditions{}, []string{
			"FAIL sessions table django_session has no column expire_date; set DJANGO_SESSION_TABLE to the table of the session model", "ok users table auth_user can be read", none, "ok groups the user model has none",
		}},
		{"as they should be", sessions + users, dbstore.Conditions{Active: "is_active AND id > 0"}, []string{read, "ok users table auth_user can be read", none, "ok groups the user model has none"}},
		{"a condition on another column", sessions + users, dbstore.Conditions{Where: "deleted_at IS NULL"}, []string{
			read, "FAIL users trying the conditions on a user: SQL logic error: no such column: deleted_at (1); correct DJANGO_AUTH_USER_WHERE: serve does not start",
		}},
		{"a key of another type", sessions + strings.Replace(users, "id integer", "id blob", 1), dbstore.Conditions{}, []string{
			read, "FAIL users primary key id of table auth_user has type blob, which is none of integer, UUID and text; set DJANGO_AUTH_USER_TABLE or DJANGO_AUTH_USER_MODEL to the right table",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := withTables(t, tt.tables)
			codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: djangosession.NewestVersion(), SecretKey: signing.SecretKey("secret")})
			if err != nil {
				t.Fatal(err)
			}
			named := &checkup.NamedDatabase{Name: "database", Setting: "DATABASE_URL", DB: db.DB, Dialect: db.Dialect, Location: "here"}
			d := checkup.Checkup{
				Config:       &config.Config{SessionTable: "django_session", AuthUserTable: "auth_user", AuthUserConditions: tt.conditions, KeyMissing: true},
				UserDatabase: named, SessionDatabase: named, Timeout: time.Minute, Now: time.Now,
				Sessions: dbstore.NewSessions(db.DB, codec, dbstore.SessionsConfig{Dialect: db.Dialect, Zone: dbstore.Zone{UseTZ: true}}),
				Users:    dbstore.NewUsers(db.DB, dbstore.UsersConfig{Dialect: db.Dialect, Conditions: tt.conditions}),
				Access:   dbstore.NewPermissions(db.DB, dbstore.PermissionsConfig{Dialect: db.Dialect}),
			}
			var got []string
			d.Run(t.Context(), func(f checkup.Finding) { got = append(got, strings.Join(strings.Fields(f.String()), " ")) })
			if want := append([]string{"ok database here answers"}, tt.want...); !slices.EqualFunc(got, want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// withTables opens a database with these tables.
func withTables(t *testing.T, tables string) *database.Database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	writer, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.ExecContext(t.Context(), "PRAGMA user_version = 1;"+tables); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open("sqlite:///"+path, database.Options{Timeout: time.Minute, Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{db, writer} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return db
}
