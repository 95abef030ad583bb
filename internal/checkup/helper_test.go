package checkup

import (
	"context"
	"errors"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

var (
	testTime = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	errAway  = errors.New("the store is away")
)

// rowsStore is a session table of session data by their keys; "away" fails.
type rowsStore struct {
	rows  map[string]string
	codec *djangosession.Codec
}

// Load implements djangosession.Store.
func (s rowsStore) Load(_ context.Context, key string) (*djangosession.Session, error) {
	data, found := s.rows[key]
	switch {
	case data == "away":
		return nil, errAway
	case !found:
		return nil, djangosession.ErrNotFound
	}
	return s.codec.Decode(data)
}

// cacheStore is a cache of sessions, which nobody has signed.
type cacheStore map[string]string

// Load implements djangosession.Store.
func (s cacheStore) Load(_ context.Context, key string) (*djangosession.Session, error) {
	data, found := s[key]
	if !found {
		return nil, djangosession.ErrNotFound
	}
	return djangosession.ParseSession([]byte(data), djangosession.JSON, djangosession.NewestVersion(), 1<<20)
}

// people are users by the entry _auth_user_id.
type people map[string]*djangosession.StoredUser

// UserByID implements djangosession.UserStore.
func (p people) UserByID(_ context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
	text, _ := id.Text()
	user, found := p[text]
	if !found {
		return nil, djangosession.ErrUserNotFound
	}
	return user, nil
}

const modelBackend = "django.contrib.auth.backends.ModelBackend"

// Ada is a user, and bob one who is not active.
var testPeople = people{
	"1": {User: djangosession.User{ID: "1"}, IsActive: djangosession.True, Password: "of ada"},
	"2": {User: djangosession.User{ID: "2"}, IsActive: djangosession.False, Password: "of bob"},
}

func testConfig(change func(*config.Config)) *config.Config {
	c := &config.Config{
		DjangoVersion: "5.2", SecretKey: config.NewSecret(testKey), SessionStoreClass: "SessionStore", SessionEngineKind: config.EngineDB,
		DefaultHashingAlgorithm: "sha256", AuthenticationBackends: []string{modelBackend}, AuthUserTable: "auth_user", SessionTable: "django_session",
		SessionCookieNames: []string{"sessionid"},
	}
	if change != nil {
		change(c)
	}
	return c
}

func verifierOf(c *config.Config, store djangosession.Store) (*djangosession.Verifier, error) {
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return nil, err
	}
	return djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(c.SecretKey.Reveal()), AuthenticationBackends: c.AuthenticationBackends,
	}, store, testPeople)
}

// testCheckup looks at a deployment with these rows in its session table. In a cache are those of cached, if there are any.
func testCheckup(t *testing.T, c *config.Config, rows map[string]string, cached cacheStore) *Checkup {
	t.Helper()
	try := func(c *config.Config) (trial Trial, err error) {
		if trial.Codec, err = codecOf(c); err != nil {
			return trial, err
		}
		table := rowsStore{rows, trial.Codec}
		sessions := djangosession.Store(table)
		if c.SessionEngineKind != config.EngineCache {
			trial.Store = table
		}
		if cached != nil {
			sessions = cached
		}
		trial.Verifier, err = verifierOf(c, sessions)
		return trial, err
	}
	own, err := try(c)
	if err != nil {
		t.Fatal(err)
	}
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		t.Fatal(err)
	}
	d := &Checkup{Config: c, Version: version, Verifier: own.Verifier, Store: own.Store, Try: try, Timeout: time.Minute, Now: func() time.Time { return testTime }}
	d.Recent = func(context.Context, int) (recent []djangosession.StoredSession, err error) {
		for key, data := range rows {
			recent = append(recent, djangosession.StoredSession{Key: key, Data: data})
		}
		return recent, nil
	}
	return d
}

// login is what is stored of a session in which a user has logged in; change is made to its entries.
func login(t *testing.T, c *config.Config, user string, change map[string]any) string {
	t.Helper()
	codec, err := codecOf(c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Encode(entriesOf(t, c, user, change), testTime)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func entriesOf(t *testing.T, c *config.Config, user string, change map[string]any) map[string]any {
	t.Helper()
	verifier, err := verifierOf(c, rowsStore{})
	if err != nil {
		t.Fatal(err)
	}
	password := "of nobody"
	if known, found := testPeople[user]; found {
		password = known.Password
	}
	entries := map[string]any{"_auth_user_id": user, "_auth_user_backend": modelBackend, "_auth_user_hash": verifier.AuthHash(password)}
	for name, value := range change {
		entries[name] = value
	}
	return entries
}
