//go:build live

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
)

// TestRoleOfTokens: links that reset passwords need what `sql -what role -tokens` grants, and no more. Without it, their
// error says so, and nobody else is told that a store failed.
func TestRoleOfTokens(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		db := djangotest.Postgres(t).Database(t)
		testRoleOfTokens(t, db.Django(), db.URL(), func(t *testing.T) { t.Helper(); becomeRole(t, db) },
			func(statements string) { db.ExecAsSuperuser(t, statements) })
	})
	t.Run("MariaDB", func(t *testing.T) {
		db := djangotest.MariaDB(t).Database(t)
		testRoleOfTokens(t, db.Django(), db.URL(), becomeMariaDBRole, func(statements string) { asMariaDBRoot(t, statements) })
	})
}

func testRoleOfTokens(t *testing.T, database map[string]any, url string, become func(*testing.T), exec func(string)) {
	d := djangotest.StartDjango(t, djangotest.Project{Version: "5.2", Database: database, Settings: map[string]any{"SECRET_KEY": oracleSecret}})
	id := ""
	for _, u := range d.Users(20, 1) {
		if u.IsActive != nil && *u.IsActive {
			id = u.ID
		}
	}
	d.Execute("UPDATE " + d.UserTable + " SET password = 'usable'")
	cookie := "sessionid=" + d.Login(id)
	for name, value := range map[string]string{
		"DATABASE_URL": url, "DJANGO_VERSION": "5.2", "DJANGO_SECRET_KEY": oracleSecret, "DJANGO_AUTH_USER_TABLE": d.UserTable,
		"DJANGO_SESSION_TABLE": d.SessionTable,
	} {
		t.Setenv(name, value)
	}
	become(t)
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	for _, tokens := range []bool{false, true, false} { // an earlier script's rights are taken away
		exec(sqlFor(t, postgres.Script{Role: true, Tokens: tokens}))
		for range 3 { // one look at the table finds nothing out
			uid, token, err := site.PasswordResetToken(t.Context(), djangosession.User{ID: id})
			if (err == nil) != tokens || err != nil && !strings.Contains(err.Error(), "sql -what role -tokens") {
				t.Errorf("with -tokens %v: %v", tokens, err)
			}
			if v, err := site.Verify(t.Context(), []string{cookie}); err != nil || v.User == nil || v.User.ID != id {
				t.Errorf("with -tokens %v, a verdict after a link: %+v, %v", tokens, v, err)
			}
			if err != nil {
				continue
			}
			user, err := site.PasswordResetUser(t.Context(), uid, token)
			if err != nil || user.ID != id {
				t.Errorf("the link is of %+v, %v", user, err)
			}
			said, _ := d.Run(fmt.Sprintf("from django.contrib.auth import get_user_model\nfrom django.contrib.auth.tokens import default_token_generator\n"+
				"print(default_token_generator.check_token(get_user_model()._default_manager.get(pk=%q), %q))", id, token))
			if strings.TrimSpace(said) != "True" {
				t.Errorf("Django says of the link: %s", said)
			}
		}
	}
}
