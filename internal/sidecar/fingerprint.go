package sidecar

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/upload/webhook"
	"django-sidecar/signing"
)

// The fingerprint of a secret's keys: so many bytes, after so many rounds.
const (
	fingerprintBytes  = 6
	fingerprintRounds = 100_000
)

// fingerprint names the keys that sessions are judged with, so that two sidecars can be compared; "" where a secret
// has none of them. Of a secret and of the keys derived from it, it is the same.
//
// Whoever reads it in a log can try guesses of SECRET_KEY against it, as they can against any link that resets a
// password, or any other text that Django signs for its visitors. There a guess takes some six blocks of SHA-256; the
// rounds take 200,000. So it helps nobody who guesses; and a SECRET_KEY as startproject makes it is beyond guessing.
func (n *notedKeys) fingerprint() string {
	names := make([]signing.KeyName, 0, len(n.used))
	for name := range n.used {
		if name.Salt != signing.SignerSalt(webhook.Salt) { // it judges nothing, and some sidecars have no uploads
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.SortFunc(names, func(a, b signing.KeyName) int { return cmp.Compare(a.String(), b.String()) })
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s=%x\n", name, n.used[name])
	}
	sum, err := pbkdf2.Key(sha256.New, text.String(), []byte("django-sidecar.fingerprint"), fingerprintRounds,
		fingerprintBytes)
	if err != nil {
		panic("sidecar: internal error: " + err.Error()) // which only a bound of FIPS mode could be
	}
	return hex.EncodeToString(sum)
}

// A keyFingerprint is one of the keys of the secret at a place of the list.
type keyFingerprint struct {
	index int // 0: SECRET_KEY; n: the n-th of SECRET_KEY_FALLBACKS
	text  string
}

// String returns, for example, "3f9ac04471be (SECRET_KEY)".
func (f keyFingerprint) String() string { return f.text + " (" + secretName(f.index) + ")" }

// fingerprints are those of all secrets that are used.
func (k *keyring) fingerprints() (all []keyFingerprint) {
	for i, keys := range k.all {
		if text := keys.fingerprint(); text != "" {
			all = append(all, keyFingerprint{i, text})
		}
	}
	return all
}

// Fingerprints name the keys that are in force.
func (d *Deployment) Fingerprints() (texts []string) {
	for _, f := range d.keys.fingerprints() {
		texts = append(texts, f.String())
	}
	return texts
}

// TellKeys says in the log and in the metrics which keys are in force.
func (l *Live) TellKeys(ctx context.Context) {
	k := l.Current().keys
	texts, byIndex := []string{}, map[int]string{}
	for _, f := range k.fingerprints() {
		texts, byIndex[f.index] = append(texts, f.String()), f.text
	}
	l.Metrics.Keys(byIndex)
	l.Logger.InfoContext(ctx, "keys", "from", k.form(), "fingerprints", strings.Join(texts, ", "))
}

// KeyFinding is what check says of the keys: which they are, and what a thief could do with them.
func (d *Deployment) KeyFinding() checkup.Finding {
	f := checkup.Finding{Grade: checkup.OK, Name: "keys", Found: d.keys.form()}
	for i, print := range d.keys.fingerprints() {
		if i == 0 {
			f.Found += ", fingerprint "
		} else {
			f.Found += ", "
		}
		f.Found += print.String()
	}
	if d.keys.derived {
		f.Found += ": a thief of these keys can forge " + derivedThief(d.config) + "; nothing else that Django signs"
		return f
	}
	f.Found += ": a thief of this key can forge all that Django signs, links that reset passwords too"
	f.Remedy = "the sidecar needs less: give it DJANGO_SESSION_KEYS in place of SECRET_KEY; django-sidecar keys prints them"
	return f
}

// derivedThief is what whoever has the derived keys, and nothing else, still lacks for a session.
func derivedThief(c *config.Config) string {
	switch c.SessionEngineKind {
	case config.EngineSignedCookies:
		return "sessions, and a login with the user's password hash"
	case config.EngineCache:
		return "a login only with write access to the cache and the user's password hash"
	case config.EngineDB, config.EngineCachedDB, config.EngineFile:
	}
	return "a session only with write access to the session store, and a login only with the user's password hash too"
}
