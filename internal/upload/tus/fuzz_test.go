package tus_test

import (
	"math/big"
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/upload/tus"
)

// FuzzMetadata: what is accepted can be sent back in a header, and says the same then.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{"filename d29ybGQucGRm,is_confidential", "a,a", "a YQ==, b", "filename /w==", ",", "a YR=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		m, err := tus.ParseMetadata(header)
		if err != nil {
			return
		}
		if strings.ContainsAny(header, "\r\n\x00") {
			t.Fatalf("%q is no header", header)
		}
		again, err := tus.ParseMetadata(header)
		if err != nil || len(again) != len(m) || tus.Filename(again) != tus.Filename(m) {
			t.Fatalf("%v, then %v, %v", m, again, err)
		}
		if header != "" && len(m) != 1+strings.Count(header, ",") {
			t.Fatalf("%q has %d pairs", header, len(m))
		}
	})
}

// FuzzDecimal: a number is read as math/big reads it, if it is one of digits and fits.
func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"0", "9223372036854775807", "9223372036854775808", "-1", "+1", "1_0", "٣", "", "00", " 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := tus.ParseDecimal(s)
		want, isNumber := new(big.Int).SetString(s, 10)
		isNumber = isNumber && strings.Trim(s, "0123456789") == "" && want.IsInt64()
		if ok != isNumber || ok && got != want.Int64() {
			t.Fatalf("%q: got %d, %t, want %v", s, got, ok, want)
		}
	})
}

// FuzzChecksum never panics, whatever the header is.
func FuzzChecksum(f *testing.F) {
	for _, seed := range []string{"sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "sha1", "", "md5  ", "sha256 =", "SHA1 x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := tus.ChecksumOf(http.Header{"Upload-Checksum": {value}})
		if (c == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", value, c, err)
		}
	})
}

// FuzzState: what is read of a document has an owner, and is read the same when it is written.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"owner":"1","length":10,"offset":4,"expires":"2026-11-23T00:00:00Z","metadata":"filename YS50eHQ=","hash":"YQ=="}`))
	f.Add([]byte(`{"version":1,"owner":"1","length":-1,"offset":4,"expires":"2026-11-23T00:00:00Z"}`))
	f.Add([]byte(`{"version":1,"owner":"1","length":3,"offset":3,"expires":"2026-11-23T00:00:00Z","name":"up/a","sha256":"ab","finished":true}`))
	f.Add([]byte(`{"version":1,"owner":"1","length":3,"offset":3,"expires":"2026-11-23T00:00:00Z","name":"../a","finished":true}`))
	f.Add([]byte(`{"version":1,"length":3,"offset":3}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		owner, written, err := tus.ReadState(document)
		if err != nil {
			return
		}
		if owner == "" {
			t.Fatalf("%q has no owner", document)
		}
		again, twice, err := tus.ReadState(written)
		if err != nil || again != owner || string(twice) != string(written) {
			t.Fatalf("%q, then %q, %v", written, twice, err)
		}
	})
}
