package djangosession_test

import (
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// TestVerifyKnowing: who is asked about a session's login before the user store, and whose word counts.
func TestVerifyKnowing(t *testing.T) {
	down := errors.New("the store is down")
	known := &djangosession.User{ID: "known"}
	for _, tt := range []struct {
		name    string
		changes map[string]any
		known   *djangosession.User
		asked   bool
		want    string // the user, or the reason
	}{
		{"a user who is known", nil, known, true, "known"},
		{"a user who is not", nil, nil, true, "42"},
		{"another backend", map[string]any{"_auth_user_backend": "other"}, known, false, string(djangosession.UnknownBackend)},
		{"nobody", map[string]any{"_auth_user_id": nil}, known, false, string(djangosession.Anonymous)},
		{"an id that is no text", map[string]any{"_auth_user_id": 42}, known, false, "42"},
		{"a hash that is no text", map[string]any{"_auth_user_hash": 1}, known, false, string(djangosession.AuthHashMismatch)},
		{"no hash", map[string]any{"_auth_user_hash": nil}, known, false, string(djangosession.AuthHashMismatch)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			users := ada(djangosession.True)
			if tt.want == "known" {
				users = noUsers(down)
			}
			v, asked := newVerifier(t, "5.2", holding(t, login(t, tt.changes)), users), 0
			verdict, err := v.VerifyKnowing(t.Context(), key, func(djangosession.Login) *djangosession.User {
				asked++
				return tt.known
			})
			got := string(verdict.Reason)
			if verdict.User != nil {
				got += verdict.User.ID
			}
			if err != nil || got != tt.want || verdict.Session == nil || asked > 1 || asked == 1 != tt.asked {
				t.Errorf("got %q, %v; asked %d times", got, err, asked)
			}
		})
	}
}

// TestLoginsDiffer: a Login is another one wherever an entry is, and only there.
func TestLoginsDiffer(t *testing.T) {
	users := noUsers(errors.New("nobody is asked"))
	seen := map[djangosession.Login]string{}
	for name, changes := range map[string]map[string]any{
		"": nil, "another id": {"_auth_user_id": "43"}, "another backend": {"_auth_user_backend": backend + "s"},
		"another hash": {"_auth_user_hash": "x"}, "a text moved to the next": {"_auth_user_id": "42" + backend, "_auth_user_backend": ""},
		"long entries": {"_auth_user_id": strings.Repeat("4", 200)}, "longer ones": {"_auth_user_id": strings.Repeat("4", 201)},
	} {
		for _, more := range []map[string]any{{}, {"cart": "full"}} {
			for entry, value := range changes {
				more[entry] = value
			}
			v := newVerifier(t, "5.2", holding(t, login(t, more)), users, func(c *djangosession.VerifierConfig) {
				c.AuthenticationBackends = append(c.AuthenticationBackends, backend+"s", "")
			})
			user := &djangosession.User{}
			verdict, err := v.VerifyKnowing(t.Context(), key, func(l djangosession.Login) *djangosession.User {
				if was, ok := seen[l]; ok && was != name {
					t.Errorf("%q and %q are one", was, name)
				}
				seen[l] = name
				return user
			})
			if err != nil || verdict.User != user {
				t.Errorf("%s: got %+v, %v", name, verdict, err)
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d logins, want 7", len(seen))
	}
}
