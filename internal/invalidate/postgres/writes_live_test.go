//go:build live

package postgres

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangotest"
)

// TestRoleThatWrites: the role may do what SIDECAR_WRITE names, and nothing else.
func TestRoleThatWrites(t *testing.T) {
	db := djangotest.Postgres(t).Database(t)
	startDjango(t, deployment{version: "5.2", database: db.Django()})
	const (
		touch, remove = "UPDATE django_session SET expire_date = now() WHERE session_key = 'x'", "DELETE FROM django_session WHERE session_key = 'x'"
		save          = "UPDATE django_session SET session_data = 'x', expire_date = now() WHERE session_key = 'x'"
		create        = "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('x', 'x', now()) ON CONFLICT DO NOTHING"
		last          = "UPDATE auth_user SET last_login = now() WHERE id = -1"
		password      = "UPDATE auth_user SET password = 'x' WHERE id = -1 AND password = 'y'"
	)
	never := []string{
		"UPDATE django_session SET session_key = 'x'", "UPDATE auth_user SET is_superuser = true", "UPDATE auth_user SET username = 'x'",
		"DELETE FROM auth_user", "INSERT INTO auth_user (username) VALUES ('x')", "INSERT INTO auth_group (name) VALUES ('x')",
		"TRUNCATE django_session", "CREATE TABLE public.mine (i int)",
	}
	t.Cleanup(func() {
		db.ExecAsSuperuser(t, mustText(t)(authTables.SQL(Script{Role: true, Remove: true})))
	})
	for _, tt := range []struct {
		writes Writes
		may    []string
	}{
		{Writes{Touch: true}, []string{touch}},
		{Writes{Logout: true}, []string{remove}},
		{Writes{Touch: true, Logout: true}, []string{touch, remove}},
		{Writes{Update: true}, []string{touch, save, create}},
		{Writes{Update: true, Logout: true}, []string{touch, remove, save, create}},
		{Writes{Login: true}, []string{touch, remove, save, create, last, password}},
		{Writes{}, nil}, // the rights of an earlier script are taken away
	} {
		tables := authTables
		if tables.Write = tt.writes; tt.writes.Login {
			tables.Write.Password = "password"
		}
		for range 2 {
			db.ExecAsSuperuser(t, mustText(t)(tables.SQL(Script{Role: true})))
		}
		db.ExecAsSuperuser(t, "ALTER ROLE "+RoleName+" PASSWORD 'pw'")
		d, err := database.Open(roleURL(t, db, ""), database.Options{Timeout: liveTimeout, Conns: 1})
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{}
		for _, statement := range tt.may {
			allowed[statement] = true
		}
		for _, statement := range append([]string{touch, remove, save, create, last, password}, never...) {
			_, err := d.ExecContext(t.Context(), statement)
			refused := err != nil && (strings.Contains(err.Error(), "permission denied") || strings.Contains(err.Error(), "read-only transaction"))
			if refused == allowed[statement] || err != nil && !refused {
				t.Errorf("%+v: %s: %v", tt.writes, statement, err)
			}
		}
		// The probe of check says the same.
		rows := dbstore.NewWriter(d.DB, nil, dbstore.SessionsConfig{Dialect: d.Dialect, Prepare: d.Prepares})
		users := dbstore.NewUsers(d.DB, dbstore.UsersConfig{Dialect: d.Dialect, Version: djangosession.MustVersion("5.2"), Table: "auth_user", Prepare: d.Prepares})
		for what, probe := range map[dbstore.Writes]bool{
			{Touch: true}:  allowed[touch],
			{Logout: true}: allowed[remove],
			{Update: true}: allowed[create],
			{Login: true}:  allowed[create] && allowed[remove],
		} {
			if err := rows.Probe(t.Context(), what); (err == nil) != probe {
				t.Errorf("%+v: the probe of %+v says %v", tt.writes, what, err)
			}
		}
		if err := users.Writer(d.DB, dbstore.Zone{UseTZ: true}).Probe(t.Context()); (err == nil) != allowed[last] {
			t.Errorf("%+v: the probe of the user table says %v", tt.writes, err)
		}
		if err := errors.Join(d.Close()); err != nil {
			t.Error(err)
		}
	}
}
