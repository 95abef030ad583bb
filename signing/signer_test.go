package signing_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/signing"
)

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestUnsign(t *testing.T) {
	s := newSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt"})
	signed := s.Sign("va:lue")
	signature := signed[strings.LastIndex(signed, ":")+1:]
	for _, tt := range []struct{ name, signed string }{
		{"nothing", ""},
		{"no separator", "value" + signature},
		{"the separator alone", ":"},
		{"an empty signature", "va:lue:"},
		{"another value", "va:luf:" + signature},
		{"a part of the value", "lue:" + signature},
		{"a signature cut short", signed[:len(signed)-1]},
		{"a signature with padding", signed + "="},
		{"a signature and more", signed + "A"},
		{"another case", "va:lue:" + strings.ToUpper(signature)},
		{"a space after", signed + " "},
		{"a newline after", signed + "\n"},
		{"signed by another key", newSigner(t, signing.Options{Secret: signing.SecretKey("other"), Salt: "salt"}).Sign("va:lue")},
		{"signed with another salt", newSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "other"}).Sign("va:lue")},
		{"signed with another algorithm", newSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Algorithm: signing.SHA1}).Sign("va:lue")},
		{"signed with another separator", newSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Separator: "|"}).Sign("va:lue")},
		// One HMAC has four spellings in base64 without padding, and only Django's own counts.
		{"another spelling of the same bytes", signed[:len(signed)-1] + next(signed[len(signed)-1])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			value, by, err := s.Unsign(tt.signed)
			if !errors.Is(err, signing.ErrBadSignature) || value != "" || by != (signing.SignedBy{}) {
				t.Errorf("got %q, %v, %v, want ErrBadSignature and nothing else", value, by, err)
			}
		})
	}
	if value, by, err := s.Unsign(signed); err != nil || value != "va:lue" || by != (signing.SignedBy{Verified: true}) {
		t.Errorf("the signed value itself: %q, %v, %v", value, by, err)
	}
}

// next returns the character of the base64 alphabet after c: the last of 43 characters holds two bits of no byte.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)+1:][:1]
}

func TestWhatElseIsAccepted(t *testing.T) {
	sign := func(secret string, a signing.Algorithm) string {
		return newSigner(t, signing.Options{Secret: signing.SecretKey(secret), Salt: "salt", Algorithm: a}).Sign("value")
	}
	fallbacks := signing.Options{Secret: signing.SecretKey("new"), FallbackSecrets: signing.SecretKeys("old", "older"), Salt: "salt"}
	transition := signing.Options{Secret: signing.SecretKey("new"), Salt: "salt", AlsoAccept: []signing.Algorithm{signing.SHA1}}
	for _, tt := range []struct {
		name    string
		options signing.Options
		signed  string
		want    string // SignedBy, "" for a bad signature
	}{
		{"the secret", fallbacks, sign("new", signing.SHA256), "SECRET_KEY (sha256)"},
		{"the first fallback", fallbacks, sign("old", signing.SHA256), "SECRET_KEY_FALLBACKS[0] (sha256)"},
		{"the second fallback", fallbacks, sign("older", signing.SHA256), "SECRET_KEY_FALLBACKS[1] (sha256)"},
		{"a key that is not listed", fallbacks, sign("oldest", signing.SHA256), ""},
		{"a fallback with another algorithm", fallbacks, sign("old", signing.SHA1), ""},
		{"the algorithm before", transition, sign("new", signing.SHA1), "SECRET_KEY (sha1)"},
		{"the algorithm of now", transition, sign("new", signing.SHA256), "SECRET_KEY (sha256)"},
		{"the algorithm before with another key", transition, sign("old", signing.SHA1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			value, by, err := newSigner(t, tt.options).Unsign(tt.signed)
			if tt.want == "" {
				if !errors.Is(err, signing.ErrBadSignature) {
					t.Errorf("got %q, %v, want ErrBadSignature", value, err)
				}
				return
			}
			if err != nil || value != "value" || by.String() != tt.want {
				t.Errorf("got %q by %v, %v, want by %s", value, by, err, tt.want)
			}
		})
	}
	if got, want := newSigner(t, fallbacks).Sign("value"), sign("new", signing.SHA256); got != want {
		t.Errorf("signed with something else than the secret: %s, want %s", got, want)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options signing.Options
	}{
		{"nothing at all", signing.Options{}},
		{"no secret", signing.Options{Salt: "salt"}},
		{"no salt", signing.Options{Secret: signing.SecretKey("s3cret")}},
		{"an empty fallback", signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", FallbackSecrets: signing.SecretKeys("old", "")}},
		{"a letter as separator", signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Separator: "x"}},
		{"a separator of base64 and base62", signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Separator: "-_=0Az"}},
		// _SEP_UNSAFE has A-z in it, and "$" matches before a final newline.
		{"a separator between Z and a", signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Separator: "[\\]^`"}},
		{"a newline after an unsafe separator", signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", Separator: "a\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := signing.NewSigner(tt.options); err == nil {
				t.Error("NewSigner took it")
			} else if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "old") {
				t.Errorf("the error shows a secret: %v", err)
			}
			if _, err := signing.NewTimestampSigner(tt.options); err == nil {
				t.Error("NewTimestampSigner took it")
			}
		})
	}
}

func TestUnsignWithin(t *testing.T) {
	s := newTimestampSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt"})
	signed := s.Sign("value", at)
	for _, tt := range []struct {
		name string
		age  time.Duration
		err  error
	}{
		{"from the future", -time.Hour, nil},
		{"just signed", 0, nil},
		{"as old as allowed", time.Minute, nil},
		{"a fraction older", time.Minute + time.Millisecond, signing.ErrSignatureExpired},
		{"much older", 10000 * time.Hour, signing.ErrSignatureExpired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			value, _, err := s.UnsignWithin(signed, time.Minute, at.Add(tt.age))
			if !errors.Is(err, tt.err) || err == nil && value != "value" || err != nil && value != "" {
				t.Errorf("got %q, %v, want error %v", value, err, tt.err)
			}
		})
	}
	if !errors.Is(signing.ErrSignatureExpired, signing.ErrBadSignature) {
		t.Error("ErrSignatureExpired is no ErrBadSignature, as SignatureExpired is a BadSignature")
	}
	if _, _, err := s.UnsignWithin(signed+"x", time.Hour, at); !errors.Is(err, signing.ErrBadSignature) || errors.Is(err, signing.ErrSignatureExpired) {
		t.Errorf("a wrong signature: %v, want ErrBadSignature alone", err)
	}
}

func TestVerifyHex(t *testing.T) {
	s := signing.NewSaltedHMAC(signing.SHA1, "salt", "s3cret")
	digest := fmt.Sprintf("%x", s.Sum("value"))
	if s.Algorithm() != signing.SHA1 || len(digest) != 40 || !s.VerifyHex("value", digest) {
		t.Errorf("%s of %d digits is not recognised", s.Algorithm(), len(digest))
	}
	for _, wrong := range []string{"", strings.ToUpper(digest), digest[:39], digest + "0", digest + " ", strings.Repeat("0", 40), strings.Repeat("0", 10000)} {
		if s.VerifyHex("value", wrong) {
			t.Errorf("%.50q was recognised", wrong)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newTimestampSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt", FallbackSecrets: signing.SecretKeys("old")})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 100 {
				want := strings.Repeat(fmt.Sprintf("%d-%d ", worker, i), i+1)
				got, _, err := s.Loads(nil, s.Dumps([]byte(want), true, at), 1<<20)
				if err != nil || string(got) != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestCheckingASignatureAllocatesNothing(t *testing.T) {
	s := newTimestampSigner(t, signing.Options{
		Secret: signing.SecretKey("s3cret"), Salt: "salt", FallbackSecrets: signing.SecretKeys("old"), AlsoAccept: []signing.Algorithm{signing.SHA1},
	})
	good := s.Sign(strings.Repeat("value", 100), at)
	for name, signed := range map[string]string{"a good one": good, "a bad one": good + "x"} {
		allocs := testing.AllocsPerRun(500, func() {
			if _, _, err := s.Unsign(signed); (err == nil) != (signed == good) {
				t.Fatal(err)
			}
		})
		if allocs > poolAllocs {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func BenchmarkUnsign(b *testing.B) {
	s := newTimestampSigner(b, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "django.contrib.sessions.SessionStore"})
	signed := s.Sign(strings.Repeat("x", 112), at)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Unsign(signed); err != nil {
			b.Fatal(err)
		}
	}
}
