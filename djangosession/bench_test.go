package djangosession_test

import (
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// djangosLogin is a login as Django 5.2 wrote it, which is compressed.
func djangosLogin(tb testing.TB) *vectors.Case {
	tb.Helper()
	for _, c := range vectors.Cases(tb, "django-5.2", 150) {
		if c.Name == "login" {
			return &c
		}
	}
	tb.Fatal("Django 5.2 has no login")
	return nil
}

// TestAllocations holds decoding and verifying to what they need: the session and its text.
func TestAllocations(t *testing.T) {
	c := djangosLogin(t)
	codec := newCodec(t, "5.2", func(config *djangosession.CodecConfig) { config.SecretKey = c.SecretKey })
	verifier := caseVerifier(t, c)
	for name, f := range map[string]func() error{
		"Decode": func() error { _, err := codec.Decode(c.SessionData); return err },
		"Verify": func() error { _, err := verifier.Verify(t.Context(), c.SessionKey); return err },
	} {
		most := map[string]float64{"Decode": 6, "Verify": 10}[name]
		got := testing.AllocsPerRun(200, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if got > most+poolAllocs {
			t.Errorf("%s: %v allocations, want at most %v", name, got, most)
		}
	}
}

// small is {"_auth_user_id":"42","_auth_user_backend":"…","cart":[0,1,2]} as Django 5.2 wrote it with the key
// "s3cret": 166 bytes, and so short that zlib has chosen its fixed codes, which are read faster.
const small = ".eJyrVopPLC3JiC8tTi2Kz0xRslIyMVLSQRZMSkzOTs0DyaRkJeal5-sl5-eVFGUm6YGU6EFli_V881NSc5yganWUkhOLSpSsog10DHWMYmsBRCIjWQ" +
	":1xV6Ei:HcvIBH5LFasxdHBZTtARCC6rwVf4wkNMOEqzhF93F5A"

func BenchmarkDecode(b *testing.B) {
	c := djangosLogin(b)
	json := `{"_auth_user_id":"42","_auth_user_backend":"` + backend + `","_auth_user_hash":"` + strings.Repeat("0a", 32) +
		`","cart":"` + strings.Repeat("x", 109) + `"}`
	signer, err := signing.NewTimestampSigner(signing.Options{Secret: c.SecretKey, Salt: salt})
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct{ name, version, secret, data string }{
		{"a compressed login", "5.2", c.SecretKey, c.SessionData},
		{"166 bytes compressed", "5.2", secret, small},
		{"300 bytes plain", "5.2", c.SecretKey, signer.Dumps([]byte(json), false, now)},
		{"300 bytes legacy", "2.2", c.SecretKey, legacy(c.SecretKey, json)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			codec := newCodec(b, bb.version, func(config *djangosession.CodecConfig) { config.SecretKey = bb.secret })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Decode(bb.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	c := djangosLogin(b)
	verifier := caseVerifier(b, c)
	b.ReportAllocs()
	for b.Loop() {
		if v, err := verifier.Verify(b.Context(), c.SessionKey); err != nil || v.User == nil {
			b.Fatal(v.Reason, err)
		}
	}
}

func BenchmarkSessionKey(b *testing.B) {
	for _, bb := range []struct{ name, header string }{
		{"plain", "csrftoken=abcdefgh; sessionid=" + key + "; theme=dark"},
		{"quoted", `csrftoken=abcdefgh; sessionid="` + `\063` + key[1:] + `"; theme=dark`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			header := []string{bb.header}
			b.ReportAllocs()
			for b.Loop() {
				if djangosession.SessionKey(header, "sessionid") != key {
					b.Fatal("another key")
				}
			}
		})
	}
}
