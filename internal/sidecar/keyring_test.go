package sidecar

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

const (
	authSalt   = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	storeSalt  = "django.contrib.sessions.SessionStoresigner"
	legacySalt = "django.contrib.sessionsSessionStore"
	cookieSalt = "django.contrib.sessions.backends.signed_cookiessigner"
	uploadSalt = "django-sidecar.uploadsigner"
)

// keyConfig are settings with a secret, a fallback, and changes.
func keyConfig(t *testing.T, version string, engine config.Engine, change ...func(*config.Config)) *config.Config {
	t.Helper()
	c, err := config.ForDemo("the tests' own secret key", "sqlite:///"+t.TempDir()+"/db.sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	c.DjangoVersion, c.SessionEngineKind, c.SecretKeyFallbacks = version, engine, []config.Secret{config.NewSecret("an older key")}
	for _, f := range change {
		f(c)
	}
	return c
}

// withDerivedKeys are the same settings with derived keys in place of the secrets.
func withDerivedKeys(t *testing.T, c *config.Config) *config.Config {
	t.Helper()
	other := *c
	other.SecretKey, other.SecretKeyFallbacks = config.Secret{}, nil
	k := keyringOf(t, c)
	for _, keys := range k.all {
		other.SessionKeys = append(other.SessionKeys, maps.Clone(keys.used))
	}
	return &other
}

func keyringOf(t *testing.T, c *config.Config) *keyring {
	t.Helper()
	d := &Deployment{config: c}
	if err := d.openKeys(); err != nil {
		t.Fatal(err)
	}
	return d.keys
}

// TestKeysOfADeployment: which keys each deployment uses, as docs/keys.md has them.
func TestKeysOfADeployment(t *testing.T) {
	webhook := func(c *config.Config) { c.Uploads.Webhook = config.NewSecret("http://127.0.0.1/") }
	sha1 := func(c *config.Config) { c.DefaultHashingAlgorithm = "sha1" }
	skip := func(c *config.Config) { c.InsecureSkipUserCheck = true }
	nested := func(c *config.Config) { c.SessionStoreClass = "Outer.Store" }
	own := func(c *config.Config) { c.AuthHash.Salt = "own" }
	ownWithSecret := func(c *config.Config) {
		c.AuthHash.Salt, c.AuthHash.Algorithm, c.AuthHash.WithSecret = "own", "sha256", true
	}
	modern := []string{"sha256:" + authSalt, "sha256:" + storeSalt}
	both := []string{"sha1:" + authSalt, "sha1:" + storeSalt, "sha1:" + legacySalt, "sha256:" + authSalt, "sha256:" + storeSalt}
	for _, tt := range []struct {
		name, version string
		engine        config.Engine
		change        func(*config.Config)
		secret        []string
		fallback      []string
	}{
		{"the newest", "6.1", config.EngineDB, nil, modern, modern},
		{"files", "5.2", config.EngineFile, nil, modern, modern},
		{"a cache and a table", "5.2", config.EngineCachedDB, nil, modern, modern},
		{"a cache", "5.2", config.EngineCache, nil, modern[:1], modern[:1]},
		{"cookies", "5.2", config.EngineSignedCookies, nil, []string{modern[0], "sha256:" + cookieSalt}, []string{modern[0], "sha256:" + cookieSalt}},
		{"no users", "5.2", config.EngineDB, skip, modern[1:], modern[1:]},
		{"a webhook", "5.2", config.EngineDB, webhook, []string{"sha256:" + uploadSalt, modern[0], modern[1]}, modern},
		{"no fallbacks for hashes", "4.1.7", config.EngineDB, nil, modern, modern[1:]},
		{"the first with them", "4.1.8", config.EngineDB, nil, modern, modern},
		{"no fallbacks", "4.0", config.EngineDB, nil, modern, nil},
		{"two algorithms", "3.2", config.EngineDB, nil, both, nil},
		{"the older of two", "3.1", config.EngineDB, sha1, both[:3], nil},
		{"a webhook of two", "3.2", config.EngineCache, webhook, []string{"sha1:" + authSalt, "sha256:" + uploadSalt, "sha256:" + authSalt}, nil},
		{"a webhook of the older", "3.2", config.EngineCache, func(c *config.Config) { sha1(c); webhook(c) }, []string{"sha1:" + uploadSalt, "sha1:" + authSalt}, nil},
		{"cookies of two", "3.2", config.EngineSignedCookies, nil, []string{both[0], "sha1:" + cookieSalt, both[3], "sha256:" + cookieSalt}, nil},
		{"the oldest", "1.11", config.EngineDB, nil, []string{"sha1:" + authSalt, "sha1:" + legacySalt}, nil},
		{"a webhook of the oldest", "1.11", config.EngineDB, webhook, []string{"sha1:" + uploadSalt, "sha1:" + authSalt, "sha1:" + legacySalt}, nil},
		{"cookies of the oldest", "3.0", config.EngineSignedCookies, nil, []string{"sha1:" + authSalt, "sha1:" + cookieSalt}, nil},
		{"a store class", "3.2", config.EngineDB, nested, []string{
			"sha1:" + authSalt, "sha1:django.contrib.sessions.Outer.Storesigner", "sha1:django.contrib.sessionsStore",
			"sha256:" + authSalt, "sha256:django.contrib.sessions.Outer.Storesigner",
		}, nil},
		{"an own hash", "5.2", config.EngineDB, own, []string{"sha1:own", modern[1], "sha256:own"}, modern},
		{"an own hash of 3.2", "3.2", config.EngineCache, own, []string{"sha1:" + authSalt, "sha1:own", "sha256:own"}, nil},
		{"an own hash with the secret", "5.2", config.EngineCache, ownWithSecret, []string{"sha256:own"}, []string{"sha256:own"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change == nil {
				tt.change = func(*config.Config) {}
			}
			c := keyConfig(t, tt.version, tt.engine, tt.change)
			k := keyringOf(t, c)
			for i, want := range [][]string{tt.secret, tt.fallback} {
				if got := names(k.all[i].used); !slices.Equal(got, want) {
					t.Errorf("%s: got  %q\nwant %q", secretName(i), got, want)
				}
			}
			sameWithDerivedKeys(t, c)
		})
	}
}

func names(keys signing.DerivedKeys) (names []string) {
	for name := range keys {
		names = append(names, name.String())
	}
	slices.Sort(names)
	return names
}

// sameWithDerivedKeys: a deployment with derived keys is like that with the secrets, and one that lacks any of them is none.
func sameWithDerivedKeys(t *testing.T, c *config.Config) {
	t.Helper()
	derived := withDerivedKeys(t, c)
	a, b := keyringOf(t, c), keyringOf(t, derived)
	if x, y := a.fingerprints(), b.fingerprints(); !slices.Equal(x, y) || len(x) == 0 || a.derived || !b.derived {
		t.Errorf("the fingerprints %v of the secrets, %v of the derived keys", x, y)
	}
	empty := *derived
	empty.SessionKeys = make([]signing.DerivedKeys, len(derived.SessionKeys))
	err := (&Deployment{config: &empty}).openKeys()
	if err == nil {
		t.Fatal("a deployment without a key")
	}
	for i, keys := range derived.SessionKeys {
		for name := range keys {
			if !strings.Contains(err.Error(), name.String()) {
				t.Errorf("%v does not name %s", err, name)
			}
			part := *derived
			part.SessionKeys = slices.Clone(derived.SessionKeys)
			part.SessionKeys[i] = maps.Clone(keys)
			delete(part.SessionKeys[i], name)
			lacking := "item 1, for SECRET_KEY, lacks " + name.String() + ";"
			if i == 1 {
				lacking = "item 2, for SECRET_KEY_FALLBACKS[0], lacks " + name.String() + ";"
			}
			if err := (&Deployment{config: &part}).openKeys(); err == nil || !strings.Contains(err.Error(), lacking) {
				t.Errorf("without %s: %v", name, err)
			}
		}
	}
}

// TestFingerprints tell keys apart, and hold from one release to the next.
func TestFingerprints(t *testing.T) {
	of := func(c *config.Config) (texts []string) {
		for _, f := range keyringOf(t, c).fingerprints() {
			texts = append(texts, f.String())
		}
		return texts
	}
	// hashlib.pbkdf2_hmac("sha256", lines, b"django-sidecar.fingerprint", 100000).hex()[:12], computed by Python, where
	// lines are those of fingerprint.
	plain := of(keyConfig(t, "5.2", config.EngineDB))
	if want := []string{"e9d277305d9b (SECRET_KEY)", "bec31d94c955 (SECRET_KEY_FALLBACKS[0])"}; !slices.Equal(plain, want) {
		t.Errorf("got %q, want %q", plain, want)
	}
	for name, change := range map[string]func(*config.Config){
		"another table":      func(c *config.Config) { c.SessionTable = "other" },
		"another Django":     func(c *config.Config) { c.DjangoVersion = "6.1" },
		"the engine of both": func(c *config.Config) { c.SessionEngineKind = config.EngineCachedDB },
		"a webhook":          func(c *config.Config) { c.Uploads.Webhook = config.NewSecret("http://127.0.0.1/") },
	} {
		if got := of(keyConfig(t, "5.2", config.EngineDB, change)); !slices.Equal(got, plain) {
			t.Errorf("%s: %q, want %q", name, got, plain)
		}
	}
	swapped := of(keyConfig(t, "5.2", config.EngineDB, func(c *config.Config) {
		c.SecretKey, c.SecretKeyFallbacks[0] = c.SecretKeyFallbacks[0], c.SecretKey
	}))
	if len(swapped) != 2 || swapped[0][:12] != plain[1][:12] || swapped[1][:12] != plain[0][:12] {
		t.Errorf("swapped: %q, before: %q", swapped, plain)
	}
	if cookies := of(keyConfig(t, "5.2", config.EngineSignedCookies)); cookies[0] == plain[0] {
		t.Errorf("other keys of the same secret have the fingerprint %s too", cookies[0])
	}
}

// TestWhatCheckSaysOfKeys: which they are, and what a thief of them could do.
func TestWhatCheckSaysOfKeys(t *testing.T) {
	for engine, derived := range map[config.Engine]string{
		config.EngineDB:            "can forge a session only with write access to the session store",
		config.EngineCachedDB:      "can forge a session only with write access to the session store",
		config.EngineFile:          "can forge a session only with write access to the session store",
		config.EngineCache:         "can forge a login only with write access to the cache",
		config.EngineSignedCookies: "can forge sessions, and a login with the user's password hash",
	} {
		c := keyConfig(t, "5.2", engine)
		for _, tt := range []struct {
			config *config.Config
			found  []string
			remedy string
		}{
			{c, []string{"DJANGO_SECRET_KEY, fingerprint ", " (SECRET_KEY), ", " (SECRET_KEY_FALLBACKS[0]): a thief of this key can forge all that Django signs"}, "DJANGO_SESSION_KEYS"},
			{withDerivedKeys(t, c), []string{"DJANGO_SESSION_KEYS, fingerprint ", derived, "; nothing else that Django signs"}, ""},
		} {
			f := (&Deployment{config: tt.config, keys: keyringOf(t, tt.config)}).KeyFinding()
			for _, text := range tt.found {
				if !strings.Contains(f.Found, text) {
					t.Errorf("%s: %q, want %q in it", engine, f.Found, text)
				}
			}
			if f.Grade != checkup.OK || !strings.Contains(f.Remedy, tt.remedy) || (tt.remedy == "") != (f.Remedy == "") {
				t.Errorf("%s: %s", engine, f)
			}
		}
	}
}

// TestDerivedKeysAreWhatIsRead: what the command prints is what the setting takes.
func TestDerivedKeysAreWhatIsRead(t *testing.T) {
	c := keyConfig(t, "3.2", config.EngineDB)
	list, err := DerivedKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DJANGO_SESSION_KEYS", string(text))
	t.Setenv("DJANGO_VERSION", "3.2")
	t.Setenv("DATABASE_URL", c.DatabaseURL.Reveal())
	read, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	if a, b := keyringOf(t, c).fingerprints(), keyringOf(t, read).fingerprints(); !slices.Equal(a, b) {
		t.Errorf("printed from %v, read as %v", a, b)
	}
	if _, _, err := NewCodec(read); err != nil {
		t.Error(err)
	}
}
