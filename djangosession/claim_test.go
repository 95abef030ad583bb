package djangosession_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// TestClaims: what a claim says of a session's login, and what comes of it with a user who is known and with one who is looked up.
func TestClaims(t *testing.T) {
	down := errors.New("the store is down")
	known := &djangosession.User{ID: "known"}
	for _, tt := range []struct {
		name    string
		changes map[string]any
		login   bool   // whether a user can be known by it
		as      string // the user who is known, or the reason
		want    string // the user who is looked up, or the reason
	}{
		{"a login", nil, true, "known", "42"},
		{"another backend", map[string]any{"_auth_user_backend": "other"}, false, string(djangosession.UnknownBackend), string(djangosession.UnknownBackend)},
		{"nobody", map[string]any{"_auth_user_id": nil}, false, string(djangosession.Anonymous), string(djangosession.Anonymous)},
		{"an id that is no text", map[string]any{"_auth_user_id": 42}, false, "known", "42"},
		{"a hash that is no text", map[string]any{"_auth_user_hash": 1}, false, "known", string(djangosession.AuthHashMismatch)},
		{"no hash", map[string]any{"_auth_user_hash": nil}, false, "known", string(djangosession.AuthHashMismatch)},
		{"another hash", map[string]any{"_auth_user_hash": "x"}, true, "known", string(djangosession.AuthHashMismatch)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			looked := 0
			v := newVerifier(t, "5.2", holding(t, login(t, tt.changes)), usersFunc(
				func(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
					looked++
					return ada(djangosession.True)(ctx, id)
				}))
			claim, err := v.Begin(t.Context(), key)
			if err != nil || claim.Session == nil || looked != 0 {
				t.Fatalf("got %+v, %v; looked %d times", claim, err, looked)
			}
			if _, ok := claim.Login(); ok != tt.login {
				t.Errorf("a user can be known by it: %v", ok)
			}
			outcome := func(verdict djangosession.Verdict) string {
				if verdict.Session != claim.Session || (verdict.User == nil) == (verdict.Reason == "") {
					t.Errorf("got %+v", verdict)
				}
				if verdict.User != nil {
					return verdict.User.ID
				}
				return string(verdict.Reason)
			}
			if got := outcome(claim.As(known)); got != tt.as || looked != 0 {
				t.Errorf("with a user who is known: %q; looked %d times", got, looked)
			}
			verdict, err := v.Resolve(t.Context(), claim)
			if got := outcome(verdict); err != nil || got != tt.want || (looked == 1) != (claim.Reason == "") {
				t.Errorf("with a user who is looked up: %q, %v; looked %d times", got, err, looked)
			}
			if _, err := v.With(failing(nil), noUsers(down)).Resolve(t.Context(), claim); errors.Is(err, down) != (claim.Reason == "") {
				t.Errorf("with a store that is down: %v", err)
			}
		})
	}
}

// TestBeginAndResolveAreVerify: the two halves in a row come to what the whole does, also where it fails.
func TestBeginAndResolveAreVerify(t *testing.T) {
	down := errors.New("the store is down")
	for name, tt := range map[string]struct {
		store djangosession.Store
		users djangosession.UserStore
		key   string
		err   error
	}{
		"a user":              {holding(t, login(t, nil)), ada(djangosession.True), key, nil},
		"an inactive user":    {holding(t, login(t, nil)), ada(djangosession.False), key, nil},
		"no user":             {holding(t, login(t, nil)), noUsers(djangosession.ErrUserNotFound), key, nil},
		"no session":          {failing(djangosession.ErrNotFound), ada(djangosession.True), key, nil},
		"an ended session":    {failing(djangosession.ErrExpired), ada(djangosession.True), key, nil},
		"no key":              {failing(down), ada(djangosession.True), "", nil},
		"no session key":      {failing(down), ada(djangosession.True), "1234567", nil},
		"no session store":    {failing(down), ada(djangosession.True), key, down},
		"no user store":       {holding(t, login(t, nil)), noUsers(down), key, down},
		"an empty session":    {holding(t, "{}"), noUsers(down), key, nil},
		"a backend not known": {holding(t, login(t, map[string]any{"_auth_user_backend": "other"})), noUsers(down), key, nil},
	} {
		v := newVerifier(t, "5.2", tt.store, tt.users)
		want, wantErr := v.Verify(t.Context(), tt.key)
		claim, err := v.Begin(t.Context(), tt.key)
		var got djangosession.Verdict
		if err == nil {
			got, err = v.Resolve(t.Context(), claim)
		}
		if !errors.Is(err, tt.err) || !errors.Is(wantErr, tt.err) || got.Reason != want.Reason || (got.User == nil) != (want.User == nil) ||
			!got.Expires.Equal(want.Expires) || (got.Session == nil) != (want.Session == nil) || err != nil && got != (djangosession.Verdict{}) {
			t.Errorf("%s: got %+v, %v, and of the whole %+v, %v", name, got, err, want, wantErr)
		}
	}
}

// TestClaimsOfNobody: a claim that no Verifier has made lets nobody in.
func TestClaimsOfNobody(t *testing.T) {
	v := newVerifier(t, "5.2", failing(nil), ada(djangosession.True))
	alone := newVerifier(t, "5.2", failing(nil), nil, func(c *djangosession.VerifierConfig) { c.InsecureSkipUserCheck = true })
	session, err := decode(t, "5.2", login(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	user := &djangosession.User{ID: "42"}
	for name, tt := range map[string]struct {
		claim djangosession.Claim
		want  djangosession.Reason
	}{
		"the zero Claim":     {djangosession.Claim{}, djangosession.Anonymous},
		"a reason":           {djangosession.Claim{Session: session, Reason: djangosession.Expired}, djangosession.Expired},
		"a reason alone":     {djangosession.Claim{Reason: djangosession.NotFound}, djangosession.NotFound},
		"an end and no more": {djangosession.Claim{Expires: now}, djangosession.Anonymous},
	} {
		if _, ok := tt.claim.Login(); ok {
			t.Errorf("%s: a user can be known by it", name)
		}
		if got := tt.claim.As(user); got.User != nil || got.Reason != tt.want {
			t.Errorf("%s, as a user: %+v", name, got)
		}
		for _, v := range []*djangosession.Verifier{v, alone} {
			if got, err := v.Resolve(t.Context(), tt.claim); err != nil || got.User != nil || got.Reason != tt.want {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
	}
	made := djangosession.Claim{Session: session} // with no rule of a backend
	if got, err := v.Resolve(t.Context(), made); err != nil || got.User != nil || got.Reason != djangosession.UserInactive {
		t.Errorf("a session alone: %+v, %v", got, err)
	}
	if got := made.As(nil); got.User != nil || got.Reason != djangosession.UserNotFound {
		t.Errorf("as no user: %+v", got)
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
			claim, err := v.Begin(t.Context(), key)
			login, ok := claim.Login()
			if err != nil || !ok {
				t.Fatalf("%s: got %+v, %v", name, claim, err)
			}
			if was, ok := seen[login]; ok && was != name {
				t.Errorf("%q and %q are one", was, name)
			}
			seen[login] = name
			user := &djangosession.User{}
			if got := claim.As(user); got.User != user {
				t.Errorf("%s: got %+v", name, got)
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d logins, want 7", len(seen))
	}
}
