package djangosession_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

const (
	key      = "3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf"
	password = "pbkdf2_sha256$1$salt$hash"
)

func authHash(key string, a signing.Algorithm) string {
	s := signing.NewSaltedHMAC(a, "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash", key)
	return hex.EncodeToString(s.Sum(password))
}

// login is what django.contrib.auth.login leaves in a session, with changes; a nil takes an entry away.
func login(tb testing.TB, changes map[string]any) string {
	tb.Helper()
	values := map[string]any{
		"_auth_user_id": "42", "_auth_user_backend": backend, "_auth_user_hash": authHash(secret, signing.SHA256),
	}
	maps.Copy(values, changes)
	maps.DeleteFunc(values, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(values)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// storeFunc and usersFunc are stores that say what a test wants them to.
type (
	storeFunc func(ctx context.Context, key string) (*djangosession.Session, error)
	usersFunc func(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error)
)

func (f storeFunc) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	return f(ctx, key)
}

func (f usersFunc) UserByID(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	return f(ctx, id)
}

// holding is a store with one session under every key.
func holding(tb testing.TB, payload string) storeFunc {
	tb.Helper()
	codec := newCodec(tb, "5.2")
	data := plain(tb, payload)
	return func(context.Context, string) (*djangosession.Session, error) { return codec.Decode(data) }
}

func failing(err error) storeFunc {
	return func(context.Context, string) (*djangosession.Session, error) { return nil, err }
}

// ada is the store with user 42, if the id says so.
func ada(active djangosession.Flag) usersFunc {
	return func(_ context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
		pk, err := djangosession.IntegerKey.ToPython(id, djangosession.Version{Major: 5, Minor: 2})
		switch {
		case err != nil:
			return nil, err
		case pk != "42":
			return nil, fmt.Errorf("asking: %w", djangosession.ErrUserNotFound)
		}
		return &djangosession.StoredUser{User: djangosession.User{ID: pk}, IsActive: active, Password: password}, nil
	}
}

func noUsers(err error) usersFunc {
	return func(context.Context, djangosession.Value) (*djangosession.StoredUser, error) { return nil, err }
}

func newVerifier(tb testing.TB, version string, store djangosession.Store, users djangosession.UserStore, change ...func(*djangosession.VerifierConfig)) *djangosession.Verifier {
	tb.Helper()
	c := djangosession.VerifierConfig{
		Version: parseVersion(tb, version), SecretKey: signing.SecretKey(secret), SecretKeyFallbacks: signing.SecretKeys(fallback),
		AuthenticationBackends: []string{backend},
	}
	for _, f := range change {
		f(&c)
	}
	v, err := djangosession.NewVerifier(c, store, users)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// TestTheOrderOfReasons: in each case, everything that is asked later is wrong too.
func TestTheOrderOfReasons(t *testing.T) {
	down := errors.New("the store is down")
	anonymous := map[string]any{"_auth_user_id": nil, "_auth_user_backend": nil, "_auth_user_hash": nil}
	wrong := map[string]any{"_auth_user_backend": "other", "_auth_user_id": "ada", "_auth_user_hash": "wrong"}
	without := func(from map[string]any, name string, value any) map[string]any {
		from = maps.Clone(from)
		from[name] = value
		return from
	}
	badID := without(wrong, "_auth_user_backend", backend)
	notFound := without(badID, "_auth_user_id", "43")
	badHash := without(badID, "_auth_user_id", "42")
	for _, tt := range []struct {
		want  djangosession.Reason
		key   string
		store storeFunc
		users usersFunc
	}{
		{djangosession.NoCookie, "", failing(down), noUsers(down)},
		{djangosession.BadSessionKey, "1234567", failing(down), noUsers(down)},
		{djangosession.BadSessionKey, "ééééééé", failing(down), noUsers(down)},
		{djangosession.BadSessionKey, key + "\x00", failing(down), noUsers(down)},
		{djangosession.BadSessionKey, key + "\xff", failing(down), noUsers(down)},
		{djangosession.BadSessionKey, key + "\xed\xa0\x80", failing(down), noUsers(down)},
		{djangosession.NotFound, key, failing(djangosession.ErrNotFound), noUsers(down)},
		{djangosession.Expired, "12345678", failing(fmt.Errorf("loading: %w", djangosession.ErrExpired)), noUsers(down)},
		{djangosession.BadSignature, key, failing(fmt.Errorf("decoding: %w", signing.ErrBadSignature)), noUsers(down)},
		{djangosession.BadSignature, key, failing(signing.ErrSignatureExpired), noUsers(down)},
		{djangosession.Unreadable, key, failing(fmt.Errorf("decoding: %w", &signing.SyntaxError{})), noUsers(down)},
		{djangosession.Anonymous, "éééééééé", holding(t, login(t, anonymous)), noUsers(down)},
		{djangosession.Anonymous, key, holding(t, login(t, without(wrong, "_auth_user_id", nil))), noUsers(down)},
		{djangosession.Anonymous, key, holding(t, login(t, without(wrong, "_auth_user_backend", nil))), noUsers(down)},
		{djangosession.UnknownBackend, key, holding(t, login(t, wrong)), noUsers(down)},
		{djangosession.BadUserID, key, holding(t, login(t, badID)), ada(djangosession.False)},
		{djangosession.UserNotFound, key, holding(t, login(t, notFound)), ada(djangosession.False)},
		{djangosession.UserInactive, key, holding(t, login(t, badHash)), ada(djangosession.False)},
		{djangosession.AuthHashMismatch, key, holding(t, login(t, badHash)), ada(djangosession.True)},
		{"", key, holding(t, login(t, nil)), ada(djangosession.True)},
	} {
		t.Run(string(tt.want)+" "+tt.key, func(t *testing.T) {
			got, err := newVerifier(t, "5.2", tt.store, tt.users).Verify(t.Context(), tt.key)
			if err != nil || got.Reason != tt.want || (got.User != nil) != (tt.want == "") {
				t.Errorf("got user %v, reason %q, %v", got.User, got.Reason, err)
			}
			if got.User != nil && got.User.ID != "42" {
				t.Errorf("got user %q, want 42", got.User.ID)
			}
		})
	}
}

// TestAStoresFailureIsNoReason, and neither is the end of a context.
func TestAStoresFailureIsNoReason(t *testing.T) {
	down := errors.New("the store is down")
	for _, err := range []error{down, context.DeadlineExceeded, context.Canceled, fmt.Errorf("wrapped: %w", down)} {
		for name, v := range map[string]*djangosession.Verifier{
			"session store": newVerifier(t, "5.2", failing(err), ada(djangosession.True)),
			"user store":    newVerifier(t, "5.2", holding(t, login(t, nil)), noUsers(err)),
		} {
			got, gotErr := v.Verify(t.Context(), key)
			if !errors.Is(gotErr, err) || got != (djangosession.Verdict{}) {
				t.Errorf("%s, %v: %+v, %v, want the error and nothing else", name, err, got, gotErr)
			}
		}
	}
}

func TestStoresGetTheContextAndTheKey(t *testing.T) {
	type name struct{}
	ctx := context.WithValue(t.Context(), name{}, "value")
	asked := 0
	v := newVerifier(t, "5.2", storeFunc(func(ctx context.Context, got string) (*djangosession.Session, error) {
		asked++
		if ctx.Value(name{}) != "value" || got != key {
			t.Errorf("the session store was asked for %q with another context", got)
		}
		return holding(t, login(t, nil))(ctx, got)
	}), usersFunc(func(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
		asked++
		if ctx.Value(name{}) != "value" || id.JSON() != `"42"` {
			t.Errorf("the user store was asked for %s with another context", id.JSON())
		}
		return ada(djangosession.True)(ctx, id)
	}))
	if got, err := v.Verify(ctx, key); err != nil || got.User == nil || asked != 2 {
		t.Errorf("got %+v, %v after %d questions", got, err, asked)
	}
}

// TestAuthHashesOfEachVersion has the rules of the auth hash at their borders.
func TestAuthHashesOfEachVersion(t *testing.T) {
	for _, tt := range []struct {
		name, hash string
		from, to   string // the first and last of the versions that accept it
	}{
		{"SHA-256", authHash(secret, signing.SHA256), "3.1", "6.1"},
		{"SHA-1", authHash(secret, signing.SHA1), "1.11", "3.2.25"},
		{"SHA-256 by a fallback key", authHash(fallback, signing.SHA256), "4.1", "6.1"},
		{"SHA-1 by a fallback key", authHash(fallback, signing.SHA1), "", ""},
		{"SHA-256 by another key", authHash("other", signing.SHA256), "", ""},
		{"in upper case", strings.ToUpper(authHash(secret, signing.SHA256)), "", ""},
		{"of nothing", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, accepts := holding(t, login(t, map[string]any{"_auth_user_hash": tt.hash})), false
			for _, version := range versions {
				accepts = accepts || version == tt.from
				// Fallback keys came to auth hashes in 4.1.8 only: "4.1" means the newest 4.1.
				early := version == "4.1.0" || version == "4.1.7"
				want := accepts && (!early || !strings.Contains(tt.name, "fallback"))
				got, err := newVerifier(t, version, store, ada(djangosession.True)).Verify(t.Context(), key)
				if err != nil || (got.User != nil) != want || !want && got.Reason != djangosession.AuthHashMismatch {
					t.Errorf("Django %s: user %v, reason %q, %v, want a user: %v", version, got.User, got.Reason, err, want)
				}
				accepts = accepts && version != tt.to
			}
		})
	}
}

func TestAuthHashIsWhatVerifyAccepts(t *testing.T) {
	for _, version := range versions {
		for _, algorithm := range []signing.Algorithm{signing.SHA256, signing.SHA1} {
			v := newVerifier(t, version, failing(nil), ada(djangosession.True), func(c *djangosession.VerifierConfig) { c.HashingAlgorithm = algorithm })
			store := holding(t, login(t, map[string]any{"_auth_user_hash": v.AuthHash(password)}))
			if got, err := v.With(store, ada(djangosession.True)).Verify(t.Context(), key); err != nil || got.User == nil {
				t.Errorf("Django %s with %s: %+v, %v", version, algorithm, got, err)
			}
			if algorithm == signing.SHA1 && strings.HasPrefix(version, "3.2") {
				store := holding(t, login(t, nil)) // with a SHA-256 hash, which that setting refuses
				if got, err := v.With(store, ada(djangosession.True)).Verify(t.Context(), key); err != nil || got.Reason != djangosession.AuthHashMismatch {
					t.Errorf("Django %s with %s: %+v, %v, want auth_hash_mismatch", version, algorithm, got, err)
				}
			}
		}
	}
}

func TestWhoCanAuthenticate(t *testing.T) {
	both := func(c *djangosession.VerifierConfig) { c.AuthenticationBackends = []string{backend, allowAll} }
	for _, tt := range []struct {
		name    string
		active  djangosession.Flag
		backend string
		from    string // the first version that says no, "" for none
	}{
		{"active", djangosession.True, backend, ""},
		{"inactive", djangosession.False, backend, "1.11"},
		{"no flag given", djangosession.Flag(0), backend, "1.11"},
		{"a flag that is none", djangosession.Flag(99), backend, "1.11"},
		{"NULL", djangosession.NullFlag, backend, "4.2"},
		{"no such column", djangosession.AbsentFlag, backend, ""},
		{"inactive, and all are allowed", djangosession.False, allowAll, ""},
		{"NULL, and all are allowed", djangosession.NullFlag, allowAll, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			allowed := true
			for _, version := range versions {
				allowed = allowed && version != tt.from
				hash := signing.SHA256
				if version < "3.1" {
					hash = signing.SHA1
				}
				store := holding(t, login(t, map[string]any{"_auth_user_backend": tt.backend, "_auth_user_hash": authHash(secret, hash)}))
				got, err := newVerifier(t, version, store, ada(tt.active), both).Verify(t.Context(), key)
				if err != nil || (got.User != nil) != allowed || !allowed && got.Reason != djangosession.UserInactive {
					t.Errorf("Django %s: user %v, reason %q, %v, want a user: %v", version, got.User, got.Reason, err, allowed)
				}
			}
		})
	}
}

func TestZeroValuesDeny(t *testing.T) {
	if v := (djangosession.Verdict{}); v.User != nil {
		t.Error("the zero Verdict has a user")
	}
	zeroUser := usersFunc(func(context.Context, djangosession.Value) (*djangosession.StoredUser, error) {
		return new(djangosession.StoredUser), nil
	})
	for _, tt := range []struct {
		name string
		v    *djangosession.Verifier
		want djangosession.Reason
	}{
		{"the zero Session", newVerifier(t, "5.2", storeFunc(func(context.Context, string) (*djangosession.Session, error) {
			return new(djangosession.Session), nil
		}), ada(djangosession.True)), djangosession.Anonymous},
		{"the zero StoredUser", newVerifier(t, "5.2", holding(t, login(t, nil)), zeroUser), djangosession.UserInactive},
		{"no backends", newVerifier(t, "5.2", holding(t, login(t, nil)), ada(djangosession.True), func(c *djangosession.VerifierConfig) {
			c.AuthenticationBackends = []string{}
		}), djangosession.UnknownBackend},
		{"no backends, and an empty one in the session", newVerifier(t, "5.2", holding(t, login(t, map[string]any{"_auth_user_backend": ""})),
			ada(djangosession.True), func(c *djangosession.VerifierConfig) { c.AuthenticationBackends = []string{} }), djangosession.UnknownBackend},
	} {
		if got, err := tt.v.Verify(t.Context(), key); err != nil || got.User != nil || got.Reason != tt.want {
			t.Errorf("%s: user %v, reason %q, %v, want %s", tt.name, got.User, got.Reason, err, tt.want)
		}
	}
	for _, json := range []string{`"42"`, "42", "null", "true", "[]"} {
		got, err := djangosession.KeyType(0).ToPython(value(t, "5.2", json), parseVersion(t, "5.2"))
		if got != "" || !errors.Is(err, djangosession.ErrBadUserID) && !errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("KeyType(0) of %s: %q, %v", json, got, err)
		}
	}
	for _, k := range []djangosession.KeyType{djangosession.IntegerKey, djangosession.UUIDKey, djangosession.TextKey} {
		if got, err := k.ToPython(djangosession.Value{}, parseVersion(t, "5.2")); !errors.Is(err, djangosession.ErrBadUserID) {
			t.Errorf("KeyType %d of nothing: %q, %v, want ErrBadUserID", k, got, err)
		}
	}
	if djangosession.Flag(0) != djangosession.False {
		t.Error("the zero Flag is not False")
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	store, users, five := failing(nil), ada(djangosession.True), parseVersion(t, "5.2")
	for _, tt := range []struct {
		name  string
		c     djangosession.VerifierConfig
		store djangosession.Store
		users djangosession.UserStore
	}{
		{"nothing at all", djangosession.VerifierConfig{}, nil, nil},
		{"no version", djangosession.VerifierConfig{SecretKey: signing.SecretKey(secret)}, store, users},
		{"no secret", djangosession.VerifierConfig{Version: five}, store, users},
		{"no store", djangosession.VerifierConfig{Version: five, SecretKey: signing.SecretKey(secret)}, nil, users},
		{"no users", djangosession.VerifierConfig{Version: five, SecretKey: signing.SecretKey(secret)}, store, nil},
		{"an empty fallback", djangosession.VerifierConfig{Version: five, SecretKey: signing.SecretKey(secret), SecretKeyFallbacks: signing.SecretKeys("")}, store, users},
	} {
		if v, err := djangosession.NewVerifier(tt.c, tt.store, tt.users); err == nil || v != nil {
			t.Errorf("%s: %v, %v, want an error", tt.name, v, err)
		}
	}
}

func TestInsecureSkipUserCheck(t *testing.T) {
	skip := func(c *djangosession.VerifierConfig) { c.InsecureSkipUserCheck = true }
	for _, tt := range []struct {
		name    string
		changes map[string]any
		want    string // the user's id, or the reason
	}{
		{"a login", nil, "42"},
		{"a wrong hash, which nobody looks at", map[string]any{"_auth_user_hash": "wrong"}, "42"},
		{"a number", map[string]any{"_auth_user_id": 42}, "42"},
		{"an unknown backend", map[string]any{"_auth_user_backend": "other"}, "unknown_backend"},
		{"nobody", map[string]any{"_auth_user_id": nil}, "anonymous"},
		{"an empty text", map[string]any{"_auth_user_id": ""}, "bad_user_id"},
		{"a boolean", map[string]any{"_auth_user_id": true}, "bad_user_id"},
		{"a list", map[string]any{"_auth_user_id": []int{42}}, "bad_user_id"},
		{"an object", map[string]any{"_auth_user_id": map[string]int{}}, "bad_user_id"},
		{"a NUL", map[string]any{"_auth_user_id": "42\x00"}, "bad_user_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newVerifier(t, "5.2", holding(t, login(t, tt.changes)), nil, skip).Verify(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			id := string(got.Reason)
			if got.User != nil {
				id += got.User.ID
			}
			if id != tt.want {
				t.Errorf("got %q, want %q", id, tt.want)
			}
		})
	}
	null := holding(t, `{"_auth_user_id":null,"_auth_user_backend":"`+backend+`"}`)
	if got, err := newVerifier(t, "5.2", null, nil, skip).Verify(t.Context(), key); err != nil || got.Reason != djangosession.BadUserID {
		t.Errorf("null: %+v, %v, want bad_user_id", got, err)
	}
}

// A verdict on a user knows when the session ends; on nobody, it has nothing to say of that.
func TestVerdictExpires(t *testing.T) {
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	store := storeFunc(func(ctx context.Context, key string) (*djangosession.Session, error) {
		s, err := holding(t, login(t, nil))(ctx, key)
		if err == nil {
			s.ExpireDate = at
		}
		return s, err
	})
	alone, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: parseVersion(t, "5.2"), SecretKey: signing.SecretKey(secret), AuthenticationBackends: []string{backend}, InsecureSkipUserCheck: true,
	}, store, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		verifier *djangosession.Verifier
		want     time.Time
	}{
		"a user":                {newVerifier(t, "5.2", store, ada(djangosession.True)), at},
		"an inactive user":      {newVerifier(t, "5.2", store, ada(djangosession.False)), time.Time{}},
		"the session is enough": {alone, at},
	} {
		got, err := tt.verifier.Verify(t.Context(), key)
		if err != nil || (got.User != nil) == tt.want.IsZero() || !got.Expires.Equal(tt.want) {
			t.Errorf("%s: got %+v, %v, want the time %v", name, got, err, tt.want)
		}
	}
}

// TestFirstSessionKey: of several names, the first that the request has a cookie of decides, whatever is in it.
func TestFirstSessionKey(t *testing.T) {
	names := []string{"__Host-shop", "shop", "sid"}
	for header, want := range map[string][2]string{
		"":                              {"", ""},
		"theme=dark":                    {"", ""},
		"__Host-shop=new":               {"new", "__Host-shop"},
		"shop=old":                      {"old", "shop"},
		"sid=oldest; shop=old":          {"old", "shop"},
		"shop=old; __Host-shop=new":     {"new", "__Host-shop"},
		"__Host-shop=; shop=old":        {"", "__Host-shop"},
		`__Host-shop=""; shop=old`:      {"", "__Host-shop"},
		"__Host-shop; shop=old":         {"old", "shop"}, // no cookie of that name
		"shop=a; shop=b":                {"b", "shop"},
		"SHOP=a; sid=b":                 {"b", "sid"},
		"xshop=a; shopx=b; sid=c":       {"c", "sid"},
		"theme=shop=a; sid=b":           {"b", "sid"},
		"__Host-shop=bad\x00; shop=old": {"bad\x00", "__Host-shop"},
	} {
		if key, name := djangosession.FirstSessionKey([]string{header}, names); key != want[0] || name != want[1] {
			t.Errorf("%q: got %q of %q, want %q of %q", header, key, name, want[0], want[1])
		}
	}
	if key, name := djangosession.FirstSessionKey([]string{"=x; a=b"}, nil); key != "" || name != "" {
		t.Errorf("no names: got %q of %q", key, name)
	}
}
