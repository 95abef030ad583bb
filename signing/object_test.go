package signing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// objectRow is an object that a Django has signed with its JSONSerializer, and what the same Django reads: the object,
// or the name of an exception.
type objectRow struct {
	Secret    string          `json:"secret"`
	Fallbacks []string        `json:"fallbacks"`
	Algorithm string          `json:"algorithm"`
	Kind      string          `json:"kind"` // dumps, loads (signed by hand) or sign_object
	Salt      string          `json:"salt"`
	Compress  bool            `json:"compress"`
	Made      json.RawMessage `json:"made"`
	Signed    string          `json:"signed"`
	Time      int64           `json:"time"`
	Now       int64           `json:"now"`
	MaxAge    *int64          `json:"max_age"`
	Object    json.RawMessage `json:"object"`
	Error     string          `json:"error"`
}

func (r *objectRow) options(version string) signing.Options {
	algorithm := signing.SHA256
	if r.Algorithm == "sha1" {
		algorithm = signing.SHA1
	}
	o := djangosession.MustVersion(version).SignerOptions(signing.SecretKey(r.Secret), signing.SecretKeys(r.Fallbacks...), algorithm)
	if o.Salt = r.Salt; o.Salt == signing.DumpsSalt {
		o.Salt = "" // which means that one
	}
	return o
}

func (r *objectRow) maxAge() time.Duration {
	if r.MaxAge == nil {
		return signing.AnyAge
	}
	return time.Duration(*r.MaxAge) * time.Second
}

// TestObjectsAsDjango: what each Django dumps is loaded as it loads it, or refused as it refuses it, and what is dumped
// here is what it dumps, to the byte where nothing is compressed.
func TestObjectsAsDjango(t *testing.T) {
	for version, rows := range vectors.Library[objectRow](t, "objects", 100) {
		for _, row := range rows {
			testObject(t, version, &row)
		}
	}
}

func testObject(t *testing.T, version string, row *objectRow) {
	t.Helper()
	o := row.options(version)
	var got, again any
	var err error
	mine := row.Signed
	if row.Kind == "sign_object" {
		s := newSigner(t, o)
		if mine, err = s.SignObject(plain(t, row.Made), row.Compress); err != nil {
			t.Fatal(err)
		}
		_, err = s.UnsignObject(row.Signed, &got)
	} else {
		if row.Kind == "dumps" {
			if mine, err = signing.Dumps(o, plain(t, row.Made), row.Compress, time.Unix(row.Time, 0)); err != nil {
				t.Fatal(err)
			}
			if _, err = signing.Loads(o, mine, &again, signing.AnyAge, time.Unix(row.Now, 0)); err != nil || !reflect.DeepEqual(again, plain(t, row.Made)) {
				t.Errorf("Django %s: dumped %s as %q, which is loaded as %v, %v", version, row.Made, mine, again, err)
			}
		}
		_, err = signing.Loads(o, row.Signed, &got, row.maxAge(), time.Unix(row.Now, 0))
	}
	if mine != row.Signed && (!row.Compress || !strings.HasPrefix(mine, ".")) { // compressors differ
		t.Errorf("Django %s: %s, compress %v, is %q, want %q", version, row.Made, row.Compress, mine, row.Signed)
	}
	expired := errors.Is(err, signing.ErrSignatureExpired)
	switch {
	case row.Error == "":
		if err != nil || !reflect.DeepEqual(got, plain(t, row.Object)) {
			t.Errorf("Django %s: %q is %v, %v, want %s", version, row.Signed, got, err, row.Object)
		}
	case row.Error == "SignatureExpired" && !expired, row.Error == "BadSignature" && (expired || !errors.Is(err, signing.ErrBadSignature)):
		t.Errorf("Django %s: %q is %v, %v, want %s", version, row.Signed, got, err, row.Error)
	}
}

// plain is the object of a row, with its numbers as they are.
func plain(t *testing.T, object json.RawMessage) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestObjectsThatGoHasNot: what only Python reads is refused, and what is read is read as Python does.
func TestObjectsThatGoHasNot(t *testing.T) {
	o := signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "shop", MaxBytes: 100}
	s, stamped := newSigner(t, o), newTimestampSigner(t, o)
	now := time.Unix(1795348800, 0)
	for data, want := range map[string]any{
		"\"\xe9\xff\"":                        "éÿ",
		` [1,"2"] `:                           []any{json.Number("1"), "2"},
		`"\ud83d\ude00\\ud800"`:               `😀\ud800`,
		`{"a":1,"a":2}`:                       map[string]any{"a": json.Number("2")},
		`NaN`:                                 nil,
		`[Infinity]`:                          nil,
		`"\ud800"`:                            nil,
		`"\ude00\ud83d"`:                      nil,
		`"\ud83d\ud83d\ude00"`:                nil,
		`"\\\ud800"`:                          nil,
		`"\ud800\`:                            nil,
		`{} {}`:                               nil,
		`{`:                                   nil,
		``:                                    nil,
		`"` + strings.Repeat("x", 99) + `"`:   nil,
		`"` + strings.Repeat("x", 98) + `"`:   strings.Repeat("x", 98),
		`"` + strings.Repeat("x", 9999) + `"`: nil,
	} {
		for _, compress := range []bool{false, true} {
			var got any
			_, err := stamped.UnsignObject(stamped.Dumps([]byte(data), compress, now), &got, time.Minute, now)
			if want == nil {
				if !errors.As(err, new(*signing.SyntaxError)) {
					t.Errorf("%.40q: %v, %v, want a SyntaxError", data, got, err)
				}
			} else if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%.40q: %v, %v, want %v", data, got, err, want)
			}
		}
	}
	var number int8
	secret := stamped.Dumps([]byte(`4711`), false, now)
	if _, err := stamped.UnsignObject(secret, &number, signing.AnyAge, now); !errors.As(err, new(*signing.SyntaxError)) || strings.Contains(err.Error(), "4711") {
		t.Errorf("a number that does not fit: %v", err)
	}
	if _, err := stamped.UnsignObject(secret, number, signing.AnyAge, now); err == nil || errors.As(err, new(*signing.SyntaxError)) {
		t.Errorf("no pointer: %v", err)
	}
	for _, object := range []any{"\xff", math.NaN(), func() {}, strings.Repeat("x", 99)} {
		if text, err := s.SignObject(object, false); err == nil {
			t.Errorf("%.10v is signed as %q", object, text)
		}
	}
	if _, err := signing.Dumps(signing.Options{}, 1, false, now); err == nil {
		t.Error("signed without a secret")
	}
	if _, err := signing.Loads(signing.Options{}, secret, &number, signing.AnyAge, now); err == nil {
		t.Error("read without a secret")
	}
}

// TestAges: a maxAge of 0 accepts nothing that is older than now, AnyAge whatever a timestamp says.
func TestAges(t *testing.T) {
	s := newTimestampSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "shop"})
	now := time.Unix(1795348800, 0)
	for at, want := range map[time.Time][2]bool{
		now: {true, true}, now.Add(-time.Second): {false, true}, now.Add(time.Second): {true, true},
		time.Unix(math.MinInt64/2, 0): {false, true},
	} {
		signed, err := s.SignObject(1, false, at)
		if err != nil {
			t.Fatal(err)
		}
		for i, maxAge := range []time.Duration{0, signing.AnyAge} {
			var got int
			if _, err := s.UnsignObject(signed, &got, maxAge, now); (err == nil) != want[i] || err == nil && got != 1 {
				t.Errorf("signed at %s, at most %s old: %d, %v", at, maxAge, got, err)
			}
		}
	}
}

// FuzzObjects: what is signed is read again.
func FuzzObjects(f *testing.F) {
	f.Add("hello", int64(42), true)
	f.Add("é\x00\u2028\U0001f600\\", int64(-1), false)
	f.Fuzz(func(t *testing.T, text string, number int64, compress bool) {
		type object struct {
			Text   string
			Number int64
			Any    map[string]any
		}
		s := newSigner(t, signing.Options{Secret: signing.SecretKey("s3cret"), Salt: "shop"})
		want := object{text, number, map[string]any{text: text}}
		signed, err := s.SignObject(want, compress)
		if err != nil {
			return // no UTF-8, or too large
		}
		var got object
		if _, err := s.UnsignObject(signed, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v is signed as %q, and read as %+v, %v", want, signed, got, err)
		}
	})
}
