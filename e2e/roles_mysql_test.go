//go:build live

package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
)

// TestRoleThatWritesOnMariaDB: the printed account may do what SIDECAR_WRITE names, and nothing else.
func TestRoleThatWritesOnMariaDB(t *testing.T) {
	for name, server := range map[string]*djangotest.MariaDBServer{"MariaDB": djangotest.MariaDB(t), "MySQL": djangotest.MySQL(t)} {
		t.Run(name, func(t *testing.T) { testRoleThatWritesOnMariaDB(t, server, name == "MySQL") })
	}
}

func testRoleThatWritesOnMariaDB(t *testing.T, server *djangotest.MariaDBServer, isMySQL bool) {
	t.Helper()
	db := server.Database(t)
	djangotest.StartDjango(t, djangotest.Project{Version: "5.2", Database: db.Django()})
	for name, value := range map[string]string{"DATABASE_URL": db.URL(), "DJANGO_VERSION": "5.2", "DJANGO_SECRET_KEY": oracleSecret} {
		t.Setenv(name, value)
	}
	const (
		touch, remove = "UPDATE django_session SET expire_date = now() WHERE session_key = 'x'", "DELETE FROM django_session WHERE session_key = 'x'"
		save          = "UPDATE django_session SET session_data = 'x', expire_date = now() WHERE session_key = 'x'"
		create        = "INSERT INTO django_session (session_key, session_data, expire_date) SELECT 'x', 'x', now() FROM dual WHERE 1 = 0"
		last          = "UPDATE auth_user SET last_login = now() WHERE id = -1"
		password      = "UPDATE auth_user SET password = 'x' WHERE id = -1 AND password = 'y'"
	)
	all := []string{
		touch, remove, save, create, last, password,
		// What nobody may.
		"UPDATE django_session SET session_key = 'x'", "UPDATE auth_user SET is_superuser = true", "UPDATE auth_user SET username = 'x'",
		"DELETE FROM auth_user", "INSERT INTO auth_user (username) VALUES ('x')", "INSERT INTO auth_group (name) VALUES ('x')",
		"TRUNCATE django_session", "CREATE TABLE mine (i int)", "DROP TABLE django_session", "SELECT first_name FROM auth_user",
	}
	t.Cleanup(func() { asMariaDBRoot(t, "DROP USER IF EXISTS "+mysqlRole) })
	for _, tt := range []struct {
		writes string
		may    []string
	}{
		{"touch", []string{touch}},
		{"logout", []string{remove}},
		{"touch,logout", []string{touch, remove}},
		{"update", []string{touch, save, create}},
		{"login", []string{touch, remove, save, create, last, password}},
		{"", nil}, // the rights of an earlier script are taken away
	} {
		t.Setenv("SIDECAR_WRITE", tt.writes)
		for range 2 {
			onMariaDB(t, asPrinted, postgres.Script{Role: true})
		}
		asMariaDBRoot(t, "ALTER USER "+mysqlRole+" IDENTIFIED BY 'pw' ACCOUNT UNLOCK")
		conn := openMariaDBRole(t)
		for _, statement := range all {
			_, err := conn.ExecContext(t.Context(), statement)
			refused := err != nil && strings.Contains(err.Error(), "denied")
			if allowed := slices.Contains(tt.may, statement); refused == allowed || err != nil && !refused {
				t.Errorf("SIDECAR_WRITE=%s: %s: %v", tt.writes, statement, err)
			}
		}
		if tt.writes == "" {
			continue
		}
		t.Setenv("DATABASE_URL", asRole(t, db.URL()))
		if code, said := command(t, "", "check"); code != exitYes || !strings.Contains(said, "ok    writing") {
			t.Errorf("SIDECAR_WRITE=%s: check: %d\n%s", tt.writes, code, said)
		}
		t.Setenv("DATABASE_URL", db.URL())
	}
	if isMySQL {
		return // it refuses a row that lacks a column, and no statement without a row
	}
	// A session model of the project's own, whose rows have an account.
	asMariaDBRoot(t, "ALTER TABLE django_session ADD account int NOT NULL")
	t.Setenv("SIDECAR_WRITE", "login")
	onMariaDB(t, asPrinted, postgres.Script{Role: true})
	t.Setenv("DATABASE_URL", asRole(t, db.URL()))
	if code, said := command(t, "", "check"); code != exitNo || !strings.Contains(said, "account") || !strings.Contains(said, "take login and update out of SIDECAR_WRITE") {
		t.Errorf("check with a column that a login leaves empty: %d\n%s", code, said)
	}
}

// asRole is an address of a database with the account that the command sql makes.
func asRole(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(postgres.RoleName, "pw")
	return u.String()
}
