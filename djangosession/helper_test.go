package djangosession_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

const (
	secret   = "s3cret"
	fallback = "the key before"
	backend  = "django.contrib.auth.backends.ModelBackend"
	allowAll = "django.contrib.auth.backends.AllowAllUsersModelBackend"
	salt     = "django.contrib.sessions.SessionStore"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// modern signs a payload as signing.dumps does it, compressed where that is shorter.
func modern(tb testing.TB, key string, a signing.Algorithm, payload string) string {
	tb.Helper()
	return dumps(tb, key, a, payload, true)
}

// plain is modern with the key of these tests and without compressing, which takes a hundred times as long as reading.
func plain(tb testing.TB, payload string) string {
	tb.Helper()
	return dumps(tb, secret, signing.SHA256, payload, false)
}

func dumps(tb testing.TB, key string, a signing.Algorithm, payload string, compress bool) string {
	tb.Helper()
	s, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(key), Salt: salt, Algorithm: a})
	if err != nil {
		tb.Fatal(err)
	}
	return s.Dumps([]byte(payload), compress, now)
}

// legacy signs a payload as Django to 3.0 does it.
func legacy(key, payload string) string {
	digest := signing.NewSaltedHMAC(signing.SHA1, "django.contrib.sessionsSessionStore", key).Sum(payload)
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(digest) + ":" + payload))
}

func newCodec(tb testing.TB, version string, change ...func(*djangosession.CodecConfig)) *djangosession.Codec {
	tb.Helper()
	c := djangosession.CodecConfig{
		Version: parseVersion(tb, version), SecretKey: signing.SecretKey(secret), SecretKeyFallbacks: signing.SecretKeys(fallback),
	}
	for _, f := range change {
		f(&c)
	}
	codec, err := djangosession.NewCodec(c)
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

// decode reads a payload as if Django had signed it.
func decode(tb testing.TB, version, payload string) (*djangosession.Session, error) {
	tb.Helper()
	codec := newCodec(tb, version)
	if strings.HasPrefix(version, "1.") || strings.HasPrefix(version, "2.") || version == "3.0" {
		return codec.Decode(legacy(secret, payload))
	}
	return codec.Decode(plain(tb, payload))
}

// value is an entry of a session, given its JSON.
func value(tb testing.TB, version, json string) djangosession.Value {
	tb.Helper()
	s, err := decode(tb, version, `{"_auth_user_id":`+json+`}`)
	if err != nil {
		tb.Fatalf("%.100s: %v", json, err)
	}
	return s.AuthUserID
}
