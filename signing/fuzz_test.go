package signing_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// FuzzUnsign: only what Sign makes is accepted, to the letter.
func FuzzUnsign(f *testing.F) {
	for _, row := range vectors.Table[signingRow](f, "signing", 500) {
		f.Add(row.Signed, row.Secret)
	}
	f.Fuzz(func(t *testing.T, signed, secret string) {
		s, err := signing.NewSigner(signing.Options{Secret: signing.SecretKey(secret), Salt: "django.core.signing"})
		if err != nil {
			return // an empty secret
		}
		value, _, err := s.Unsign(signed)
		switch {
		case err == nil && s.Sign(value) != signed:
			t.Errorf("%q was accepted as %q, which is signed as %q", signed, value, s.Sign(value))
		case err != nil && !errors.Is(err, signing.ErrBadSignature):
			t.Errorf("%q: %v, want ErrBadSignature", signed, err)
		}
	})
}

// FuzzSignUnsign: Unsign is the inverse of Sign, and of no other key's.
func FuzzSignUnsign(f *testing.F) {
	for _, row := range vectors.Table[signingRow](f, "signing", 500) {
		f.Add(row.Value, row.Secret, row.Salt, row.Sep, row.Algorithm == "sha1")
	}
	f.Fuzz(func(t *testing.T, value, secret, salt, separator string, sha1 bool) {
		o := signing.Options{Secret: signing.SecretKey(secret), Salt: salt, Separator: separator}
		if sha1 {
			o.Algorithm = signing.SHA1
		}
		s, err := signing.NewSigner(o)
		if err != nil {
			return
		}
		signed := s.Sign(value)
		if got, by, err := s.Unsign(signed); err != nil || got != value || by.Algorithm != o.Algorithm {
			t.Errorf("signed as %q, unsigned as %q by %v, %v, want %q", signed, got, by, err, value)
		}
		o.Secret = signing.SecretKey(secret + "x")
		if got, _, err := newSigner(t, o).Unsign(signed); !errors.Is(err, signing.ErrBadSignature) {
			t.Errorf("another key read %q, %v", got, err)
		}
	})
}

// FuzzLoads reads arbitrary values under a right signature.
func FuzzLoads(f *testing.F) {
	const limit = 1 << 10
	for _, row := range vectors.Table[signingRow](f, "signing", 500) {
		if value, _, found := strings.Cut(row.Signed, ":"); found && row.Kind == "dumps" {
			f.Add(value)
		}
	}
	o := signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt"}
	s, plain := newTimestampSigner(f, o), newSigner(f, o)
	f.Fuzz(func(t *testing.T, value string) {
		got, _, err := s.Loads([]byte("kept"), plain.Sign(value+":1xV6Ei"), limit)
		if err != nil && !errors.As(err, new(*signing.SyntaxError)) {
			t.Fatalf("%v, want a SyntaxError", err)
		}
		// What is too long is known after inflating one byte too many, or after decoding what was sent.
		if len(got) > len("kept")+max(limit+1, len(value)) || !bytes.HasPrefix(got, []byte("kept")) {
			t.Errorf("%d bytes that begin with %.4q", len(got), got)
		}
		want, ok := slowUnpack(value, limit)
		if ok != (err == nil) || ok && string(got[len("kept"):]) != want {
			t.Errorf("got %q, %v, want %q, %v", got, err, want, ok)
		}
	})
}

// slowUnpack does what Loads does after the signature, in the obvious way.
func slowUnpack(value string, limit int64) (string, bool) {
	text, compressed := strings.CutPrefix(value, ".")
	data, ok := slowBase64(text+strings.Repeat("=", -len(text)&3), "-_")
	if !ok {
		return "", false
	}
	if !compressed {
		return data, int64(len(data)) <= limit
	}
	r, err := zlib.NewReader(strings.NewReader(data))
	if err != nil || data[1]&0x20 != 0 {
		return "", false
	}
	inflated, err := io.ReadAll(io.LimitReader(r, limit+1))
	return string(inflated), err == nil && int64(len(inflated)) <= limit
}

// FuzzDecodeBase64 compares both decoders with a slow and obvious one.
func FuzzDecodeBase64(f *testing.F) {
	for _, row := range vectors.Table[base64Row](f, "base64", 500) {
		f.Add(row.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, ok := slowBase64(text+strings.Repeat("=", -len(text)&3), "-_")
		if got, err := signing.DecodeBase64(nil, text); (err == nil) != ok || ok && string(got) != want {
			t.Errorf("%q: %q, %v, want %q, %v", text, got, err, want, ok)
		}
		want, ok = slowBase64(text, "")
		if got, err := signing.DecodeLegacyBase64(nil, text); (err == nil) != ok || ok && string(got) != want {
			t.Errorf("legacy %q: %q, %v, want %q, %v", text, got, err, want, ok)
		}
	})
}

// slowBase64 is binascii.a2b_base64 in words: characters of no alphabet are dropped; the others are taken by fours,
// each four giving three bytes; "=" counts once two of four are there, and ends everything when it completes them;
// a four that nothing completes is an error. urlSafe holds two more names for the values 62 and 63.
func slowBase64(text, urlSafe string) (string, bool) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var out []byte
	var four []int
	pads := 0
	flush := func() {
		bits := 0
		for i := range 4 {
			bits <<= 6
			if i < len(four) {
				bits |= four[i]
			}
		}
		three := []byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}
		out = append(out, three[:len(four)-1]...)
		four = nil
	}
	for _, c := range []byte(text) {
		value := strings.IndexByte(alphabet, c)
		if i := strings.IndexByte(urlSafe, c); i >= 0 {
			value = 62 + i
		}
		switch {
		case c == '=' && len(four) >= 2:
			if pads++; len(four)+pads == 4 {
				flush()
				return string(out), true
			}
		case value >= 0:
			pads = 0
			if four = append(four, value); len(four) == 4 {
				flush()
			}
		}
	}
	return string(out), len(four) == 0
}
