package djangosession_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/internal/pytext"
	"django-sidecar/signing"
)

// cookieRow is a Cookie header, its characters standing for bytes, and request.COOKIES.
type cookieRow struct {
	Header  string            `json:"header"`
	Cookies map[string]string `json:"cookies"`
}

func (r cookieRow) line(tb testing.TB) string {
	tb.Helper()
	line, err := vectors.Latin1(r.Header)
	if err != nil {
		tb.Fatal(err)
	}
	return line
}

func TestCookiesAsDjango(t *testing.T) {
	for _, row := range vectors.Table[cookieRow](t, "cookies", 500) {
		line := row.line(t)
		for name, want := range row.Cookies {
			if name == "" {
				continue // what has no name cannot be asked for
			}
			if got := djangosession.SessionKey([]string{line}, name); got != want {
				t.Errorf("%q in %q: %q, want %q", name, line, got, want)
			}
		}
		for _, name := range []string{"sessionid", "SESSIONID", "session", "sessionid ", "a", "b", "é", "\ufffd", `"`} {
			if _, found := row.Cookies[name]; !found {
				if got := djangosession.SessionKey([]string{line}, name); got != "" {
					t.Errorf("%q in %q: %q, want none", name, line, got)
				}
			}
		}
	}
}

func TestSeveralCookieLines(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		want   string
	}{
		{"no line", nil, ""},
		{"an empty line", []string{""}, ""},
		{"one line", []string{"a=1; sessionid=key"}, "key"},
		// Gunicorn and wsgiref join lines with a comma, which separates no cookies.
		{"two lines, in the first", []string{"sessionid=key", "a=1"}, "key,a=1"},
		{"two lines, in the second", []string{"a=1", "sessionid=key"}, ""},
		{"two lines, after a semicolon", []string{"a=1;", "x; sessionid=key"}, "key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := djangosession.SessionKey(tt.header, "sessionid"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// pythonSpaces are all characters for which str.isspace() is true in Python 3.13.
const pythonSpaces = "\t\n\v\f\r\x1c\x1d\x1e\x1f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006" +
	"\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func TestEverySpaceOfPython(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if 0xd800 <= r && r <= 0xdfff || r == ';' {
			continue
		}
		c := string(r)
		want := c + "x" + c
		if strings.ContainsRune(pythonSpaces, r) {
			want = "x"
		}
		if r == '"' {
			want = "x"
		}
		if got := djangosession.SessionKey([]string{"a=" + c + "x" + c}, "a"); got != want {
			t.Errorf("%U: %q, want %q", r, got, want)
		}
	}
}

// pythonZeros are the digits zero of all scripts in Python 3.13, each followed by nine more.
var pythonZeros = []rune{
	0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
	0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900,
	0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
	0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce,
	0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
}

func TestEveryDigitOfPython(t *testing.T) {
	digits, version := 0, parseVersion(t, "5.2")
	for _, zero := range pythonZeros {
		for i := range rune(10) {
			digits++
			want := string('0' + i)
			id := value(t, "5.2", `"`+jsonEscape(zero+i)+`"`)
			if got, err := djangosession.IntegerKey.ToPython(id, version); err != nil || got != want {
				t.Errorf("%U: %q, %v, want %s", zero+i, got, err, want)
			}
		}
	}
	known := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if _, is := pytext.Digit(r); is {
			known++
		}
	}
	if known != digits {
		t.Errorf("%d digits are taken, and Python has %d", known, digits)
	}
}

// jsonEscape writes a character as json.dumps does.
func jsonEscape(r rune) string {
	if r > 0xffff {
		return jsonEscape(0xd800+(r-0x10000)>>10) + jsonEscape(0xdc00+(r-0x10000)&0x3ff)
	}
	return `\u` + hex.EncodeToString([]byte{byte(r >> 8), byte(r)})
}

// The tables of ids have what to_python makes of a value, and nil where it raises. The value goes into a session as
// the very JSON that the table has, since Go's strings could not hold its lone surrogates.

func TestIntegersAsDjango(t *testing.T) {
	type intRow struct {
		Text  json.RawMessage `json:"text"`
		Value *string         `json:"value"`
	}
	for _, row := range vectors.Table[intRow](t, "int", 450) {
		testID(t, djangosession.IntegerKey, string(row.Text), row.Value)
	}
}

func TestUUIDsAsDjango(t *testing.T) {
	type uuidRow struct {
		Value json.RawMessage `json:"value"`
		UUID  *string         `json:"uuid"`
	}
	for _, row := range vectors.Table[uuidRow](t, "uuid", 350) {
		testID(t, djangosession.UUIDKey, string(row.Value), row.UUID)
	}
}

func TestTextsAsDjango(t *testing.T) {
	type textRow struct {
		JSON string  `json:"json"`
		Text *string `json:"text"`
	}
	for _, row := range vectors.Table[textRow](t, "text", 250) {
		testID(t, djangosession.TextKey, row.JSON, row.Text)
	}
}

func testID(t *testing.T, key djangosession.KeyType, json string, want *string) {
	t.Helper()
	got, err := key.ToPython(value(t, "5.2", json), parseVersion(t, "5.2"))
	switch {
	case want == nil:
		if !errors.Is(err, djangosession.ErrBadUserID) && !errors.Is(err, djangosession.ErrUserNotFound) {
			t.Errorf("%.100s: %q, %v, want ErrBadUserID", json, got, err)
		}
	case key == djangosession.IntegerKey && errors.Is(err, djangosession.ErrUserNotFound):
		if len(strings.TrimLeft(*want, "-")) < 19 { // a column holds the others, and they must be found
			t.Errorf("%.100s: no such user, want %s", json, *want)
		}
	case err != nil || got != *want:
		t.Errorf("%.100s: %q, %v, want %q", json, got, err, *want)
	}
}

// jsonRow is what json.loads makes of bytes: whether an object, and its _auth_user_id.
type jsonRow struct {
	Data   string  `json:"data"`
	OK     bool    `json:"ok"`
	UserID *string `json:"user_id"`
}

func TestJSONAsPython(t *testing.T) {
	readable := 0
	for _, row := range vectors.Table[jsonRow](t, "json", 1000) {
		data, err := hex.DecodeString(row.Data)
		if err != nil {
			t.Fatal(err)
		}
		s, err := decode(t, "5.2", string(data))
		if !row.OK {
			if !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("%q: %v, want a SyntaxError", data, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", data, err)
			continue
		}
		readable++
		if s.JSON() != string(data) {
			t.Errorf("%q is kept as %q", data, s.JSON())
		}
		testUserID(t, s.AuthUserID, row.UserID)
	}
	if readable < 200 {
		t.Errorf("%d readable documents, expected at least 200", readable)
	}
}

// testUserID compares a value with what json.dumps wrote of it, which spells strings and numbers in its own way.
func testUserID(t *testing.T, got djangosession.Value, want *string) {
	t.Helper()
	if want == nil {
		if got.Kind() != djangosession.Missing {
			t.Errorf("%s, want nothing", got.JSON())
		}
		return
	}
	version := parseVersion(t, "5.2")
	dumped := value(t, "5.2", *want)
	if got.Kind() != dumped.Kind() {
		t.Errorf("%s is of kind %d, want that of %s", got.JSON(), got.Kind(), *want)
	}
	gotText, gotErr := djangosession.TextKey.ToPython(got, version)
	wantText, wantErr := djangosession.TextKey.ToPython(dumped, version)
	if gotText != wantText || !errors.Is(gotErr, wantErr) {
		t.Errorf("%s is %q, %v, want %q, %v", got.JSON(), gotText, gotErr, wantText, wantErr)
	}
	a, _ := got.Text()
	b, _ := dumped.Text()
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("%s: -want +got\n%s", got.JSON(), diff)
	}
}
