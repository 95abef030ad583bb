package signing_test

import (
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// base64Row is what signing.b64_decode makes of a text, and with Legacy what base64.b64decode does; nil: it raises.
type base64Row struct {
	Text   string  `json:"text"`
	Bytes  *string `json:"bytes"`
	Legacy bool    `json:"legacy"`
}

func TestBase64AsPython(t *testing.T) {
	for _, row := range vectors.Table[base64Row](t, "base64", 500) {
		decode := signing.DecodeBase64
		if row.Legacy {
			decode = signing.DecodeLegacyBase64
		}
		got, err := decode([]byte("kept"), row.Text)
		switch {
		case row.Bytes == nil:
			if !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("%q, legacy %v: %q, %v, want a SyntaxError", row.Text, row.Legacy, got, err)
			}
		case err != nil || string(got) != "kept"+unhex(t, *row.Bytes):
			t.Errorf("%q, legacy %v: %q, %v, want %s in hexadecimal", row.Text, row.Legacy, got, err, *row.Bytes)
		}
	}
}

// base62Row is a timestamp: b62_encode(Value) where Encoded, otherwise b62_decode(Text), which raises for nil.
type base62Row struct {
	Text    string  `json:"text"`
	Value   *string `json:"value"`
	Encoded bool    `json:"encoded"`
}

// TestBase62AsPython reads and writes each number as the timestamp of a signed value.
func TestBase62AsPython(t *testing.T) {
	options := signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "salt"}
	signer, stamped := newSigner(t, options), newTimestampSigner(t, options)
	written := 0
	for _, row := range vectors.Table[base62Row](t, "base62", 150) {
		signed := signer.Sign("value:" + row.Text)
		value, _, err := stamped.Unsign(signed)
		if row.Value == nil {
			if !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("%q: %v, want a SyntaxError", row.Text, err)
			}
			continue
		}
		if err != nil || value != "value" {
			t.Errorf("%q: %q, %v, want %s", row.Text, value, err, *row.Value)
			continue
		}
		if n, err := strconv.ParseInt(*row.Value, 10, 64); err == nil && row.Encoded {
			written++
			if got := stamped.Sign("value", time.Unix(n, 0)); got != signed {
				t.Errorf("signed at %d: %s, want %s", n, got, signed)
			}
		}
		testAgeNear(t, stamped, signed, *row.Value)
	}
	if written < 10 {
		t.Errorf("%d numbers written, expected at least 10", written)
	}
}

// testAgeNear finds the timestamp that was read from how old it is allowed to be: just what it is, and no less.
func testAgeNear(t *testing.T, s *signing.TimestampSigner, signed, value string) {
	t.Helper()
	n, ok := new(big.Int).SetString(value, 10)
	if !ok {
		t.Fatalf("%q is no number", value)
	}
	stamp, _ := new(big.Float).SetInt(n).Float64()
	_, _, err := s.UnsignWithin(signed, 0, time.Unix(0, 0))
	switch {
	case math.IsInf(stamp, 0): // time.time() - int raises an OverflowError
		if !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("timestamp %s: %v, want a SyntaxError", value, err)
		}
	case (stamp < 0) != errors.Is(err, signing.ErrSignatureExpired):
		t.Errorf("timestamp %s at the time 0: %v", value, err)
	}
	if math.Abs(stamp) > 1<<50 {
		return // beyond what a time.Time holds to the second
	}
	at := time.Unix(n.Int64(), 0)
	if _, _, err := s.UnsignWithin(signed, time.Minute, at.Add(time.Minute)); err != nil {
		t.Errorf("timestamp %s after a minute: %v", value, err)
	}
	if _, _, err := s.UnsignWithin(signed, time.Minute, at.Add(61*time.Second)); !errors.Is(err, signing.ErrSignatureExpired) {
		t.Errorf("timestamp %s after 61 seconds: %v, want ErrSignatureExpired", value, err)
	}
}

// signingRow is something that Django signed; testdata/README.md says what each kind has.
type signingRow struct {
	Kind      string `json:"kind"`
	Secret    string `json:"secret"`
	Salt      string `json:"salt"`
	Sep       string `json:"sep"`
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
	Signed    string `json:"signed"`
	Time      int64  `json:"time"`
	Now       int64  `json:"now"`
	MaxAge    int64  `json:"max_age"`
	Expired   bool   `json:"expired"`
	Compress  bool   `json:"compress"`
}

func (r *signingRow) algorithm(tb testing.TB) signing.Algorithm {
	tb.Helper()
	for _, a := range []signing.Algorithm{signing.SHA256, signing.SHA1} {
		if a.String() == r.Algorithm {
			return a
		}
	}
	tb.Fatalf("unknown algorithm %q", r.Algorithm)
	return 0
}

func TestSigningAsDjango(t *testing.T) {
	kinds := map[string]int{}
	for _, row := range vectors.Table[signingRow](t, "signing", 500) {
		kinds[row.Kind]++
		options := signing.Options{Secret: signing.SecretKey(row.Secret), Salt: row.Salt, Separator: row.Sep, Algorithm: row.algorithm(t)}
		switch row.Kind {
		case "salted_hmac":
			testSaltedHMAC(t, &row)
		case "signer":
			s := newSigner(t, options)
			if got := s.Sign(row.Value); got != row.Signed {
				t.Errorf("signed %q as %q, want %q", row.Value, got, row.Signed)
			}
			if got, _, err := s.Unsign(row.Signed); err != nil || got != row.Value {
				t.Errorf("unsigned %q as %q, %v, want %q", row.Signed, got, err, row.Value)
			}
		case "timestamp":
			testTimestamp(t, newTimestampSigner(t, options), &row)
		case "dumps":
			testDumps(t, newTimestampSigner(t, options), &row)
		default:
			t.Fatalf("unknown kind %q", row.Kind)
		}
	}
	for _, kind := range []string{"salted_hmac", "signer", "timestamp", "dumps"} {
		if kinds[kind] < 90 {
			t.Errorf("%d rows of kind %s, expected at least 90", kinds[kind], kind)
		}
	}
}

func testSaltedHMAC(t *testing.T, row *signingRow) {
	t.Helper()
	s := signing.NewSaltedHMAC(row.algorithm(t), row.Salt, row.Secret)
	if got := hex.EncodeToString(s.Sum(row.Value)); got != row.Signed {
		t.Errorf("HMAC of %q: %s, want %s", row.Value, got, row.Signed)
	}
	if !s.VerifyHex(row.Value, row.Signed) {
		t.Errorf("HMAC of %q is not recognised", row.Value)
	}
}

func testTimestamp(t *testing.T, s *signing.TimestampSigner, row *signingRow) {
	t.Helper()
	if got := s.Sign(row.Value, time.Unix(row.Time, 0)); got != row.Signed {
		t.Errorf("signed %q as %q, want %q", row.Value, got, row.Signed)
	}
	if got, _, err := s.Unsign(row.Signed); err != nil || got != row.Value {
		t.Errorf("unsigned %q as %q, %v, want %q", row.Signed, got, err, row.Value)
	}
	got, _, err := s.UnsignWithin(row.Signed, time.Duration(row.MaxAge)*time.Second, time.Unix(row.Now, 0))
	if row.Expired {
		if !errors.Is(err, signing.ErrSignatureExpired) {
			t.Errorf("%d seconds old, at most %d: %v, want ErrSignatureExpired", row.Now-row.Time, row.MaxAge, err)
		}
	} else if err != nil || got != row.Value {
		t.Errorf("%d seconds old, at most %d: %q, %v, want %q", row.Now-row.Time, row.MaxAge, got, err, row.Value)
	}
}

func testDumps(t *testing.T, s *signing.TimestampSigner, row *signingRow) {
	t.Helper()
	payload, err := vectors.Latin1(row.Value)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Loads(nil, row.Signed, 1<<20)
	if err != nil || string(got) != payload {
		t.Errorf("loaded %q as %q, %v, want %q", row.Signed, got, err, payload)
	}
	ours := s.Dumps([]byte(payload), row.Compress, time.Unix(row.Time, 0))
	if !row.Compress && ours != row.Signed { // compressors differ
		t.Errorf("dumped %q as %q, want %q", payload, ours, row.Signed)
	}
	if got, _, err := s.Loads(nil, ours, 1<<20); err != nil || string(got) != payload {
		t.Errorf("loaded our own %q as %q, %v, want %q", ours, got, err, payload)
	}
}

func unhex(tb testing.TB, s string) string {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func newSigner(tb testing.TB, o signing.Options) *signing.Signer {
	tb.Helper()
	s, err := signing.NewSigner(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func newTimestampSigner(tb testing.TB, o signing.Options) *signing.TimestampSigner {
	tb.Helper()
	s, err := signing.NewTimestampSigner(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
