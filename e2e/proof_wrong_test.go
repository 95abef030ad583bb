//go:build live

package e2e

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// sampledDeployment is a Django with users in every state and in groups, a login of three active users, and a sample.
func sampledDeployment(t *testing.T, django string) (d *djangotest.Django, keys []string, file string) {
	t.Helper()
	p := profile{name: "sqlite", django: django, sqlite: true}
	d = p.deploy(t)
	users := d.Users(20, 7)
	cookies := d.Sessions(60, 7)
	giveRights(d)
	for _, u := range users {
		if u.IsActive != nil && *u.IsActive && len(keys) < 3 {
			keys = append(keys, d.Login(u.ID))
		}
	}
	return d, keys, sampleOf(t, d, cookies)
}

// against runs check -against with other settings.
func against(t *testing.T, file string, env map[string]string) (code int, said string) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	code, said = command(t, "", "check", "-against", file)
	for _, secret := range []string{oracleSecret, "_auth_user_hash"} {
		if strings.Contains(said, secret) {
			t.Errorf("check prints %q:\n%s", secret, said)
		}
	}
	return code, said
}

// TestProofFindsWrongSettings has a setting be wrong in many ways. Each is found, and named.
func TestProofFindsWrongSettings(t *testing.T) {
	django, keys, _ := sampledDeployment(t, "5.2")
	var ids []string // of users who log in
	for _, u := range django.Users(30, 9) {
		if u.IsActive != nil && *u.IsActive {
			django.Login(u.ID)
			ids = append(ids, u.ID)
		}
	}
	for _, statement := range []string{
		"CREATE TABLE other_group (id integer PRIMARY KEY, name varchar(150))",
		"INSERT INTO other_group SELECT id, 'not ' || name FROM auth_group",
		"CREATE TABLE other_user_groups (id integer PRIMARY KEY, user_id integer, group_id integer)",
		"INSERT INTO other_user_groups SELECT id, user_id, group_id FROM auth_user_groups",
		"CREATE TABLE other_permissions (id integer PRIMARY KEY, user_id integer, permission_id integer)",
		"INSERT INTO other_permissions SELECT u.id * 100 + p.id, u.id, p.id FROM auth_user u, auth_permission p WHERE u.id < 10000 AND p.id < 6",
		"CREATE TABLE more_permissions (id integer PRIMARY KEY, user_id integer, permission_id integer)",
		"INSERT INTO more_permissions SELECT id, user_id, permission_id FROM auth_user_user_permissions",
		fmt.Sprintf("INSERT INTO more_permissions SELECT 1000000, s.user_id, p.id FROM auth_permission p, (SELECT id AS user_id FROM auth_user WHERE is_active AND NOT is_superuser AND id IN (%s)) s "+
			"WHERE p.id NOT IN (SELECT permission_id FROM auth_user_user_permissions WHERE user_id = s.user_id) LIMIT 1", strings.Join(ids, ", ")),
		fmt.Sprintf("UPDATE django_session SET expire_date = datetime('now', '+1 hour') WHERE session_key = '%s'", keys[0]),
		fmt.Sprintf("UPDATE django_session SET expire_date = datetime('now', '-1 hour') WHERE session_key = '%s'", keys[1]),
		"UPDATE auth_user SET email = 'somebody@example.com' WHERE email = ''",
	} {
		django.Execute(statement)
	}
	file := sampleOf(t, django, nil)
	empty := emptied(t, strings.TrimPrefix(os.Getenv("DATABASE_URL"), "sqlite:///"))
	for _, c := range []struct {
		name, says string
		env        map[string]string
	}{
		{"another secret", "user: bad_signature", map[string]string{"DJANGO_SECRET_KEY": "another key, which has never signed anything"}},
		{"a missing backend", "user: unknown_backend", map[string]string{"DJANGO_AUTHENTICATION_BACKENDS": "django.contrib.auth.backends.AllowAllUsersModelBackend"}},
		{"is_active the other way round", "user: user_inactive", map[string]string{"DJANGO_AUTH_USER_ACTIVE_WHERE": "NOT is_active"}},
		{"everybody is active", "the sidecar is laxer", map[string]string{"DJANGO_AUTH_USER_ACTIVE_COLUMN": "-"}},
		{"users are not looked at", "the sidecar is laxer", map[string]string{"SIDECAR_INSECURE_SKIP_USER_CHECK": "true"}},
		{"another table of groups", "(groups)", map[string]string{"DJANGO_AUTH_GROUP_TABLE": "other_group", "DJANGO_AUTH_USER_GROUPS_TABLE": "other_user_groups"}},
		{"another table of permissions", "(permissions)", map[string]string{"DJANGO_AUTH_USER_PERMISSIONS_TABLE": "other_permissions"}},
		{"one permission more", "(permissions)", map[string]string{"DJANGO_AUTH_USER_PERMISSIONS_TABLE": "more_permissions"}},
		{"another column of staff", "(is_staff)", map[string]string{"DJANGO_AUTH_USER_STAFF_COLUMN": "is_superuser"}},
		{"no column of superusers", "(is_superuser)", map[string]string{"DJANGO_AUTH_USER_SUPERUSER_COLUMN": "-"}},
		{"another column of names", "(username)", map[string]string{"DJANGO_AUTH_USER_USERNAME_COLUMN": "email"}},
		{"another column of passwords", "user: auth_hash_mismatch", map[string]string{"DJANGO_AUTH_USER_PASSWORD_COLUMN": "username"}},
		{"rows that are hidden", "user: user_not_found", map[string]string{"DJANGO_AUTH_USER_WHERE": "is_staff"}},
		{"clocks east of Django's", "user: expired", map[string]string{"DJANGO_USE_TZ": "false", "DJANGO_TIME_ZONE": "Asia/Tokyo"}},
		{"clocks west of Django's", "user: only here", map[string]string{"DJANGO_USE_TZ": "false", "DJANGO_TIME_ZONE": "America/New_York"}},
		{"a Django that wrote otherwise", "user: bad_signature", map[string]string{"DJANGO_VERSION": "3.0"}},
		{"sessions of another class", "user: bad_signature", map[string]string{"DJANGO_SESSION_STORE_CLASS": "CustomStore"}},
		{"a database without the sessions", "none of the sample's sessions is in this store", map[string]string{"DATABASE_URL": "sqlite:///" + empty}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, said := against(t, file, c.env)
			if code != exitNo || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, exitNo, c.says, said)
			}
		})
	}
}

// emptied is a copy of a database of SQLite that has no sessions.
func emptied(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "empty.sqlite3")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", copied)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM django_session"); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	return copied
}

// TestProofTellsChangesFromDifferences ends sessions and changes users after the sample was taken.
func TestProofTellsChangesFromDifferences(t *testing.T) {
	django, keys, file := sampledDeployment(t, "6.1")
	django.Execute(fmt.Sprintf("DELETE FROM django_session WHERE session_key = '%s'", keys[0]))
	code, said := against(t, file, nil)
	if code != exitYes || !strings.Contains(said, "not in this store: 1") || !strings.Contains(said, "take a fresh sample") || strings.Contains(said, "differ") {
		t.Errorf("a session that has ended: exit code %d\n%s", code, said)
	}
	django.Execute(fmt.Sprintf("UPDATE django_session SET session_data = 'x' || session_data WHERE session_key = '%s'", keys[1]))
	code, said = against(t, file, nil)
	if code != exitYes || !strings.Contains(said, "changed, or its user: 1") || strings.Contains(said, "differ") {
		t.Errorf("a session that has changed: exit code %d\n%s", code, said)
	}
	changed := django.Users(40, 8)[0] // nobody has a session of
	key := django.Login(changed.ID)
	file = sampleOf(t, django, nil)
	django.Execute(fmt.Sprintf("UPDATE auth_user SET password = 'pbkdf2_sha256$1$new$new' WHERE id = %s", changed.ID))
	code, said = against(t, file, nil)
	if code != exitYes || !strings.Contains(said, "changed, or its user: 1") || strings.Contains(said, "differ") {
		t.Errorf("a password that has changed, session %s: exit code %d\n%s", key[:2], code, said)
	}
	django.Execute(fmt.Sprintf("UPDATE auth_user SET is_staff = NOT is_staff WHERE id = %s", changed.ID))
	other := django.Login(changed.ID)
	file = sampleOf(t, django, nil)
	django.Execute(fmt.Sprintf("UPDATE auth_user SET is_staff = NOT is_staff WHERE id = %s", changed.ID))
	code, said = against(t, file, nil)
	if code != exitNo || !strings.Contains(said, "the user has changed since") {
		t.Errorf("a flag that has changed, session %s: exit code %d\n%s", other[:2], code, said)
	}
}

// TestProofOfALargeTable takes a sample of a table of which the program reads a part, and finds all of it again.
func TestProofOfALargeTable(t *testing.T) {
	p := profile{name: "postgres", django: "5.2"}
	django := p.deploy(t)
	django.Users(20, 7)
	cookies := django.Sessions(60, 7)
	django.Execute("INSERT INTO django_session SELECT md5(n::text), 'no session', now() + (n % 3 - 1) * interval '1 hour' FROM generate_series(1, 20000) AS n")
	file := sampleOf(t, django, cookies)
	code, said := against(t, file, nil)
	if want := "1000 of 1000 compared sessions agree"; code != exitYes || !strings.Contains(said, want) {
		t.Errorf("exit code %d, want %d with %q:\n%s", code, exitYes, want, said)
	}
}
