package djangocache

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"django-sidecar/djangosession/cachestore"
	"django-sidecar/signing"
)

const testMax = 1 << 16

// TestPyInt: what int() of CPython 3.13 says of bytes.
func TestPyInt(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "-7": true, "+7": true, " 42\r\n": true, "1_000": true, "007": true, "\v1\f": true,
		strings.Repeat("9", 4300): true, strings.Repeat("9", 4301): false,
		"": false, " ": false, "-": false, "+-1": false, "1__0": false, "_1": false, "1_": false, "1 0": false, "- 1": false,
		"0x10": false, "1.0": false, "१": false, "\x001": false, "{}": false,
	} {
		if got := isPyInt([]byte(s)); got != want {
			t.Errorf("%.20q: %v", s, got)
		}
	}
}

func pack(t *testing.T, w io.WriteCloser, out *bytes.Buffer, data []byte) []byte {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compressed(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	switch name {
	case "zlib":
		return pack(t, zlib.NewWriter(&out), &out, data)
	case "gzip":
		return pack(t, gzip.NewWriter(&out), &out, data)
	case "lz4":
		return pack(t, lz4.NewWriter(&out), &out, data)
	}
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, w, &out, data)
}

func formatOf(t *testing.T, compressor, serializer string) redisFormat {
	t.Helper()
	f, _, err := newRedisFormat(&settings{values: map[string]string{"compressor": compressor, "serializer": serializer}}, testMax)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCompressors(t *testing.T) {
	value := []byte(`{"_auth_user_id": "1", "text": "` + strings.Repeat("text ", 100) + `"}`)
	for _, name := range []string{"zlib", "gzip", "lz4", "zstd"} {
		t.Run(name, func(t *testing.T) {
			f := formatOf(t, name, "json")
			for what, stored := range map[string][]byte{
				"compressed":                         compressed(t, name, value),
				"too little to be compressed":        []byte(`{}`),
				"not compressed, though it is large": value,
			} {
				want := value
				if len(stored) == 2 {
					want = stored
				}
				if got, err := f.decode(stored); err != nil || string(got) != string(want) {
					t.Errorf("%s: %.40q, %v", what, got, err)
				}
			}
			for what, size := range map[string]int{"a bomb": 1 << 20, "a byte too many": testMax + 1} {
				got, err := f.decode(compressed(t, name, make([]byte, size)))
				if !errors.As(err, new(*signing.SyntaxError)) {
					t.Errorf("%s: %d bytes, %v", what, len(got), err)
				}
			}
			if got, err := f.decode(compressed(t, name, make([]byte, testMax))); err == nil && len(got) != testMax {
				t.Errorf("as many bytes as are allowed: %d, %v", len(got), err)
			}
			if _, err := f.decode([]byte("42")); !errors.Is(err, cachestore.ErrNotDict) {
				t.Errorf("an integer: %v", err)
			}
		})
	}
}

// TestTextsOfJSON: what reads the JSON takes its bytes for Latin-1.
func TestTextsOfJSON(t *testing.T) {
	const want = `{"a":"\uff10\u00e9\ud83d\ude00"}`
	for serializer, in := range map[string]string{
		"json": `{"a":"０é😀"}`, "msgpack": "\x81\xa1a\xa9０é😀",
	} {
		f, _, err := newRedisFormat(&settings{values: map[string]string{"serializer": serializer}}, testMax)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.decode([]byte(in)); string(got) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", serializer, got, err, want)
		}
	}
}

func TestMsgpack(t *testing.T) {
	for in, want := range map[string]string{
		"\x80":                               "{}",
		"\x81\xa1a\x01":                      `{"a":1}`,
		"\x82\xa1a\xff\xd9\x01b\xd1\xff\x00": `{"a":-1,"b":-256}`,
		"\x81\xa1a\xcf\xff\xff\xff\xff\xff\xff\xff\xff": `{"a":18446744073709551615}`,
		"\x81\xa1a\xd3\x80\x00\x00\x00\x00\x00\x00\x00": `{"a":-9223372036854775808}`,
		"\x81\xa1a\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00": `{"a":1.0}`,
		"\x81\xa1a\xca\xff\x80\x00\x00":                 `{"a":-Infinity}`,
		"\x81\xa1a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00": `{"a":NaN}`,
		"\x81\xa1a\x93\xc0\xc2\xc3":                     `{"a":[null,false,true]}`,
		"\xde\x00\x01\xa2\xc3\xa9\xdc\x00\x00":          `{"é":[]}`,
		"\x81\xa1a\xa1\"":                               `{"a":"\""}`,
		"\x82\xc4\x01a\x01\xa1b\x02":                    `{"b":2}`, // a name that is bytes
		"\x82\xa1b\x02\xc4\x01a\x01":                    `{"b":2}`,
		"\x81\xa1a\xc4\x02xx":                           `{"a":null}`,
		"\x81\xa1a\xd6\xff\x00\x00\x00\x00":             `{"a":null}`, // a timestamp
		"\x81\xa1a\xc7\x01\x05x":                        `{"a":null}`,
		"\xc0":                                          "null",
		"\x07":                                          "not a dict", "\x90": "not a dict", "\xa1x": "not a dict", "\xc4\x01x": "not a dict", "\xd4\x01x": "not a dict",
		"": "refused", "\xc1": "refused", "\x81": "refused", "\x81\x01\x01": "refused", "\x81\xc0\x01": "refused",
		"\x81\xa1a": "refused", "\x80\x80": "refused", "\xa1\xff": "refused", "\xdf\xff\xff\xff\xff": "refused",
		"\xdd\xff\xff\xff\xff\x00": "refused", "\xc6\xff\xff\xff\xffx": "refused", "\xdb\xff\xff\xff\xffx": "refused",
		"\x81\xa1a" + strings.Repeat("\x91", 600) + "\xc0": "refused",
	} {
		got, err := msgpackToJSON([]byte(in), testMax)
		outcome := string(got)
		switch {
		case errors.Is(err, cachestore.ErrNotDict):
			outcome = "not a dict"
		case errors.As(err, new(*signing.SyntaxError)):
			outcome = "refused"
		case err != nil:
			outcome = err.Error()
		}
		if outcome != want {
			t.Errorf("% x: got %q, want %q", in, outcome, want)
		}
	}
}

func FuzzMsgpack(f *testing.F) {
	for _, seed := range []string{"\x80", "\x82\xa1a\xff\xd9\x01b\xd1\xff\x00", "\x81\xa1a\x93\xc0\xc2\xc3", "\xde\x00\x01\xa2\xc3\xa9\xdc\x00\x00", "\x81\xc4\x01a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := msgpackToJSON(data, 1<<12)
		switch {
		case err != nil && !errors.As(err, new(*signing.SyntaxError)):
			t.Errorf("an error of another kind: %v", err)
		case err == nil && (len(out) == 0 || out[0] != '{' && string(out) != "null"):
			t.Errorf("no object: %q", out)
		case len(out) > 6*len(data)+1<<12+64:
			t.Errorf("%d bytes become %d", len(data), len(out))
		}
	})
}

func TestMemcachedFlags(t *testing.T) {
	value := []byte("a pickle")
	for name, tt := range map[string]struct {
		value []byte
		flags uint32
		want  string
	}{
		"a pickle":            {value, flagPickle, "a pickle"},
		"a compressed pickle": {compressed(t, "zlib", value), flagPickle | flagCompressed, "a pickle"},
		"bytes":               {value, 0, "not a dict"},
		"compressed bytes":    {compressed(t, "zlib", value), flagCompressed, "not a dict"},
		"an integer":          {[]byte("42"), flagInteger, "not a dict"},
		"a long":              {[]byte("42"), flagLong, "not a dict"},
		"a text":              {value, flagText, "not a dict"},
		"broken":              {value, flagPickle | flagCompressed, "refused"},
		"a bomb":              {compressed(t, "zlib", make([]byte, 1<<20)), flagPickle | flagCompressed, "refused"},
		"other flags":         {value, 1 << 5, "refused"},
	} {
		got, err := decodeMemcached(tt.value, tt.flags, testMax)
		outcome := string(got)
		switch {
		case errors.Is(err, cachestore.ErrNotDict):
			outcome = "not a dict"
		case errors.As(err, new(*signing.SyntaxError)):
			outcome = "refused"
		}
		if outcome != tt.want {
			t.Errorf("%s: got %.40q, want %q", name, outcome, tt.want)
		}
	}
}

func TestMemcachedKeys(t *testing.T) {
	for key, want := range map[string]bool{
		":1:django.contrib.sessions.cache0123": true, strings.Repeat("k", 250): true, strings.Repeat("k", 251): false,
		strings.Repeat("é", 125): true, strings.Repeat("é", 126): false, "a b": false, "a\x7f": false, "a\n": false, "\u0085": true, "a\u00a0b": true,
	} {
		if got := validMemcachedKey(key); got != want {
			t.Errorf("%.20q: %v", key, got)
		}
	}
}

// endless is a bomb that counts how much of it has gone off.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	if e.read > 2*testMax {
		return 0, io.EOF
	}
	return len(b), nil
}

func TestNoMoreIsInflatedThanAllowed(t *testing.T) {
	var bomb endless
	if _, err := readBounded(&bomb, testMax); !errors.As(err, new(*signing.SyntaxError)) {
		t.Errorf("got %v", err)
	}
	if bomb.read > testMax+1 {
		t.Errorf("%d bytes were read, of %d that are allowed", bomb.read, testMax)
	}
}
