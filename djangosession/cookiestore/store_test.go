package cookiestore_test

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

const (
	secret   = "a secret key for tests of cookies"
	fallback = "the key before"
	salt     = "django.contrib.sessions.backends.signed_cookies"
	login    = `{"_auth_user_id":"42","_auth_user_backend":"b","_auth_user_hash":"h"}`
)

var (
	django52 = djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch}
	// now has a fraction: Django's clock does, and its timestamps do not.
	now = time.Date(2026, 11, 22, 12, 0, 0, 250_000_000, time.UTC)
)

func open(t *testing.T, c cookiestore.Config) *cookiestore.Store {
	t.Helper()
	if c.SecretKey == nil {
		c.SecretKey, c.SecretKeyFallbacks = signing.SecretKey(secret), signing.SecretKeys(fallback)
	}
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	s, err := cookiestore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dumps is signing.dumps with the salt of the engine, if o has none, and a compressed payload.
func dumps(t *testing.T, o signing.Options, payload string, at time.Time) string {
	t.Helper()
	if o.Secret == nil {
		o.Secret = signing.SecretKey(secret)
	}
	if o.Salt == "" {
		o.Salt = salt
	}
	s, err := signing.NewTimestampSigner(o)
	if err != nil {
		t.Fatal(err)
	}
	return s.Dumps([]byte(payload), true, at)
}

func TestLoad(t *testing.T) {
	long := `{"text":"` + strings.Repeat("compressed ", 1000) + `"}`
	unpack := func(payload string) string { return dumps(t, signing.Options{}, payload, now) }
	s := open(t, cookiestore.Config{Version: django52, MaxAge: time.Hour})
	for name, tt := range map[string]struct{ key, want string }{
		"a login":                      {unpack(login), login},
		"an empty session":             {unpack(`{}`), `{}`},
		"a compressed session":         {unpack(long), long},
		"an expiry of its own":         {unpack(`{"_session_expiry":-5}`), `{"_session_expiry":-5}`},
		"a fallback key":               {dumps(t, signing.Options{Secret: signing.SecretKey(fallback)}, login, now), login},
		"another key":                  {dumps(t, signing.Options{Secret: signing.SecretKey("another")}, login, now), "bad signature"},
		"SHA-1":                        {dumps(t, signing.Options{Algorithm: signing.SHA1}, login, now), "bad signature"},
		"the salt of signing.dumps":    {dumps(t, signing.Options{Salt: "django.core.signing"}, login, now), "bad signature"},
		"the salt of other engines":    {dumps(t, signing.Options{Salt: "django.contrib.sessions.SessionStore"}, login, now), "bad signature"},
		"another payload":              {"x" + unpack(login), "bad signature"},
		"no signature":                 {"eyJhIjoxfQ", "bad signature"},
		"a session key of 32":          {"abcdefghijklmnopqrstuvwxyz012345", "bad signature"},
		"no JSON":                      {unpack(`{`), "unreadable"},
		"a list":                       {unpack(`["_auth_user_id"]`), "unreadable"},
		"null":                         {unpack(`null`), "unreadable"},
		"a number":                     {unpack(`42`), "unreadable"},
		"too much when it is inflated": {unpack(`{"text":"` + strings.Repeat("a", 2<<20) + `"}`), "unreadable"},
		"too much":                     {strings.Repeat("a", 2<<20), "unreadable"},
	} {
		if got := storetest.Outcome(s.Load(t.Context(), tt.key)); got != tt.want {
			t.Errorf("%s: got %.200q, want %.200q", name, got, tt.want)
		}
	}
}

// TestAge: django/core/signing.py, 5.2: age = time.time() - timestamp; if age > max_age: raise SignatureExpired.
func TestAge(t *testing.T) {
	for _, tt := range []struct {
		maxAge time.Duration
		signed time.Time
		alive  bool
	}{
		{time.Hour, now, true},
		{time.Hour, now.Add(-time.Hour), false}, // the timestamp is of a quarter of a second before
		{time.Hour, now.Add(-time.Hour + 750*time.Millisecond), true},
		{time.Hour, now.Add(time.Minute), true}, // a clock that is ahead
		{time.Hour, now.AddDate(100, 0, 0), true},
		{0, now, false},
		{0, now.Add(time.Second), true},
		{-time.Minute, now, false},
		{-time.Minute, now.Add(time.Minute), false},
		{-time.Minute, now.Add(61 * time.Second), true},
	} {
		s := open(t, cookiestore.Config{Version: django52, MaxAge: tt.maxAge})
		session, err := s.Load(t.Context(), dumps(t, signing.Options{}, login, tt.signed))
		if got := storetest.Outcome(session, err); (got == login) != tt.alive || !tt.alive && got != "expired" {
			t.Errorf("signed at %v, max_age %v: got %q", tt.signed, tt.maxAge, got)
			continue
		}
		if tt.alive && !session.ExpireDate.Equal(tt.signed.Truncate(time.Second).Add(tt.maxAge)) {
			t.Errorf("signed at %v, max_age %v: ends at %v", tt.signed, tt.maxAge, session.ExpireDate)
		}
	}
	// A timestamp far beyond every date is in the future.
	s := open(t, cookiestore.Config{Version: django52, MaxAge: time.Hour})
	signer, err := signing.NewSigner(signing.Options{Secret: signing.SecretKey(secret), Salt: salt})
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.Load(t.Context(), signer.Sign("e30:zzzzzzzzzzzz"))
	if got := storetest.Outcome(session, err); got != "{}" || !session.ExpireDate.IsZero() {
		t.Errorf("a timestamp of twelve digits: got %q", got)
	}
}

// TestVersions: which signatures each Django accepts, and what the session says of them.
func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		o        signing.Options
		from, to string // the first and last of versions that accept it
		by       string
	}{
		{"SHA-1", signing.Options{Algorithm: signing.SHA1}, "1.11", "3.2", "SECRET_KEY (sha1)"},
		{"SHA-256", signing.Options{}, "3.1", "6.1", "SECRET_KEY (sha256)"},
		{"a fallback key", signing.Options{Secret: signing.SecretKey(fallback)}, "4.1", "6.1", "SECRET_KEY_FALLBACKS[0] (sha256)"},
		{"a fallback key and SHA-1", signing.Options{Secret: signing.SecretKey(fallback), Algorithm: signing.SHA1}, "", "", ""},
	} {
		accepts := false
		for _, version := range []string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "5.2", "6.1"} {
			accepts = accepts || version == tt.from
			v, err := djangosession.ParseVersion(version)
			if err != nil {
				t.Fatal(err)
			}
			s := open(t, cookiestore.Config{Version: v, MaxAge: time.Hour})
			session, err := s.Load(t.Context(), dumps(t, tt.o, login, now))
			switch got := storetest.Outcome(session, err); {
			case !accepts && got != "bad signature", accepts && got != login:
				t.Errorf("Django %s, %s: got %q", version, tt.name, got)
			case accepts && session.SignedBy.String() != tt.by:
				t.Errorf("Django %s, %s: signed by %v", version, tt.name, session.SignedBy)
			}
			accepts = accepts && version != tt.to
		}
	}
}

// TestHashingAlgorithm: DEFAULT_HASHING_ALGORITHM = "sha1" in Django 3.1 and 3.2 accepts SHA-1 alone.
func TestHashingAlgorithm(t *testing.T) {
	for version, want := range map[djangosession.Version]string{
		{Major: 3, Minor: 1}: "bad signature", {Major: 3, Minor: 2}: "bad signature", {Major: 4, Minor: 0}: login,
	} {
		s := open(t, cookiestore.Config{Version: version, MaxAge: time.Hour, HashingAlgorithm: signing.SHA1})
		if got := storetest.Outcome(s.Load(t.Context(), dumps(t, signing.Options{}, login, now))); got != want {
			t.Errorf("Django %v, sha1: SHA-256 is %q, want %q", version, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]cookiestore.Config{
		"no version":        {SecretKey: signing.SecretKey(secret)},
		"no key":            {Version: django52},
		"an empty fallback": {Version: django52, SecretKey: signing.SecretKey(secret), SecretKeyFallbacks: signing.SecretKeys("")},
	} {
		if s, err := cookiestore.New(c); err == nil || s != nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
	// The zero Config lets nobody in.
	s, err := cookiestore.New(cookiestore.Config{Version: django52, SecretKey: signing.SecretKey(secret)})
	if err != nil {
		t.Fatal(err)
	}
	if got := storetest.Outcome(s.Load(t.Context(), dumps(t, signing.Options{}, login, time.Now().Add(-time.Second)))); got != "expired" {
		t.Errorf("without a MaxAge: got %q", got)
	}
}

func TestSeal(t *testing.T) {
	later := now.Add(40 * time.Minute)
	s := open(t, cookiestore.Config{Version: django52, MaxAge: time.Hour, Now: func() time.Time { return later }})
	for name, payload := range map[string]string{
		"a login": login, "an empty session": `{}`, "what only Python reads": `{"odd":[Infinity,-1e999,"\ud800"]}`, "a large one": `{"t":"` + strings.Repeat("x", 9000) + `"}`,
	} {
		before, err := s.Load(t.Context(), dumps(t, signing.Options{Secret: signing.SecretKey(fallback)}, payload, now))
		if err != nil {
			t.Fatal(err)
		}
		key, err := s.Seal(before)
		if err != nil {
			t.Fatal(err)
		}
		after, err := s.Load(t.Context(), key)
		switch {
		case err != nil || after.JSON() != payload:
			t.Errorf("%s: %v, %v", name, after, err)
		case !after.ExpireDate.Equal(later.Truncate(time.Second).Add(time.Hour)):
			t.Errorf("%s ends at %v", name, after.ExpireDate)
		case after.SignedBy.Fallback != 0:
			t.Errorf("%s is signed by %v", name, after.SignedBy)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	long := djangosession.NewSession(django52)
	if err := long.Set("text", strings.Repeat("x", 200)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]cookiestore.Config{
		"a large one": {Version: django52, MaxAge: time.Hour, MaxBytes: 150},
		"a pickle":    {Version: django52, MaxAge: time.Hour, Serializer: djangosession.Pickle},
	} {
		if key, err := open(t, c).Seal(long); err == nil {
			t.Errorf("%s: %s", name, key)
		}
	}
}
