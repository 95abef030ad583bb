package signing_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/signing"
)

// derived are keys of a secret for the salt of a Signer.
func derived(t *testing.T, secret, salt string, algorithms ...signing.Algorithm) signing.DerivedKeys {
	t.Helper()
	keys := signing.DerivedKeys{}
	for _, algorithm := range algorithms {
		key, err := signing.SecretKey(secret).Key(algorithm, signing.SignerSalt(salt))
		if err != nil {
			t.Fatal(err)
		}
		keys[signing.KeyName{Algorithm: algorithm, Salt: signing.SignerSalt(salt)}] = key
	}
	return keys
}

// TestDerivedKeys: they sign and accept what the secrets do.
func TestDerivedKeys(t *testing.T) {
	const salt = "django.contrib.sessions.SessionStore"
	options := signing.Options{Salt: salt, AlsoAccept: []signing.Algorithm{signing.SHA1}}
	secret, keys := options, options
	secret.Secret, secret.FallbackSecrets = signing.SecretKey("new"), signing.SecretKeys("old", "older")
	keys.Secret = derived(t, "new", salt, signing.SHA256, signing.SHA1)
	keys.FallbackSecrets = []signing.Keys{derived(t, "old", salt, signing.SHA256), derived(t, "older", salt, signing.SHA256)}
	a, b := newTimestampSigner(t, secret), newTimestampSigner(t, keys)
	at := time.Unix(1_700_000_000, 0)
	if x, y := a.Sign("ada", at), b.Sign("ada", at); x != y {
		t.Errorf("the secret signs %q, the derived key %q", x, y)
	}
	for by, o := range map[string]signing.Options{
		"SECRET_KEY (sha256)":              {Secret: signing.SecretKey("new"), Salt: salt},
		"SECRET_KEY (sha1)":                {Secret: signing.SecretKey("new"), Salt: salt, Algorithm: signing.SHA1},
		"SECRET_KEY_FALLBACKS[0] (sha256)": {Secret: signing.SecretKey("old"), Salt: salt},
		"SECRET_KEY_FALLBACKS[1] (sha256)": {Secret: signing.SecretKey("older"), Salt: salt},
	} {
		signed := newTimestampSigner(t, o).Sign("ada", at)
		if _, got, err := b.Unsign(signed); err != nil || got.String() != by {
			t.Errorf("%s: %v, %v", by, got, err)
		}
	}
	other := signing.Options{Secret: signing.SecretKey("new"), Salt: "django.core.signing"}
	if _, _, err := b.Unsign(newTimestampSigner(t, other).Sign("ada", at)); !errors.Is(err, signing.ErrBadSignature) {
		t.Errorf("another salt: %v", err)
	}
}

func sum(text string) []byte {
	hash := sha256.Sum256([]byte(text))
	return hash[:]
}

// TestNoKeys: what is not there denies, and what is missing is named, all of it.
func TestNoKeys(t *testing.T) {
	const salt = "salt"
	whole := derived(t, "new", salt, signing.SHA256)
	for name, tt := range map[string]struct {
		options signing.Options
		missing []string
	}{
		"nothing":          {signing.Options{}, nil},
		"an empty secret":  {signing.Options{Secret: signing.SecretKey("")}, nil},
		"no derived keys":  {signing.Options{Secret: signing.DerivedKeys(nil)}, []string{"sha256:saltsigner"}},
		"nil for fallback": {signing.Options{Secret: whole, FallbackSecrets: []signing.Keys{nil}}, nil},
		"a short key": {signing.Options{Secret: signing.DerivedKeys{
			signing.KeyName{Algorithm: signing.SHA256, Salt: "saltsigner"}: make([]byte, 20),
		}}, nil},
		"the key of an empty secret": {signing.Options{Secret: signing.DerivedKeys{
			signing.KeyName{Algorithm: signing.SHA256, Salt: "saltsigner"}: sum("saltsigner"),
		}}, nil},
		"several missing": {
			signing.Options{Secret: whole, FallbackSecrets: []signing.Keys{signing.DerivedKeys{}}, AlsoAccept: []signing.Algorithm{signing.SHA1}},
			[]string{"SECRET_KEY_FALLBACKS[0] (sha256): there is no derived key sha256:saltsigner", "SECRET_KEY (sha1): there is no derived key sha1:saltsigner"},
		},
	} {
		tt.options.Salt = salt
		_, err := signing.NewSigner(tt.options)
		if err == nil {
			t.Errorf("%s: there is a signer", name)
			continue
		}
		if got := errors.As(err, new(*signing.MissingKeyError)); got != (tt.missing != nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range tt.missing {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want it to name %s", name, err, text)
			}
		}
	}
	if _, err := signing.SaltedHMACOf(nil, signing.SHA256, salt); err == nil {
		t.Error("no keys gave an HMAC")
	}
}

// TestKeysPrintNothing in whatever way they get into a text.
func TestKeysPrintNothing(t *testing.T) {
	const hidden = "hunter2"
	for _, keys := range []signing.Keys{
		signing.SecretKey(hidden), signing.DerivedKeys{signing.KeyName{Salt: hidden}: []byte(hidden)},
	} {
		o := signing.Options{Secret: keys, FallbackSecrets: []signing.Keys{keys}}
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			fmt.Sprint(keys), fmt.Sprintf("%s %q %x %#v %+v %d", keys, keys, keys, keys, keys, keys), fmt.Sprintf("%v %+v %#v", o, o, o), string(raw),
		} {
			if strings.Contains(text, hidden) || strings.Contains(text, fmt.Sprintf("%x", hidden)) || !strings.Contains(text, "[redacted]") {
				t.Errorf("%T prints %s", keys, text)
			}
		}
	}
}
