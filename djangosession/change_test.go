package djangosession_test

import (
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
)

// TestSetKeepsWhatItDoesNotChange: what only Python's JSON has, spaces and repeated names stay as Django wrote them.
func TestSetKeepsWhatItDoesNotChange(t *testing.T) {
	const others = `"n":123456789012345678901234567890,"f":1e400,"nan":NaN,"s":"\ud800\u00e9","twice":1, "twice" : [1, 2],"` + "\xe9" + `":"` + "\xff" + `"`
	for _, tt := range []struct{ before, want string }{
		{`{` + others + `}`, `{` + strings.Replace(strings.Replace(others, `, "twice"`, `,"twice"`, 1), `} `, `}`, 1) + `,"new":"\ud83d\ude00\u007f\"\\\n"}`},
		{`{"new":0,"a":1}`, `{"new":"\ud83d\ude00\u007f\"\\\n","a":1}`},
		{`{"new":0,"a":1,"new":2}`, `{"new":"\ud83d\ude00\u007f\"\\\n","a":1}`},
		{`{}`, `{"new":"\ud83d\ude00\u007f\"\\\n"}`},
	} {
		s, err := decode(t, "5.2", tt.before)
		if err != nil {
			t.Fatal(err)
		}
		changed := s.Clone()
		if err := changed.Set("new", "😀\x7f\"\\\n"); err != nil {
			t.Fatal(err)
		}
		if got := changed.JSON(); got != tt.want {
			t.Errorf("%s became\n%s, want\n%s", tt.before, got, tt.want)
		}
		if s.JSON() != tt.before {
			t.Errorf("a clone changed what it was made of: %s", s.JSON())
		}
	}
}

// TestSetJoinsSurrogates: to JSON, two surrogates that are a pair are one character. So there is one entry of that name.
func TestSetJoinsSurrogates(t *testing.T) {
	s, err := decode(t, "5.2", `{"\ud820\udc00":1,"a":2}`)
	if err != nil {
		t.Fatal(err)
	}
	const pair = "\xed\xa0\xa0\xed\xb0\x80"
	if err := s.Set(pair, pair); err != nil {
		t.Fatal(err)
	}
	if want := `{"\ud820\udc00":"\ud820\udc00","a":2}`; s.JSON() != want {
		t.Errorf("got %s, want %s", s.JSON(), want)
	}
	if got, _ := s.Lookup("\U00018000").Text(); got != "\U00018000" {
		t.Errorf("the entry is %q", got)
	}
}

func TestChangeSessions(t *testing.T) {
	s := djangosession.NewSession(parseVersion(t, "5.2"))
	for _, e := range []struct {
		name  string
		value any
	}{{"_auth_user_id", "42"}, {"\xed\xa0\x80é", []int{1, 2}}, {"b", nil}, {"_auth_user_id", "43"}} {
		if err := s.Set(e.name, e.value); err != nil {
			t.Fatal(err)
		}
	}
	if want := `{"_auth_user_id":"43","\ud800\u00e9":[1,2],"b":null}`; s.JSON() != want {
		t.Errorf("got %s, want %s", s.JSON(), want)
	}
	if id, _ := s.AuthUserID.Text(); id != "43" {
		t.Errorf("the user is %q", id)
	}
	if diff := cmp.Diff([]string{"_auth_user_id", "\xed\xa0\x80é", "b"}, s.Names()); diff != "" {
		t.Error(diff)
	}
	if err := s.Delete("_auth_user_id"); err != nil || s.AuthUserID.Kind() != djangosession.Missing {
		t.Errorf("deleting: %v, the user is %s", err, s.AuthUserID.JSON())
	}
	before := s.JSON()
	for _, value := range []any{
		"\xff",
		map[string]string{"a": "\xff"},
		math.NaN(), func() {},
		djangosession.Value{},
		json.Number(strings.Repeat("1", 5000)),
		json.RawMessage(strings.Repeat("[", 9950) + strings.Repeat("]", 9950)),
	} {
		if err := s.Set("b", value); err == nil || s.JSON() != before {
			t.Errorf("%T was set: %s", value, s.JSON())
		}
	}
	if s.Clear(); s.JSON() != "{}" {
		t.Errorf("cleared: %s", s.JSON())
	}
}

func TestNewSessionKey(t *testing.T) {
	seen, counts := map[string]bool{}, map[rune]int{}
	for range 2000 {
		key := djangosession.NewSessionKey()
		if !regexp.MustCompile(`^[a-z0-9]{32}$`).MatchString(key) || seen[key] {
			t.Fatalf("%q", key)
		}
		seen[key] = true
		for _, r := range key {
			counts[r]++
		}
	}
	for r, n := range counts { // 1,778 of each on average, and a standard deviation of 42
		if len(counts) != 36 || n < 1350 || n > 2200 {
			t.Errorf("%d characters; %q %d times of 64,000", len(counts), r, n)
		}
	}
}

// TestExpiry: what Django's get_expiry_date, get_expiry_age and get_expire_at_browser_close say, run by hand with
// SESSION_COOKIE_AGE = 1000.
func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 29, 5, 0, 0, 500_000_000, time.UTC)
	for _, tt := range []struct {
		version, json string
		local         bool
		age           int64
		left          time.Duration
		browser       bool
		fails         bool
	}{
		{version: "5.2", json: `{}`, age: 1000, left: 1000 * time.Second},
		{version: "1.11", json: `{"_session_expiry":null}`, age: 1000, left: 1000 * time.Second},
		{version: "5.2", json: `{"_session_expiry":0}`, age: 1000, left: 1000 * time.Second, browser: true},
		{version: "5.2", json: `{"_session_expiry":0.0}`, age: 1000, left: 1000 * time.Second, browser: true},
		{version: "5.2", json: `{"_session_expiry":false}`, age: 1000, left: 1000 * time.Second, browser: true},
		{version: "5.2", json: `{"_session_expiry":true}`, age: 1, left: time.Second},
		{version: "5.2", json: `{"_session_expiry":300}`, age: 300, left: 300 * time.Second},
		{version: "5.2", json: `{"_session_expiry":1.9}`, age: 1, left: 1900 * time.Millisecond},
		{version: "5.2", json: `{"_session_expiry":-5}`, age: -5, left: -5 * time.Second},
		{version: "5.2", json: `{"_session_expiry":"2026-11-29T06:00:00+00:00"}`, age: 3599, left: 3599500 * time.Millisecond},
		{version: "5.2", json: `{"_session_expiry":"2026-11-29T04:59:59+00:00"}`, age: -2, left: -1500 * time.Millisecond},
		{version: "5.2", json: `{"_session_expiry":"2026-11-29T06:00:00"}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":"2026-11-29T08:00:00"}`, local: true, age: 7199, left: 7199500 * time.Millisecond},
		{version: "5.2", json: `{"_session_expiry":"2026-11-29T08:00:00+00:00"}`, local: true, fails: true},
		{version: "4.0", json: `{"_session_expiry":"2026-11-29T06:00:00+00:00"}`, fails: true},
		{version: "4.0", json: `{"_session_expiry":""}`, age: 1000, left: 1000 * time.Second},
		{version: "5.2", json: `{"_session_expiry":""}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":[1]}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":NaN}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":1e300}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":300000000000}`, fails: true},
		{version: "5.2", json: `{"_session_expiry":99999999999999999999}`, fails: true},
	} {
		s, err := decode(t, tt.version, tt.json)
		if err != nil {
			t.Fatal(err)
		}
		e := djangosession.Expiry{Version: parseVersion(t, tt.version), CookieAge: 1000 * time.Second}
		if tt.local {
			e.Local = time.FixedZone("", 3600)
		}
		date, err := e.Date(s, now)
		if (err != nil) != tt.fails || err != nil && !errors.Is(err, djangosession.ErrExpiry) {
			t.Errorf("Django %s, %s: %v", tt.version, tt.json, err)
		}
		if tt.fails {
			continue
		}
		age, err := e.Age(s, now)
		if err != nil || age != tt.age || date.Sub(now) != tt.left || e.EndsAtBrowserClose(s) != tt.browser {
			t.Errorf("Django %s, %s: age %d, left %v, %v, %v", tt.version, tt.json, age, date.Sub(now), e.EndsAtBrowserClose(s), err)
		}
	}
}

// FuzzSet: what was set is read again, in every form, and the other entries have their texts.
func FuzzSet(f *testing.F) {
	f.Add(`{"a":1,"b":[NaN, "\ud800"]}`, "a", "x")
	f.Add(`{ "a" : 1 , "a":{"b":2}}`, "é", "\xed\xa0\x80")
	f.Add(`{"a":1,"\ud820\udc00":2}`, "\xed\xa0\xa0\xed\xb0\x80", "\xed\xa0\xa0\xed\xb0\x80")
	codecs := []*djangosession.Codec{newCodec(f, "1.11"), newCodec(f, "3.2"), newCodec(f, "6.1")}
	f.Fuzz(func(t *testing.T, text, name, value string) {
		before, err := decode(t, "5.2", text)
		if err != nil {
			return
		}
		s := before.Clone()
		if err := s.Set(name, value); err != nil {
			if s.JSON() != text {
				t.Fatalf("%v, and yet %q became %q", err, text, s.JSON())
			}
			return
		}
		for _, codec := range codecs {
			data, err := codec.EncodeSession(s, now)
			if err != nil {
				t.Fatal(err)
			}
			read, err := codec.Decode(data)
			if err != nil || read.JSON() != s.JSON() {
				t.Fatalf("%q is read as %q, %v", s.JSON(), read.JSON(), err)
			}
		}
		name, value = joined(name), joined(value)
		if got, ok := s.Lookup(name).Text(); !ok || got != value {
			t.Errorf("%q: %q is %q, want %q", s.JSON(), name, got, value)
		}
		for _, other := range before.Names() {
			if other != name && s.Lookup(other) != before.Lookup(other) {
				t.Errorf("%q: %q became %s", text, other, s.Lookup(other).JSON())
			}
		}
	})
}

// joined makes of two surrogates that are a pair, each in three bytes, the character that Python's json reads.
func joined(text string) string {
	units := func(s string) (rune, bool) { // as in loneSurrogate of pytext
		if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 {
			return 0, false
		}
		return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if high, ok := units(text[i:]); ok {
			if low, ok := units(text[i+3:]); ok && utf16.DecodeRune(high, low) != utf8.RuneError {
				b.WriteRune(utf16.DecodeRune(high, low))
				i += 5
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func TestValueOf(t *testing.T) {
	version := djangosession.MustVersion("5.2")
	for _, tt := range []struct {
		value any
		want  djangosession.Kind
		text  string
	}{
		{nil, djangosession.Null, "null"},
		{"é", djangosession.String, `"\u00e9"`},
		{json.Number("18446744073709551616"), djangosession.Int, "18446744073709551616"},
		{[]string{"a"}, djangosession.Array, `["a"]`},
	} {
		v, err := djangosession.ValueOf(version, tt.value)
		if err != nil || v.Kind() != tt.want || v.JSON() != tt.text {
			t.Errorf("%v: got kind %d, %s, %v", tt.value, v.Kind(), v.JSON(), err)
		}
	}
	long := json.Number(strings.Repeat("1", 4301)) // sys.get_int_max_str_digits() is 4300
	for _, value := range []any{long, math.NaN(), "\xff", make(chan int), djangosession.Value{}} {
		if v, err := djangosession.ValueOf(version, value); err == nil || v != (djangosession.Value{}) {
			t.Errorf("%T: got %s", value, v.JSON())
		}
	}
}
