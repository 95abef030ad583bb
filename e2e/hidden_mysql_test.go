//go:build live

package e2e

import (
	"database/sql"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
)

// mysqlRole is the account that the command sql makes for MySQL and MariaDB.
const mysqlRole = "'" + postgres.RoleName + "'@'%'"

// onMariaDB runs a script of the command sql for the environment's settings, in the database of DATABASE_URL.
func onMariaDB(t *testing.T, change func(string) string, script postgres.Script) {
	t.Helper()
	asMariaDBRoot(t, change(sqlFor(t, script)))
}

// asMariaDBRoot runs SQL in the database of DATABASE_URL.
func asMariaDBRoot(t *testing.T, statements string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return djangotest.MariaDB(t).ExecAsSuperuser(t, "USE "+strings.TrimPrefix(u.Path, "/")+";\n"+statements)
}

func asPrinted(script string) string { return script }

var (
	forMariaDB = regexp.MustCompile(`/\*M!.*?\*/`)
	forMySQL   = regexp.MustCompile(`/\*!50700 (.*?)\*/`)
)

// asMySQLReads is a script without what only MariaDB reads.
func asMySQLReads(script string) string {
	return forMySQL.ReplaceAllString(forMariaDB.ReplaceAllString(script, ""), "$1")
}

// becomeMariaDBRole has the environment's DATABASE_URL name the account that the command sql makes.
func becomeMariaDBRole(t *testing.T) {
	t.Helper()
	for range 2 { // it may be run again
		onMariaDB(t, asPrinted, postgres.Script{Role: true})
	}
	remove := sqlFor(t, postgres.Script{Role: true, Remove: true})
	t.Cleanup(func() { djangotest.MariaDB(t).ExecAsSuperuser(t, remove) })
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	locked := openMariaDB(t, u, postgres.RoleName, "")
	if err := locked.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("an account without a password: %v", err)
	}
	asMariaDBRoot(t, "ALTER USER "+mysqlRole+" IDENTIFIED BY 'pw' ACCOUNT UNLOCK")
	u.User = url.UserPassword(postgres.RoleName, "pw")
	t.Setenv("DATABASE_URL", u.String())
}

func openMariaDB(t *testing.T, u *url.URL, user, password string) *sql.DB {
	t.Helper()
	conn, err := sql.Open("mysql", user+":"+password+"@tcp("+u.Host+")"+u.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// openMariaDBRole opens the database of DATABASE_URL as the account that reads no passwords.
func openMariaDBRole(t *testing.T) *sql.DB {
	t.Helper()
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return openMariaDB(t, u, postgres.RoleName, "pw")
}

// hideOnMariaDB is hidePasswords for MariaDB, with the function as MySQL would read it if asMySQL says so.
func hideOnMariaDB(t *testing.T, asMySQL bool) {
	t.Helper()
	t.Setenv("SIDECAR_AUTH_HASH_FUNCTION", "django_sidecar_auth_hash")
	change := asPrinted
	if asMySQL {
		change = asMySQLReads
	}
	for range 2 {
		onMariaDB(t, change, postgres.Script{HiddenPasswords: true})
	}
	becomeMariaDBRole(t)
	conn := openMariaDBRole(t)
	password := os.Getenv("DJANGO_AUTH_USER_PASSWORD_COLUMN")
	if password == "" {
		password = "password"
	}
	for _, query := range []string{"SELECT " + password + " FROM ", "SELECT * FROM "} {
		query += os.Getenv("DJANGO_AUTH_USER_TABLE")
		if err := conn.QueryRowContext(t.Context(), query).Scan(new(any)); err == nil || !strings.Contains(err.Error(), "denied") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
