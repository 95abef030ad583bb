//go:build live

package e2e

import (
	"database/sql"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/sidecar"
)

// sqlFor is what the command sql prints for the settings of the environment.
func sqlFor(t *testing.T, script postgres.Script) string {
	t.Helper()
	c, err := config.ForSQL()
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := sidecar.SQL(c, sidecar.SQLOptions{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// becomeRole has the environment's DATABASE_URL name the role that the command sql makes, with the rights that it grants.
func becomeRole(t *testing.T, db *djangotest.TestDatabase) {
	t.Helper()
	for range 2 { // it may be run again
		db.ExecAsSuperuser(t, sqlFor(t, postgres.Script{Role: true}))
	}
	t.Cleanup(func() { db.ExecAsSuperuser(t, "DROP OWNED BY "+postgres.RoleName+"; DROP ROLE "+postgres.RoleName) })
	db.ExecAsSuperuser(t, "ALTER ROLE "+postgres.RoleName+" PASSWORD 'pw'")
	u, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(postgres.RoleName, "pw")
	t.Setenv("DATABASE_URL", u.String())
}

// hidePasswords has the sidecar of the environment's settings call a function in place of reading passwords, and takes away its right to
// read them.
func hidePasswords(t *testing.T, db *djangotest.TestDatabase) {
	t.Helper()
	t.Setenv("SIDECAR_AUTH_HASH_FUNCTION", "django_sidecar_auth_hash")
	db.ExecAsSuperuser(t, "CREATE EXTENSION IF NOT EXISTS pgcrypto")
	for range 2 {
		db.ExecAsSuperuser(t, sqlFor(t, postgres.Script{HiddenPasswords: true}))
	}
	becomeRole(t, db)
	conn := openPostgres(t, os.Getenv("DATABASE_URL"))
	table := os.Getenv("DJANGO_AUTH_USER_TABLE")
	for _, query := range []string{"SELECT password FROM " + table, "SELECT * FROM " + table, "SELECT u FROM " + table + " AS u"} {
		if err := conn.QueryRowContext(t.Context(), query).Scan(new(any)); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func openPostgres(t *testing.T, databaseURL string) *sql.DB {
	t.Helper()
	conn, err := sql.Open("postgres", databaseURL)
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

// TestHiddenPasswords: with the rights of the printed role alone, which reads no password, changes are seen, groups are known, and
// check finds nothing wrong. A function that is missing, or of other settings, is a failure, and no verdict.
func TestHiddenPasswords(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	p := profile{django: "6.1", hidden: true, database: db}
	django := p.deploy(t)
	const columns = "password, username, email, is_staff, is_superuser, is_active, first_name, last_name, date_joined"
	for _, statement := range []string{
		"INSERT INTO auth_user (id, " + columns + ") VALUES (1, 'pbkdf2_sha256$1$a$b', 'ada', '', false, false, true, '', '', now())",
		"INSERT INTO auth_user (id, " + columns + ") VALUES (2, 'pbkdf2_sha256$1$a$ü', 'bob', '', false, false, true, '', '', now())",
		"INSERT INTO auth_group (id, name) VALUES (1, 'editors')", "INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1)",
	} {
		django.Execute(statement)
	}
	db.ExecAsSuperuser(t, sqlFor(t, postgres.Script{Triggers: true}))
	ada, bob := django.Login("1"), django.Login("2")
	t.Setenv("SIDECAR_CACHE_TTL", "1h")
	at := listenersForTest(t)
	status := func(path, key string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at.Public.Addr().String()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
		request.Close = true
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		return response.StatusCode
	}
	want := func(path, key string, code int) {
		t.Helper()
		eventually(t, func() bool { return status(path, key) == code })
	}
	want("/authenticate", ada, 200)
	want("/authenticate", bob, 200)
	want("/auth/nginx?require=group:editors", ada, 200)
	want("/auth/nginx?require=group:editors", bob, 403)
	if code, said := command(t, "", "check"); code != exitYes || strings.Contains(said, "warn  users") || !strings.Contains(said, "ok    groups") {
		t.Errorf("check: exit code %d\n%s", code, said)
	}
	django.Execute("UPDATE auth_user SET password = 'another' WHERE id = 1")
	want("/authenticate", ada, 401)
	again := django.Login("1")
	want("/authenticate", again, 200)

	db.ExecAsSuperuser(t, "CREATE OR REPLACE FUNCTION django_sidecar_auth_hash(user_id integer, keys bytea) RETURNS text LANGUAGE sql AS $$ SELECT ',' $$")
	django.Execute("UPDATE auth_user SET password = 'a third' WHERE id = 1") // whose verdict is forgotten
	want("/authenticate", again, 503)
	db.ExecAsSuperuser(t, "DROP FUNCTION django_sidecar_auth_hash")
	want("/authenticate", again, 503)
	if code, said := command(t, "", "check"); code != exitNo || !strings.Contains(said, "django-sidecar sql -what hidden-passwords") {
		t.Errorf("check without the function: exit code %d\n%s", code, said)
	}
	db.ExecAsSuperuser(t, sqlFor(t, postgres.Script{HiddenPasswords: true}))
	want("/authenticate", again, 401) // its password is another
	want("/authenticate", django.Login("1"), 200)
}

// TestHashFunctionTellsNothingElse: whoever may call the function gets nested hashes with the keys of two whole blocks, and nothing
// else; others may not call it.
func TestHashFunctionTellsNothingElse(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	p := profile{django: "5.2", hidden: true, database: db}
	django := p.deploy(t)
	django.Execute("INSERT INTO auth_user (id, password, username, email, is_staff, is_superuser, is_active, first_name, last_name, date_joined) " +
		"VALUES (1, 'secret', 'ada', '', false, false, true, '', '', now())")
	role := openPostgres(t, os.Getenv("DATABASE_URL"))
	call := func(keys string) (said sql.NullString, err error) {
		err = role.QueryRowContext(t.Context(), "SELECT django_sidecar_auth_hash(1, "+keys+")").Scan(&said)
		return said, err
	}
	block := func(kind string) string { return `decode('` + kind + `' || repeat('00', 128), 'hex')` }
	if said, err := call(block("00")); err != nil || len(said.String) != 64 {
		t.Errorf("with a whole block: %q, %v", said.String, err)
	}
	for _, kind := range []string{"04", "05", "ff"} {
		if said, err := call(block(kind)); err != nil || said.String != "" {
			t.Errorf("kind %s: %q, %v", kind, said.String, err)
		}
	}
	for name, keys := range map[string]string{
		"no byte": `''::bytea`, "a short block": `decode(repeat('00', 128), 'hex')`, "a long one": `decode(repeat('00', 130), 'hex')`,
		"a block and a half": `decode(repeat('00', 193), 'hex')`, "very many": `decode(repeat('00', 129 * 101), 'hex')`, "NULL": "NULL",
	} {
		if said, err := call(keys); err != nil || said.Valid {
			t.Errorf("%s: %q, %v", name, said.String, err)
		}
	}
	// What the search path has cannot come between.
	db.ExecAsSuperuser(t, `CREATE SCHEMA attack; GRANT ALL ON SCHEMA attack TO PUBLIC;
		CREATE FUNCTION attack.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$;
		CREATE TABLE attack.auth_user (id integer, password text); INSERT INTO attack.auth_user VALUES (1, 'known'); GRANT ALL ON attack.auth_user TO PUBLIC`)
	before, _ := call(block("00"))
	if _, err := role.ExecContext(t.Context(), "SET default_transaction_read_only = off; SET search_path = attack, pg_catalog, public"); err != nil {
		t.Fatal(err)
	}
	if after, err := call(block("00")); err != nil || after != before {
		t.Errorf("with another search path: %q in place of %q, %v", after.String, before.String, err)
	}
	if got := db.ExecAsSuperuser(t, `SELECT p.prosecdef, p.proconfig, array_to_string(p.proacl, ' '), p.proowner = c.relowner FROM pg_proc AS p, pg_class AS c
		WHERE p.proname = 'django_sidecar_auth_hash' AND c.oid = 'auth_user'::regclass`); strings.Contains(got, " =X/") || strings.HasPrefix(got, "=X/") ||
		!strings.HasPrefix(got, `t|{"search_path=pg_catalog, pg_temp"}|`) || !strings.HasSuffix(got, "|t") {
		t.Errorf("the function: %s", got)
	}
	db.ExecAsSuperuser(t, "CREATE ROLE stranger LOGIN PASSWORD 'pw'; GRANT CONNECT ON DATABASE "+db.Name()+" TO stranger")
	t.Cleanup(func() { db.ExecAsSuperuser(t, "DROP OWNED BY stranger; DROP ROLE stranger") })
	stranger := openPostgres(t, strings.Replace(os.Getenv("DATABASE_URL"), postgres.RoleName+":", "stranger:", 1))
	if err := stranger.QueryRowContext(t.Context(), "SELECT django_sidecar_auth_hash(1, "+block("00")+")").Scan(new(any)); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a stranger: %v", err)
	}
	db.ExecAsSuperuser(t, sqlFor(t, postgres.Script{HiddenPasswords: true, Remove: true}))
	if left := db.ExecAsSuperuser(t, "SELECT count(*) FROM pg_proc WHERE proname = 'django_sidecar_auth_hash'"); left != "0" {
		t.Errorf("%s functions are left", left)
	}
}
