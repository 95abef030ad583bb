package pickle_test

import (
	"testing"
	"time"

	"django-sidecar/internal/pickle"
)

func load(tb testing.TB, data string) pickle.Object {
	tb.Helper()
	v, err := pickle.Loads(data)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestNothing(t *testing.T) {
	var v pickle.Object
	if v.Type() != pickle.Missing || v.Class() != "" || v.Text() != "" || v.Len() != 0 || v.Lookup("a") != v || v.BigInt().Sign() != 0 {
		t.Error("the zero Value has something")
	}
	if _, ok := v.Str(); ok {
		t.Error("the zero Value has a text")
	}
	ask(v, 1)
}

func TestScalars(t *testing.T) {
	list := load(t, "(\x88K\x05\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x80F1.5\nU\x01aC\x01bcuuid\nUUID\n)\x81}U\x03int\x8a\x11\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00sbccart\nCart\n)Rl.")
	at := func(i int, k pickle.Type, class string) pickle.Object {
		t.Helper()
		v := list.At(i)
		if v.Type() != k || v.Class() != class {
			t.Errorf("%d is of kind %d and class %s, want %d and %s", i, v.Type(), v.Class(), k, class)
		}
		return v
	}
	if !at(0, pickle.Bool, "bool").Bool() {
		t.Error("True is not true")
	}
	if n, ok := at(1, pickle.Int, "int").Int64(); n != 5 || !ok {
		t.Errorf("5 is %d, %v", n, ok)
	}
	long := at(2, pickle.Int, "int")
	if _, ok := long.Int64(); ok {
		t.Error("an integer of 72 bits has 64")
	}
	if got, want := long.BigInt().String(), "-2342736497361113055233"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if f := at(3, pickle.Float, "float").Float(); f != 1.5 {
		t.Errorf("1.5 is %v", f)
	}
	if s := at(4, pickle.Str, "str").Text(); s != "a" {
		t.Errorf("a is %q", s)
	}
	if s := at(5, pickle.Bytes, "bytes").Text(); s != "b" {
		t.Errorf("b is %q", s)
	}
	if s, ok := at(6, pickle.UUID, "uuid.UUID").Str(); s != "ffffffff-ffff-ffff-ffff-ffffffffffff" || !ok {
		t.Errorf("the UUID is %q", s)
	}
	at(7, pickle.Opaque, "cart.Cart")
}

func TestLookup(t *testing.T) {
	for name, v := range map[string]pickle.Object{
		"dict":        load(t, "}(K\x01NU\x01aK\x05C\x01bK\x06U\x01cNu."),
		"OrderedDict": load(t, "ccollections\nOrderedDict\n)R(K\x01NU\x01aK\x05C\x01bK\x06U\x01cNu."),
	} {
		if n, _ := v.Lookup("a").Int64(); n != 5 || v.Len() != 4 {
			t.Errorf("%s: a is %d among %d", name, n, v.Len())
		}
		if got := v.Lookup("b"); got != (pickle.Object{}) {
			t.Errorf("%s: bytes are found as a text", name)
		}
		if got := v.Lookup("c").Type(); got != pickle.None {
			t.Errorf("%s: None is of kind %d", name, got)
		}
	}
	if got := load(t, "(U\x01aU\x01bl.").Lookup("a"); got != (pickle.Object{}) {
		t.Error("a list has an entry")
	}
}

func TestTimes(t *testing.T) {
	naive := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	const hour = "cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x00M\x10\x0eK\x00\x87R"
	for _, tt := range []struct {
		name, data string
		want       time.Time
		aware      bool
		text       string
	}{
		{"naive", datetime + "\x85R.", naive, false, "2026-01-02 03:04:05.000006"},
		{"with None", datetime + "N\x86R.", naive, false, "2026-01-02 03:04:05.000006"},
		{"an hour east", datetime + hour + "\x85R\x86R.", naive.Add(-time.Hour), true, "2026-01-02 03:04:05.000006+01:00"},
		{"with a name", datetime + hour + "U\x03CET\x86R\x86R.", naive.Add(-time.Hour), true, "2026-01-02 03:04:05.000006+01:00"},
		{"UTC of zoneinfo", datetime + "\x80\x04\x8c\x08zoneinfo\x8c\x12ZoneInfo._unpickle\x93U\x03UTC\x88\x86R\x86R.", naive, true, "2026-01-02 03:04:05.000006+00:00"},
		{"another zone", datetime + "\x80\x04\x8c\x08zoneinfo\x8c\x12ZoneInfo._unpickle\x93U\x0dEurope/London\x88\x86R\x86R.", naive, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := load(t, tt.data)
			if got, aware, ok := v.Time(); !got.Equal(tt.want) || aware != tt.aware || !ok {
				t.Errorf("got %v, aware %v, %v, want %v, aware %v", got, aware, ok, tt.want, tt.aware)
			}
			if text, ok := v.Str(); ok != (tt.text != "") || ok && text != tt.text {
				t.Errorf("got %q, %v, want %q", text, ok, tt.text)
			}
		})
	}
	if _, _, ok := load(t, "cdatetime\ndate\nC\x04\x07\xea\x01\x02\x85R.").Time(); ok {
		t.Error("a date is a moment")
	}
}

func TestTruncated(t *testing.T) {
	for text, want := range map[string]string{
		"42": "42", "42.9": "42", "-42.9": "-42", "0.9": "0", "-0": "0", "4.2E+1": "42", "1E+3": "1000", "1E-400": "0", "0E+999999999": "0",
		"NaN": "", "sNaN1": "", "-Infinity": "", "12345678901234567890": "12345678901234567890",
	} {
		n, ok := load(t, "cdecimal\nDecimal\nV"+text+"\n\x85R.").Truncated()
		if ok != (want != "") || ok && n.String() != want {
			t.Errorf("%s is %v, %v, want %q", text, n, ok, want)
		}
	}
	if n, ok := load(t, "cdecimal\nDecimal\nV9E+99999999999999999\n\x85R.").Truncated(); !ok || len(n.String()) != 101 {
		t.Errorf("a huge Decimal is %v, %v", n, ok)
	}
	if _, ok := load(t, "K\x05.").Truncated(); ok {
		t.Error("an integer is a Decimal")
	}
}

func TestFloatRepr(t *testing.T) {
	for want, f := range map[string]float64{
		"0.0": 0, "1.0": 1, "0.1": 0.1, "1e+16": 1e16, "9999999999999998.0": 9999999999999998, "0.0001": 1e-4, "1e-05": 1e-5, "-1.5e+300": -1.5e300,
	} {
		if got := pickle.FloatRepr(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}
