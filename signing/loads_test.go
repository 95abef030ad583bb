package signing_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"django-sidecar/signing"
)

var loader = signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt"}

func TestDumpsCompressesWhereThatIsShorter(t *testing.T) {
	s := newTimestampSigner(t, loader)
	for _, tt := range []struct {
		name     string
		data     string
		compress bool
		want     bool
	}{
		{"nothing", "", true, false},
		{"little", "{}", true, false},
		{"much of the same", strings.Repeat("a", 100), true, true},
		{"much of the same, as it is", strings.Repeat("a", 100), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dumped := s.Dumps([]byte(tt.data), tt.compress, at)
			if got := strings.HasPrefix(dumped, "."); got != tt.want {
				t.Errorf("compressed: %v, want %v", got, tt.want)
			}
			got, _, err := s.Loads([]byte("kept "), dumped, 100)
			if err != nil || string(got) != "kept "+tt.data {
				t.Errorf("loaded %q, %v", got, err)
			}
		})
	}
}

func TestLoadsWithin(t *testing.T) {
	s := newTimestampSigner(t, loader)
	dumped := s.Dumps([]byte("data"), true, at)
	if got, _, err := s.LoadsWithin(nil, dumped, 100, time.Minute, at.Add(time.Minute)); err != nil || string(got) != "data" {
		t.Errorf("a minute old: %q, %v", got, err)
	}
	if got, _, err := s.LoadsWithin(nil, dumped, 100, time.Minute, at.Add(2*time.Minute)); !errors.Is(err, signing.ErrSignatureExpired) || got != nil {
		t.Errorf("two minutes old: %q, %v, want ErrSignatureExpired", got, err)
	}
	_, _, err := s.LoadsWithin(nil, newSigner(t, loader).Sign("ZGF0YQ:"+strings.Repeat("z", 400)), 100, time.Minute, at)
	if !errors.As(err, new(*signing.SyntaxError)) { // an OverflowError in Python
		t.Errorf("a timestamp beyond every float: %v, want a SyntaxError", err)
	}
}

// TestLoadsBroken is about values that are rightly signed and broken. Python reads none of them.
func TestLoadsBroken(t *testing.T) {
	s, plain := newTimestampSigner(t, loader), newSigner(t, loader)
	packed := deflate(t, []byte(strings.Repeat("data", 50)))
	// 0xbb asks for a preset dictionary, and 00000001 says that it is the empty one.
	dictionary := append([]byte{0x78, 0xbb, 0, 0, 0, 1}, packed[2:]...)
	for _, tt := range []struct{ name, value string }{
		{"no timestamp", "ZGF0YQ"},
		{"an empty timestamp", "ZGF0YQ:"},
		{"a timestamp not in base 62", "ZGF0YQ:é"},
		{"broken base64", "ZGF0Y:1"},
		{"broken base64 in a compressed value", ".ZGF0Y:1"},
		{"nothing compressed", ".:1"},
		{"one byte compressed", ".eA:1"},
		{"compressed without being so", ".ZGF0YQ:1"},
		{"a stream cut short", "." + base64.RawURLEncoding.EncodeToString(packed[:len(packed)-1]) + ":1"},
		{"a wrong checksum", "." + base64.RawURLEncoding.EncodeToString(append(packed[:len(packed)-1:len(packed)-1], 0)) + ":1"},
		{"a preset dictionary", "." + base64.RawURLEncoding.EncodeToString(dictionary) + ":1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, by, err := s.Loads([]byte("kept"), plain.Sign(tt.value), 1000)
			if !errors.As(err, new(*signing.SyntaxError)) || errors.Is(err, signing.ErrBadSignature) {
				t.Errorf("got %q by %v, %v, want a SyntaxError", got, by, err)
			}
			// What failed leaves nothing behind for the next one.
			if got, _, err := s.Loads(nil, s.Dumps(bytes.Repeat([]byte("x"), 99), true, at), 1000); err != nil || len(got) != 99 {
				t.Errorf("the next value: %d bytes, %v", len(got), err)
			}
		})
	}
}

func TestTheLimitIsExact(t *testing.T) {
	s := newTimestampSigner(t, loader)
	for _, compress := range []bool{true, false} {
		dumped := s.Dumps(bytes.Repeat([]byte("x"), 1000), compress, at)
		if got, _, err := s.Loads(nil, dumped, 1000); err != nil || len(got) != 1000 {
			t.Errorf("compressed %v, at the limit: %d bytes, %v", compress, len(got), err)
		}
		if got, _, err := s.Loads(nil, dumped, 999); !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("compressed %v, beyond the limit: %d bytes, %v, want a SyntaxError", compress, len(got), err)
		}
		if got, _, err := s.Loads(nil, dumped, 0); !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("compressed %v, limit 0: %d bytes, %v, want a SyntaxError", compress, len(got), err)
		}
	}
}

// TestABombCostsNoMoreThanTheLimit measures what 8 MiB in 8 KiB cost.
func TestABombCostsNoMoreThanTheLimit(t *testing.T) {
	const limit, readers = 64 << 10, 64 << 10 // what a limit allows, and a zlib.Reader with its window
	s := newTimestampSigner(t, loader)
	bomb := s.Dumps(make([]byte, 8<<20), true, at)
	load := func() error {
		_, _, err := s.Loads(nil, bomb, limit)
		return err
	}
	if err := load(); !errors.As(err, new(*signing.SyntaxError)) {
		t.Fatalf("the bomb: %v, want a SyntaxError", err)
	}
	if got, most := allocated(load), uint64(4*limit+2*len(bomb)+readers); got > most {
		t.Errorf("the bomb costs %d bytes, want at most %d", got, most)
	}
	// With a wrong signature it costs nothing: the signature comes first.
	forged := bomb[:len(bomb)-1] + next(bomb[len(bomb)-1])
	load = func() error {
		_, _, err := s.Loads(nil, forged, limit)
		return err
	}
	if err := load(); !errors.Is(err, signing.ErrBadSignature) {
		t.Fatalf("the forged bomb: %v, want ErrBadSignature", err)
	}
	if got := allocated(load); got > 8<<10 {
		t.Errorf("the forged bomb costs %d bytes, want next to nothing", got)
	}
}

// allocated returns how many bytes f allocates, on the average of some runs.
func allocated(f func() error) uint64 {
	const runs = 8
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		_ = f() // which error it is has been looked at
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// TestAnyByteInBase64 puts each byte at each place of a text, which is read by eight characters at a time.
func TestAnyByteInBase64(t *testing.T) {
	for c := range 256 {
		for at := range 18 {
			text := "QUJDREVGR0hJSktMTU5P"[:at] + string([]byte{byte(c)}) + "UVJTVFVWV"
			for _, decoder := range []struct {
				name    string
				decode  func([]byte, string) ([]byte, error)
				padding string
				urlSafe string
			}{
				{"DecodeBase64", signing.DecodeBase64, strings.Repeat("=", -len(text)&3), "-_"},
				{"DecodeLegacyBase64", signing.DecodeLegacyBase64, "", ""},
			} {
				want, ok := slowBase64(text+decoder.padding, decoder.urlSafe)
				got, err := decoder.decode([]byte("kept"), text)
				if (err == nil) != ok || ok && string(got) != "kept"+want {
					t.Errorf("%s(%q): %q, %v, want %q, %v", decoder.name, text, got, err, "kept"+want, ok)
				}
			}
		}
	}
}

func deflate(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
