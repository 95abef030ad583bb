package djangosession_test

import (
	"context"
	"encoding/hex"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// TestOwnAuthHash: salted_hmac as a model calls it that overrides get_session_auth_hash, and what stays Django's then.
func TestOwnAuthHash(t *testing.T) {
	const (
		salt, input = "shop.User", "password and email"
		djangosSalt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	)
	own := func(secret, salt string, a signing.Algorithm) string {
		return hex.EncodeToString(signing.NewSaltedHMAC(a, salt, secret).Sum(input))
	}
	adas := ada(djangosession.True)
	users := usersFunc(func(ctx context.Context, id djangosession.Value) (*djangosession.StoredUser, error) {
		user, err := adas(ctx, id)
		if user != nil {
			text := input
			user.HashInput = &text
		}
		return user, err
	})
	sha1, sha256 := own(secret, salt, signing.SHA1), own(secret, salt, signing.SHA256)
	for _, tt := range []struct {
		name, version string
		own           djangosession.OwnAuthHash
		hash          string
		want          bool
	}{
		{"SHA-1", "6.1", djangosession.OwnAuthHash{Salt: salt}, sha1, true},
		{"SHA-256", "6.1", djangosession.OwnAuthHash{Salt: salt}, sha256, true},
		{"SHA-256 before there was any", "3.0", djangosession.OwnAuthHash{Salt: salt}, sha256, false},
		{"SHA-1 in an old Django", "3.0", djangosession.OwnAuthHash{Salt: salt}, sha1, true},
		{"another algorithm than the one", "6.1", djangosession.OwnAuthHash{Salt: salt, Algorithms: []signing.Algorithm{signing.SHA256}}, sha1, false},
		{"the one algorithm", "6.1", djangosession.OwnAuthHash{Salt: salt, Algorithms: []signing.Algorithm{signing.SHA256}}, sha256, true},
		{"another salt", "6.1", djangosession.OwnAuthHash{Salt: "x"}, sha256, false},
		{"Django's own salt", "6.1", djangosession.OwnAuthHash{}, own(secret, djangosSalt, signing.SHA256), true},
		{"Django's own hash", "6.1", djangosession.OwnAuthHash{Salt: salt}, authHash(secret, signing.SHA256), false},
		{"the legacy hash of 3.2", "3.2", djangosession.OwnAuthHash{Salt: salt}, authHash(secret, signing.SHA1), true},
		{"by a fallback key", "6.1", djangosession.OwnAuthHash{Salt: salt}, own(fallback, salt, signing.SHA256), false},
		{"by a fallback key, with a secret", "6.1", djangosession.OwnAuthHash{Salt: salt, WithSecret: true}, own(fallback, salt, signing.SHA256), true},
		{"by a fallback key, before 4.1.8", "4.1.7", djangosession.OwnAuthHash{Salt: salt, WithSecret: true}, own(fallback, salt, signing.SHA256), false},
		{"Django's own by a fallback key", "6.1", djangosession.OwnAuthHash{Salt: salt}, authHash(fallback, signing.SHA256), true},
		{"Django's own by a fallback key, with a secret", "6.1", djangosession.OwnAuthHash{Salt: salt, WithSecret: true}, authHash(fallback, signing.SHA256), false},
	} {
		store := holding(t, login(t, map[string]any{"_auth_user_hash": tt.hash}))
		v := newVerifier(t, tt.version, store, users, func(c *djangosession.VerifierConfig) { c.OwnAuthHash = &tt.own })
		got, err := v.Verify(t.Context(), key)
		if err != nil || (got.User != nil) != tt.want || !tt.want && got.Reason != djangosession.AuthHashMismatch {
			t.Errorf("%s: user %v, reason %q, %v, want a user: %t", tt.name, got.User, got.Reason, err, tt.want)
		}
	}
}
