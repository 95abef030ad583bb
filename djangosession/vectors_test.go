package djangosession_test

import (
	"context"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// TestDjangosVerdicts puts every case of every Django before a Verifier that knows what that Django was told.
func TestDjangosVerdicts(t *testing.T) {
	cases := 0
	for _, folder := range vectors.Djangos(t) {
		t.Run(folder, func(t *testing.T) {
			for _, c := range vectors.Cases(t, folder, 150) {
				cases++
				t.Run(c.Name, func(t *testing.T) { testVerdict(t, &c) })
			}
		})
	}
	if cases < 1800 {
		t.Errorf("%d cases, expected at least 1800", cases)
	}
}

// pythonCode are the cases whose user is called as Python writes a list or a dictionary. Here nobody is: docs/divergences.md.
var pythonCode = map[string]bool{"id-text-value-5b-1-5d": true, "id-text-value-7b-7d": true}

func testVerdict(t *testing.T, c *vectors.Case) {
	if pythonCode[c.Name] {
		if c.Reason != "" {
			t.Fatalf("%s: Django sees nobody, and no longer user %q", c.Comment, c.UserID)
		}
		c.Reason = string(djangosession.BadUserID)
	}
	verifier := caseVerifier(t, c)
	got, err := verifier.Verify(t.Context(), djangosession.SessionKey(c.Cookie, c.CookieName))
	if err != nil {
		t.Fatalf("%s: %v", c.Comment, err)
	}
	if got.User == nil {
		if c.Reason == "" {
			t.Fatalf("%s: nobody (%s), Django sees user %q", c.Comment, got.Reason, c.UserID)
		}
		if string(got.Reason) != c.Reason {
			t.Errorf("%s: reason %s, want %s", c.Comment, got.Reason, c.Reason)
		}
		return
	}
	if c.Reason != "" {
		t.Fatalf("%s: user %q, Django sees nobody (%s)", c.Comment, got.User.ID, c.Reason)
	}
	if got.User.ID != c.UserID || got.Reason != "" || got.Session == nil {
		t.Errorf("%s: user %q, reason %q, session %v, want user %q", c.Comment, got.User.ID, got.Reason, got.Session != nil, c.UserID)
	}
}

// caseVerifier is the deployment of a case.
func caseVerifier(tb testing.TB, c *vectors.Case) *djangosession.Verifier {
	tb.Helper()
	version := parseVersion(tb, c.Django)
	algorithm := signing.SHA256
	if c.HashingAlgorithm == "sha1" {
		algorithm = signing.SHA1
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{
		Version: version, SecretKey: signing.SecretKey(c.SecretKey), SecretKeyFallbacks: signing.SecretKeys(c.FallbackKeys...),
		HashingAlgorithm: algorithm, StoreClass: c.StoreClass,
	})
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(c.SecretKey), SecretKeyFallbacks: signing.SecretKeys(c.FallbackKeys...),
		HashingAlgorithm: algorithm, AuthenticationBackends: c.Backends,
	}, mapStore{
		codec: codec, now: c.Now, rows: map[string]row{c.SessionKey: {c.SessionData, c.ExpireDate}},
	}, caseUsers(tb, c, version))
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

func caseUsers(tb testing.TB, c *vectors.Case, version djangosession.Version) mapUsers {
	tb.Helper()
	users := mapUsers{version: version, rows: map[string]djangosession.StoredUser{}, key: map[string]djangosession.KeyType{
		"integer": djangosession.IntegerKey, "uuid": djangosession.UUIDKey, "text": djangosession.TextKey,
	}[c.UserKey]}
	for _, u := range c.Users {
		active, known := map[string]djangosession.Flag{
			"true": djangosession.True, "false": djangosession.False, "null": djangosession.NullFlag, "": djangosession.AbsentFlag,
		}[string(u.IsActive)]
		if !known {
			tb.Fatalf("is_active is %s", u.IsActive)
		}
		users.rows[u.ID] = djangosession.StoredUser{
			User: djangosession.User{ID: u.ID, Username: &u.Username}, IsActive: active, Password: u.Password,
		}
	}
	return users
}

// row is a row of django_session.
type row struct {
	data    string
	expires time.Time
}

// mapStore is a Store of rows, as of the moment now.
type mapStore struct {
	codec *djangosession.Codec
	now   time.Time
	rows  map[string]row
}

func (m mapStore) Load(_ context.Context, key string) (*djangosession.Session, error) {
	r, found := m.rows[key]
	switch {
	case !found:
		return nil, djangosession.ErrNotFound
	case !r.expires.After(m.now):
		return nil, djangosession.ErrExpired
	}
	s, err := m.codec.Decode(r.data)
	if err != nil {
		return nil, err
	}
	s.ExpireDate = r.expires
	return s, nil
}

// mapUsers is a UserStore of rows by primary key.
type mapUsers struct {
	key     djangosession.KeyType
	version djangosession.Version
	rows    map[string]djangosession.StoredUser
}

func (m mapUsers) UserByID(_ context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	key, err := m.key.ToPython(id, m.version)
	if err != nil {
		return nil, err
	}
	u, found := m.rows[key]
	if !found {
		return nil, djangosession.ErrUserNotFound
	}
	return &u, nil
}

func parseVersion(tb testing.TB, s string) djangosession.Version {
	tb.Helper()
	v, err := djangosession.ParseVersion(s)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
