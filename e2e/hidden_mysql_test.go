//go:build live

package e2e

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"django-sidecar/djangosite"
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
	return djangotest.SharedServerOf(t, u.String()).ExecAsSuperuser(t, "USE "+strings.TrimPrefix(u.Path, "/")+";\n"+statements)
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
	server := djangotest.SharedServerOf(t, os.Getenv("DATABASE_URL"))
	t.Cleanup(func() { server.ExecAsSuperuser(t, remove) })
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

// hideOnMariaDB is hidePasswords for MariaDB and MySQL.
func hideOnMariaDB(t *testing.T) {
	t.Helper()
	t.Setenv("SIDECAR_AUTH_HASH_FUNCTION", "django_sidecar_auth_hash")
	for range 2 {
		onMariaDB(t, asPrinted, postgres.Script{HiddenPasswords: true})
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

// TestHiddenPasswordsOnMariaDB: with the rights of the printed account alone, which reads no password, groups are known and check
// finds nothing wrong. A function that is missing, or was made with another collation, is a failure and no verdict.
func TestHiddenPasswordsOnMariaDB(t *testing.T) {
	p := profile{django: "5.2", mysql: true, hidden: true}
	django := p.deploy(t)
	const columns = "password, username, email, is_staff, is_superuser, is_active, first_name, last_name, date_joined"
	for _, statement := range []string{
		"INSERT INTO auth_user (id, " + columns + ") VALUES (1, 'pbkdf2_sha256$1$a$b', 'ada', '', false, false, true, '', '', now())",
		"INSERT INTO auth_user (id, " + columns + ") VALUES (2, 'pbkdf2_sha256$1$a$ü', 'bob', '', false, false, true, '', '', now())",
		"INSERT INTO auth_group (id, name) VALUES (1, 'editors')", "INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1)",
	} {
		django.Execute(statement)
	}
	ada, bob := django.Login("1"), django.Login("2")
	at := listenersForTest(t)
	answer := func(path, key string) string {
		return exchangeText(t, at.Public.Addr().String(), "GET "+path+" HTTP/1.0\r\nHost: sidecar\r\nCookie: sessionid="+key+"\r\n\r\n")
	}
	want := func(path, key string, code int) {
		t.Helper()
		if said := answer(path, key); !strings.HasPrefix(said, fmt.Sprintf("HTTP/1.0 %d ", code)) {
			t.Errorf("%s: %q, want %d", path, said, code)
		}
	}
	want("/authenticate", ada, 200)
	want("/authenticate", bob, 200)
	want("/auth/nginx?require=group:editors", ada, 200)
	want("/auth/nginx?require=group:editors", bob, 403)
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	if user, err := site.UserByName(t.Context(), "bob"); err != nil || user.ID != "2" {
		t.Errorf("by name: %+v, %v", user, err)
	}
	if code, said := command(t, "", "check"); code != exitYes || strings.Contains(said, "warn  users") || !strings.Contains(said, "ok    groups") {
		t.Errorf("check: exit code %d\n%s", code, said)
	}
	django.Execute("UPDATE auth_user SET password = 'another' WHERE id = 1")
	want("/authenticate", ada, 401)
	want("/authenticate", django.Login("1"), 200)

	asMariaDBRoot(t, "DROP FUNCTION django_sidecar_auth_hash")
	want("/authenticate", bob, 503)
	if code, said := command(t, "", "check"); code != exitNo || !strings.Contains(said, "django-sidecar sql -what hidden-passwords") {
		t.Errorf("check without the function: exit code %d\n%s", code, said)
	}
	onMariaDB(t, asPrinted, postgres.Script{HiddenPasswords: true}) // which lets the account call it, too
	eventually(t, func() bool { return strings.HasPrefix(answer("/authenticate", bob), "HTTP/1.0 200 ") })
	asMariaDBRoot(t, "REVOKE ALL PRIVILEGES ON auth_group FROM "+mysqlRole)
	if code, said := command(t, "", "check"); code != exitYes || !strings.Contains(said, "warn  groups") || !strings.Contains(said, "sql -what role prints") {
		t.Errorf("check without the right to read groups: exit code %d\n%s", code, said)
	}
}

// TestHashFunctionOnMariaDB: whoever may call the function gets nested hashes with the keys of two whole blocks, and nothing else.
// Keys that a double cannot hold are told apart, and collations that do not meet are an error.
func TestHashFunctionOnMariaDB(t *testing.T) {
	db := djangotest.MariaDB(t).Database(t)
	t.Setenv("DATABASE_URL", db.URL())
	t.Setenv("SIDECAR_AUTH_HASH_FUNCTION", "made")
	t.Setenv("DJANGO_AUTH_USER_TABLE", "people")
	users := func(id string) {
		asMariaDBRoot(t, "DROP TABLE IF EXISTS people; CREATE TABLE people (id "+id+` PRIMARY KEY, password varchar(128), username text, email text, is_active bool, is_staff bool, is_superuser bool);
			INSERT INTO people (id, password) VALUES ('9007199254740992', 'one'), ('9007199254740993', 'two'), ('1', NULL)`)
	}
	call := func(id, blocks string) string {
		return asMariaDBRoot(t, "SELECT made(id, "+blocks+") FROM people WHERE id = "+id)
	}
	block := func(kind string) string { return "UNHEX(CONCAT('" + kind + "', REPEAT('00', 128)))" }
	for name, change := range map[string]func(string) string{"as printed": asPrinted, "as MySQL reads it": asMySQLReads} {
		t.Run(name, func(t *testing.T) {
			users("bigint")
			onMariaDB(t, change, postgres.Script{HiddenPasswords: true})
			for id, password := range map[string]string{"9007199254740992": "one", "9007199254740993": "two", "1": "None"} {
				want := asMariaDBRoot(t, "SELECT SHA2(CONCAT(REPEAT(CHAR(0), 64), UNHEX(SHA2(CONCAT(REPEAT(CHAR(0), 64), '"+password+"'), 256))), 256)")
				if got := call(id, block("00")); got != want {
					t.Errorf("user %s: %q, want %q", id, got, want)
				}
			}
			for _, kind := range []string{"04", "05", "ff"} {
				if got := call("1", block(kind)); got != "" {
					t.Errorf("kind %s: %q", kind, got)
				}
			}
			for name, blocks := range map[string]string{
				"no byte": "''", "a short block": "REPEAT(CHAR(0), 128)", "a long one": "REPEAT(CHAR(0), 130)", "a block and a half": "REPEAT(CHAR(0), 193)",
				"very many": "REPEAT(CHAR(0), 129 * 101)", "NULL": "NULL",
			} {
				if got := call("1", blocks); got != "NULL" {
					t.Errorf("%s: %q", name, got)
				}
			}
			users("varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
			said := asMariaDBRoot(t, "DELIMITER $$\nBEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1644 SELECT 'refused'; SELECT LENGTH(made(id, "+block("00")+")) FROM people WHERE id = '1'; END$$")
			if want := map[string]string{"as printed": "64", "as MySQL reads it": "refused"}[name]; said != want {
				t.Errorf("with another collation: %q, want %q", said, want)
			}
		})
	}
	onMariaDB(t, asPrinted, postgres.Script{HiddenPasswords: true, Remove: true})
	if left := asMariaDBRoot(t, "SELECT COUNT(*) FROM information_schema.routines WHERE routine_name = 'made'"); left != "0" {
		t.Errorf("%s functions are left", left)
	}
}
