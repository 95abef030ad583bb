package djangosession_test

import (
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

// session300 is the JSON of a session of 300 bytes.
const session300 = `{"_auth_user_id":"4217","_auth_user_backend":"django.contrib.auth.backends.ModelBackend",` +
	`"_auth_user_hash":"b7d1c0ee5a3f4926887c1de90f6b2a5573d4e8c19fa06b3c52e7d8814f9a0b6d","_language":"en-gb",` +
	`"cart":{"17":2,"203":1},"last_seen":"2026-11-22T11:58:03.120+00:00","next":"/orders/2031/","theme":"dark"}`

// TestAllocations holds decoding to what it returns, the session and its text, and verifying to these and the user.
func TestAllocations(t *testing.T) {
	c := djangosLogin(t)
	codec := newCodec(t, "5.2", func(config *djangosession.CodecConfig) { config.SecretKey = signing.SecretKey(c.SecretKey) })
	old, verifier := newCodec(t, "2.2"), caseVerifier(t, c)
	decode := func(codec *djangosession.Codec, data string) func() error {
		return func() error { _, err := codec.Decode(data); return err }
	}
	for _, tt := range []struct {
		name string
		most float64
		f    func() error
	}{
		{"Decode, not compressed", 2, decode(codec, dumps(t, c.SecretKey, signing.SHA256, session300, false))},
		{"Decode, compressed", 2, decode(codec, c.SessionData)},
		{"Decode, old format", 2, decode(old, legacy(secret, session300))},
		{"Verify", 3, func() error { _, err := verifier.Verify(t.Context(), c.SessionKey); return err }},
	} {
		got := testing.AllocsPerRun(200, func() {
			if err := tt.f(); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.most+poolAllocs {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

// small is {"_auth_user_id":"42","_auth_user_backend":"…","cart":[0,1,2]} as Django 5.2 wrote it with the key
// "s3cret": 166 bytes, and so short that zlib has chosen its fixed codes, which are read faster.
const small = ".eJyrVopPLC3JiC8tTi2Kz0xRslIyMVLSQRZMSkzOTs0DyaRkJeal5-sl5-eVFGUm6YGU6EFli_V881NSc5yganWUkhOLSpSsog10DHWMYmsBRCIjWQ" +
	":1xV6Ei:HcvIBH5LFasxdHBZTtARCC6rwVf4wkNMOEqzhF93F5A"

func BenchmarkDecode(b *testing.B) {
	c := djangosLogin(b)
	if len(session300) != 300 {
		b.Fatalf("the session has %d bytes", len(session300))
	}
	for _, bb := range []struct{ name, version, secret, data string }{
		{"a compressed login", "5.2", c.SecretKey, c.SessionData},
		{"166 bytes compressed", "5.2", secret, small},
		{"300 bytes, not compressed", "5.2", secret, plain(b, session300)},
		{"300 bytes, compressed", "5.2", secret, modern(b, secret, signing.SHA256, session300)},
		{"300 bytes, old format", "2.2", secret, legacy(secret, session300)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			codec := newCodec(b, bb.version, func(config *djangosession.CodecConfig) { config.SecretKey = signing.SecretKey(bb.secret) })
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
