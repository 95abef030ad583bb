package djangosession_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

func TestNewCodecRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    djangosession.CodecConfig
	}{
		{"nothing at all", djangosession.CodecConfig{}},
		{"no version", djangosession.CodecConfig{SecretKey: signing.SecretKey(secret)}},
		{"no secret", djangosession.CodecConfig{Version: parseVersion(t, "5.2")}},
		{"an empty fallback", djangosession.CodecConfig{
			Version: parseVersion(t, "5.2"), SecretKey: signing.SecretKey(secret), SecretKeyFallbacks: signing.SecretKeys(""),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := djangosession.NewCodec(tt.c); err == nil {
				t.Errorf("got %v", c)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestEncodeDecode(t *testing.T) {
	values := map[string]any{
		"_auth_user_id": "42", "_auth_user_backend": backend, "_auth_user_hash": "0123",
		"text": "é\u0416\u540d😀\x00\x7f\u2028<&>\"\\\n", "number": 1.5, "nothing": nil, "list": []any{true, "a"},
		"long": strings.Repeat("lorem ipsum ", 100),
	}
	for _, version := range versions {
		for _, algorithm := range []signing.Algorithm{signing.SHA256, signing.SHA1} {
			codec := newCodec(t, version, func(c *djangosession.CodecConfig) { c.HashingAlgorithm = algorithm })
			data, err := codec.Encode(values, now)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(data, func(r rune) bool { return r > '~' }) {
				t.Errorf("Django %s: not ASCII: %q", version, data)
			}
			s, err := codec.Decode(data)
			if err != nil {
				t.Errorf("Django %s with %s: %v", version, algorithm, err)
				continue
			}
			for name, want := range values {
				if text, isText := want.(string); isText {
					if got, _ := s.Lookup(name).Text(); got != text {
						t.Errorf("Django %s: %s is %q, want %q", version, name, got, text)
					}
				}
			}
			for name, want := range map[string]string{"number": "1.5", "nothing": "null", "list": `[true,"a"]`, "missing": ""} {
				if got := s.Lookup(name).JSON(); got != want {
					t.Errorf("Django %s: %s is %s, want %s", version, name, got, want)
				}
			}
			if _, err := newCodec(t, version, func(c *djangosession.CodecConfig) { c.SecretKey = signing.SecretKey("other") }).Decode(data); !errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("Django %s with another key: %v, want ErrBadSignature", version, err)
			}
		}
	}
}

// TestEncodeWritesTheVersionsForm: which form, and that Django's other settings do not change it.
func TestEncodeWritesTheVersionsForm(t *testing.T) {
	const payload = `{"a":"\u007f\u00e9"}`
	for _, version := range versions {
		for _, algorithm := range []signing.Algorithm{signing.SHA256, signing.SHA1} {
			codec := newCodec(t, version, func(c *djangosession.CodecConfig) { c.HashingAlgorithm = algorithm })
			got, err := codec.Encode(map[string]any{"a": "\x7fé"}, now)
			if err != nil {
				t.Fatal(err)
			}
			want := modern(t, secret, signing.SHA256, payload)
			if old := version < "3.1"; old || version < "4" && algorithm == signing.SHA1 {
				want = legacy(secret, payload)
			}
			if got != want {
				t.Errorf("Django %s with %s: %s, want %s", version, algorithm, got, want)
			}
		}
	}
}

func TestEncodeNothingAndTheImpossible(t *testing.T) {
	codec := newCodec(t, "5.2")
	data, err := codec.Encode(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := codec.Decode(data); err != nil || s.JSON() != "{}" {
		t.Errorf("nothing is read as %v, %v, want {}", s, err)
	}
	for _, v := range []any{func() {}, math.NaN(), make(chan int)} {
		if data, err := codec.Encode(map[string]any{"a": v}, now); err == nil {
			t.Errorf("%T was written as %s", v, data)
		}
	}
}

func TestStoreClass(t *testing.T) {
	encode := func(version, class string) string {
		data, err := newCodec(t, version, func(c *djangosession.CodecConfig) { c.StoreClass = class }).Encode(nil, now)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, version := range versions {
		for _, class := range []string{"", "SessionStore", "CustomStore", "Outer.SessionStore"} {
			_, err := newCodec(t, version).Decode(encode(version, class))
			// The legacy salt has the __name__ of a class in it, the last part of its __qualname__.
			same := class == "" || class == "SessionStore" || class == "Outer.SessionStore" && version < "3.1"
			if same != (err == nil) || !same && !errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("Django %s, a session of class %q: %v", version, class, err)
			}
		}
	}
}

func TestDecodeBroken(t *testing.T) {
	for _, tt := range []struct {
		name string
		data string
	}{
		{"an empty payload", modern(t, secret, signing.SHA256, "")},
		{"no JSON", modern(t, secret, signing.SHA256, "session")},
		{"a list", modern(t, secret, signing.SHA256, "[]")},
		{"null", modern(t, secret, signing.SHA256, "null")},
		{"an unclosed object", modern(t, secret, signing.SHA256, `{"a":1`)},
		{"more than an object", modern(t, secret, signing.SHA256, `{"a":1}{}`)},
		{"a legacy list", legacy(secret, "[]")},
	} {
		for _, version := range []string{"3.2", "5.2"} {
			if version == "5.2" && tt.name == "a legacy list" {
				continue // which is a bad signature there
			}
			t.Run(tt.name+", Django "+version, func(t *testing.T) {
				s, err := newCodec(t, version).Decode(tt.data)
				if !errors.As(err, new(*signing.SyntaxError)) || errors.Is(err, signing.ErrBadSignature) || s != nil {
					t.Errorf("got %v, %v, want a SyntaxError", s, err)
				}
				if err != nil && (strings.Contains(err.Error(), tt.data) || strings.Contains(err.Error(), secret)) {
					t.Errorf("the error shows what it must not: %v", err)
				}
			})
		}
	}
}

func TestMaxBytes(t *testing.T) {
	small := func(c *djangosession.CodecConfig) { c.MaxBytes = 2000 }
	bomb := modern(t, secret, signing.SHA256, `{"a":"`+strings.Repeat("a", 100000)+`"}`)
	if len(bomb) > 2000 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for _, tt := range []struct {
		name string
		data string
		ok   bool
	}{
		{"inflated beyond it", bomb, false},
		{"longer than it", strings.Repeat("a", 2001), false},
		{"a legacy session longer than it", legacy(secret, `{"a":"`+strings.Repeat("a", 2000)+`"}`), false},
		{"within it", modern(t, secret, signing.SHA256, `{"a":"`+strings.Repeat("a", 1900)+`"}`), true},
		{"a legacy session within it", legacy(secret, `{"a":"`+strings.Repeat("a", 1000)+`"}`), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := newCodec(t, "3.2", small).Decode(tt.data)
			if tt.ok != (err == nil) || !tt.ok && !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("got %v, %v, want it read: %v", s, err, tt.ok)
			}
		})
	}
	for _, zero := range []int{0, -1} { // both mean the default
		codec := newCodec(t, "5.2", func(c *djangosession.CodecConfig) { c.MaxBytes = zero })
		if _, err := codec.Decode(bomb); err != nil {
			t.Errorf("MaxBytes %d: %v", zero, err)
		}
		if _, err := codec.Decode(modern(t, secret, signing.SHA256, `{"a":"`+strings.Repeat("a", djangosession.DefaultMaxBytes)+`"}`)); err == nil {
			t.Errorf("MaxBytes %d has no bound", zero)
		}
	}
}

func TestValues(t *testing.T) {
	type entry struct {
		Kind djangosession.Kind
		JSON string
		Text string
	}
	s, err := decode(t, "5.2", `{"a": "x", "b":null,"c":true,"d":-0,"e":1e999,"f":NaN,"g":[1, 2],"h":{"a":1},"a":"\u00e9\ud83d\ude00\ud800","\u0069":"é"}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]entry{
		"a": {djangosession.String, `"\u00e9\ud83d\ude00\ud800"`, "é😀\xed\xa0\x80"}, // the last one of the name
		"b": {djangosession.Null, "null", ""},
		"c": {djangosession.Bool, "true", ""},
		"d": {djangosession.Int, "-0", ""},
		"e": {djangosession.Float, "1e999", ""},
		"f": {djangosession.Float, "NaN", ""},
		"g": {djangosession.Array, "[1, 2]", ""},
		"h": {djangosession.Object, `{"a":1}`, ""},
		"i": {djangosession.String, `"é"`, "Ã©"}, // Latin-1
		"j": {djangosession.Missing, "", ""},
	} {
		v := s.Lookup(name)
		text, isText := v.Text()
		if diff := cmp.Diff(want, entry{v.Kind(), v.JSON(), text}); diff != "" || isText != (want.Kind == djangosession.String) {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if v := new(djangosession.Session).Lookup("a"); v != (djangosession.Value{}) {
		t.Errorf("the zero Session has %v", v)
	}
}

// TestDecodeConcurrently has goroutines decode sessions of their own. What is kept between uses they share, and no session
// may be of what another one is made of.
func TestDecodeConcurrently(t *testing.T) {
	const goroutines, each = 8, 24
	codec := newCodec(t, "3.2")
	var wg sync.WaitGroup
	for g := range goroutines {
		var texts, data []string
		for i := range each {
			id := strconv.Itoa(1000*g + i)
			text := `{"_auth_user_id":"` + id + `","cart":"` + strings.Repeat(id, i) + `"}`
			texts = append(texts, text)
			data = append(data, plain(t, text), modern(t, secret, signing.SHA256, text), legacy(secret, text))
		}
		wg.Go(func() {
			var sessions []*djangosession.Session
			for _, d := range data {
				s, err := codec.Decode(d)
				if err != nil {
					t.Errorf("%s: %v", d, err)
					return
				}
				sessions = append(sessions, s)
				if s, err := codec.Decode(d[1:]); s != nil || !isUnreadable(err) {
					t.Errorf("%s: %v, %v, want it refused", d[1:], s, err)
				}
			}
			for i, s := range sessions {
				id, _ := s.AuthUserID.Text()
				if s.JSON() != texts[i/3] || id != strconv.Itoa(1000*g+i/3) {
					t.Errorf("user %s in %s, want %s", id, s.JSON(), texts[i/3])
				}
			}
		})
	}
	wg.Wait()
}

// TestAnyByteInAString puts each byte at each place of a string, which is read by eight bytes at a time.
func TestAnyByteInAString(t *testing.T) {
	for c := range 256 {
		for at := range 18 {
			text := strings.Repeat("a", at) + string([]byte{byte(c)}) + "bcdefg"
			s, err := djangosession.ParseSession([]byte(`{"_auth_user_id":"`+text+`"}`), djangosession.JSON, parseVersion(t, "5.2"), 100)
			if c < 0x20 || c == '"' { // the backslash stands before a b
				if err == nil {
					t.Errorf("%q: %s, want it refused", text, s.JSON())
				}
				continue
			}
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			want := strings.Repeat("a", at) + string(rune(c)) + "bcdefg" // the byte is the code point
			if c == '\\' {
				want = strings.Repeat("a", at) + "\bcdefg"
			}
			if got, ok := s.AuthUserID.Text(); !ok || got != want {
				t.Errorf("%q: %q, %v, want %q", text, got, ok, want)
			}
		}
	}
}
