//go:build live

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosite"
	"django-sidecar/internal/djangotest"
)

// TestLoginByAddress: where USERNAME_FIELD is an address, and the key a UUID, users log in by the address, at the sidecar and by the library.
// Django takes the sessions, last_login and the hash that is made anew.
func TestLoginByAddress(t *testing.T) {
	const address = "Ada.Lovelace@example.com"
	for _, p := range []profile{
		{django: "5.2", database: djangotest.Postgres(t).Database(t)},
		{django: "6.1", sqlite: true},
	} {
		t.Run("Django "+p.django, func(t *testing.T) {
			p.settings = map[string]any{"AUTH_USER_MODEL": "oracle.AddressUser"}
			p.env = map[string]string{
				"DJANGO_AUTH_USER_USERNAME_COLUMN": "email", "DJANGO_AUTH_USER_STAFF_COLUMN": "-", "DJANGO_AUTH_USER_SUPERUSER_COLUMN": "-",
				"SIDECAR_WRITE":           "login",
				"DJANGO_PASSWORD_HASHERS": "site.PBKDF2 = PBKDF2PasswordHasher iterations=2000,django.contrib.auth.hashers.MD5PasswordHasher",
			}
			django := p.deploy(t)
			run := func(program string) string {
				t.Helper()
				printed, code := django.Run("from django.contrib.auth import get_user_model\nUser = get_user_model()\n" + program)
				if code != 0 {
					t.Fatal(printed)
				}
				return strings.TrimSpace(printed)
			}
			id := run(fmt.Sprintf("user = User(email=%q)\nuser.set_password(%q)\nuser.save()\nprint(user.pk)", address, loginPassword))
			if p.database != nil {
				becomeRole(t, p.database)
			}
			s := &loginSite{url: "http://" + serveForTest(t).String()}
			for name, password := range map[string]string{
				strings.ToLower(address): loginPassword, address: loginPassword + "x", id: loginPassword,
			} {
				if a := s.login(t, name, password, ""); a.status != http.StatusUnauthorized || len(a.cookies) != 0 {
					t.Errorf("%q: %d %s %q", name, a.status, a.body, a.lines)
				}
			}
			a := s.login(t, address, loginPassword, "")
			if want := fmt.Sprintf(`"id":%q,"username":%q`, id, address); a.status != http.StatusOK || !strings.Contains(a.body, want) {
				t.Fatalf("%d %s; want %s", a.status, a.body, want)
			}
			state := `user = User.objects.get(email=%q)` + "\n" + `print(user.last_login is not None, user.password.split("$")[:2])`
			if got, want := run(fmt.Sprintf(state, address)), "True ['pbkdf2_sha256', '2000']"; got != want {
				t.Errorf("last_login is there, and the hash: %s, want %s", got, want)
			}
			for place, key := range map[string]string{"the sidecar": a.cookies["sessionid"], "the library": loginByLibrary(t, address, id)} {
				said := django.Ask([]djangotest.Cookie{{Raw: []byte("sessionid=" + key)}})[0]
				if said.User == nil || *said.User != id {
					t.Errorf("of a login at %s, Django says %+v, want user %s", place, said, id)
				}
			}
		})
	}
}

// loginByLibrary finds a user by name, logs it in, and returns the key of the session.
func loginByLibrary(t *testing.T, name, id string) string {
	t.Helper()
	site, err := djangosite.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	user, err := site.UserByName(t.Context(), name)
	if err != nil || user.ID != id {
		t.Fatalf("the user called %s: %+v, %v", name, user, err)
	}
	w := httptest.NewRecorder()
	if err := site.Login(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody), user); err != nil {
		t.Fatal(err)
	}
	return sessionCookie(w.Header()["Set-Cookie"][1])
}
