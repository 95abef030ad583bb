package djangosession_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// parseAs reads a session of a cache.
func parseAs(t *testing.T, data string, s djangosession.Serializer) *djangosession.Session {
	t.Helper()
	session, err := djangosession.ParseSession([]byte(data), s, djangosession.MustVersion("5.2"), 0)
	if err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return session
}

func dumpAs(t *testing.T, s *djangosession.Session, by djangosession.Serializer) string {
	t.Helper()
	data, err := djangosession.DumpSession(s, by, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDumpSession: what is written is read again, as the pickle that CPython 3.13 writes in protocol 2 but for the memo,
// and as JSON.
func TestDumpSession(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                   "}(u.",
		`{"a": null}`:          "}(X\x01\x00\x00\x00aNu.",
		`{"a": true}`:          "}(X\x01\x00\x00\x00a\x88u.",
		`{"a": false}`:         "}(X\x01\x00\x00\x00a\x89u.",
		`{"a": 0}`:             "}(X\x01\x00\x00\x00aK\x00u.",
		`{"a": 255}`:           "}(X\x01\x00\x00\x00aK\xffu.",
		`{"a": 256}`:           "}(X\x01\x00\x00\x00aM\x00\x01u.",
		`{"a": 65536}`:         "}(X\x01\x00\x00\x00aJ\x00\x00\x01\x00u.",
		`{"a": -1}`:            "}(X\x01\x00\x00\x00aJ\xff\xff\xff\xffu.",
		`{"a": 2147483648}`:    "}(X\x01\x00\x00\x00a\x8a\x05\x00\x00\x00\x80\x00u.",
		`{"a": -2147483649}`:   "}(X\x01\x00\x00\x00a\x8a\x05\xff\xff\xff\x7f\xffu.",
		`{"a": 0.5}`:           "}(X\x01\x00\x00\x00aG?\xe0\x00\x00\x00\x00\x00\x00u.",
		`{"a": "\u00e9"}`:      "}(X\x01\x00\x00\x00aX\x02\x00\x00\x00\xc3\xa9u.",
		`{"a": "\ud800"}`:      "}(X\x01\x00\x00\x00aX\x03\x00\x00\x00\xed\xa0\x80u.",
		`{"a": []}`:            "}(X\x01\x00\x00\x00a](eu.",
		`{"a": [1, {"b": 2}]}`: "}(X\x01\x00\x00\x00a](K\x01}(X\x01\x00\x00\x00bK\x02ueu.",
	} {
		s := parseAs(t, text, djangosession.JSON)
		if got := dumpAs(t, s, djangosession.Pickle); got != "\x80\x02"+want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		if got := parseAs(t, dumpAs(t, s, djangosession.Pickle), djangosession.Pickle); got.JSON() != text {
			t.Errorf("%s is read as %s", text, got.JSON())
		}
		if got := dumpAs(t, s, djangosession.JSON); got != text {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for text, want := range map[string]string{
		`{"a": 1e999, "b": -Infinity, "c": ` + strings.Repeat("9", 4000) + `, "a": [[], NaN]}`: `{"a": [[], NaN], "b": -Infinity, "c": ` + strings.Repeat("9", 4000) + `}`,
		"{\"a\": \"\xe9\"}": `{"a": "\u00e9"}`, // Latin-1
	} {
		s := parseAs(t, text, djangosession.JSON)
		if got := parseAs(t, dumpAs(t, s, djangosession.Pickle), djangosession.Pickle); got.JSON() != want {
			t.Errorf("%q is read as %s", text, got.JSON())
		}
	}
	if got := dumpAs(t, parseAs(t, "{\"a\": \"\xe9\"}", djangosession.JSON), djangosession.JSON); got != `{"a": "\u00e9"}` {
		t.Errorf("a character beyond ASCII is written as %s", got)
	}
	s := parseAs(t, `{"a": "`+strings.Repeat("x", 1000)+`"}`, djangosession.JSON)
	for _, by := range []djangosession.Serializer{djangosession.JSON, djangosession.Pickle} {
		if _, err := djangosession.DumpSession(s, by, 1000); err == nil {
			t.Error("a session is written that is too large to be read")
		}
	}
}

// TestChangePickledSession: what is set is read in the place of what was; everything else stays as it was, also what only
// its owner understands.
func TestChangePickledSession(t *testing.T) {
	data := pickledLogin("X\x01\x00\x00\x00h")
	s := parseAs(t, data+"what stands after it", djangosession.Pickle)
	if got := dumpAs(t, s, djangosession.Pickle); got != data {
		t.Errorf("unchanged, it is %q, want %q", got, data)
	}
	other := s.Clone()
	for _, value := range []any{"7", 3, []string{"\u00e9"}, s.AuthBackend} {
		err := other.Set("_auth_user_id", value)
		if _, pickled := value.(djangosession.Value); pickled != (err != nil) {
			t.Errorf("setting %v: %v", value, err)
		}
	}
	if err := other.Set("new\u2028", nil); err != nil {
		t.Fatal(err)
	}
	written := dumpAs(t, other, djangosession.Pickle)
	if !strings.HasPrefix(written, strings.TrimSuffix(data, ".")) {
		t.Errorf("the pickle is another: %q", written)
	}
	want := strings.Replace(s.JSON(), `"42"`, `["\u00e9"]`, 1)
	want = strings.TrimSuffix(want, "}") + `, "new\u2028": null}`
	if got := parseAs(t, written, djangosession.Pickle).JSON(); got != want || other.JSON() != want {
		t.Errorf("it is %s, and read as %s, want %s", other.JSON(), got, want)
	}
	if text, _ := s.AuthUserID.Text(); text != "42" {
		t.Error("the session that others read has changed")
	}
	// JSON has no form for a cart.
	if err := other.Delete("_auth_user_id"); !errors.Is(err, djangosession.ErrPickled) {
		t.Errorf("deleting an entry: %v", err)
	}
	if _, err := djangosession.DumpSession(other, djangosession.JSON, 0); !errors.Is(err, djangosession.ErrPickled) {
		t.Errorf("writing JSON: %v", err)
	}
	if err := other.Delete("missing"); err != nil {
		t.Error(err)
	}
	plain := parseAs(t, dumpAs(t, parseAs(t, `{"a": 1, "b": {"__class": "{\"__class__\""}}`, djangosession.JSON), djangosession.Pickle), djangosession.Pickle)
	if err := plain.Delete("a"); err != nil || plain.JSON() != `{"b": {"__class": "{\"__class__\""}}` {
		t.Errorf("deleting an entry: %v, and it is %s", err, plain.JSON())
	}
	if other.Clear(); dumpAs(t, other, djangosession.Pickle) != "\x80\x02}(u." {
		t.Error("a session is not empty after Clear")
	}
}

// TestPickledSessionsDoNotGrow: however often an entry is set, the pickle has it once beside what Django wrote.
func TestPickledSessionsDoNotGrow(t *testing.T) {
	for name, data := range map[string]string{
		"what Django wrote":        pickledLogin("X\x01\x00\x00\x00h"),
		"what was written here":    dumpAs(t, parseAs(t, `{"a": 40, "b": 1}`, djangosession.JSON), djangosession.Pickle),
		"one entry of our own":     dumpAs(t, parseAs(t, `{"b": 1}`, djangosession.JSON), djangosession.Pickle),
		"a value like a mark":      dumpAs(t, parseAs(t, `{"a": 40, "b": 40, "c": 40}`, djangosession.JSON), djangosession.Pickle),
		"keys that are no texts":   "\x80\x02}(K\x28K\x28X\x01\x00\x00\x00aK\x28u.",
		"nothing but a broken end": "\x80\x02}.",
	} {
		s := parseAs(t, data, djangosession.Pickle)
		before, longest := s.JSON(), 0
		for i := range 300 {
			for _, entry := range []string{"a", "b", "c"} {
				if err := s.Set(entry, strings.Repeat("x", 10+i%3)); err != nil {
					t.Fatal(err)
				}
			}
			if i == 5 {
				longest = len(dumpAs(t, s, djangosession.Pickle)) + 10
			}
		}
		written := dumpAs(t, s, djangosession.Pickle)
		if len(written) > longest {
			t.Errorf("%s: it has grown from %d to %d bytes", name, longest, len(written))
		}
		again, first := parseAs(t, written, djangosession.Pickle), parseAs(t, data, djangosession.Pickle)
		for _, entry := range first.Names() {
			want := first.Lookup(entry).JSON()
			if entry == "a" || entry == "b" || entry == "c" {
				want = `"` + strings.Repeat("x", 12) + `"`
			}
			if got := again.Lookup(entry).JSON(); got != want {
				t.Errorf("%s: %s is %s, want %s; before: %s", name, entry, got, want, before)
			}
		}
		if strings.Contains(before, "40: ") && !strings.Contains(again.JSON(), "40: ") {
			t.Errorf("%s: %s has lost a key of %s", name, again.JSON(), before)
		}
	}
}

// TestLargePickledSessions: a change beside many entries takes a moment, and not a minute, as it would if it took
// the square of them. A user may have a site keep so many.
func TestLargePickledSessions(t *testing.T) {
	t.Parallel()
	const entries = 20_000
	var b strings.Builder
	for i := range entries {
		fmt.Fprintf(&b, `, "k%d": 0`, i)
	}
	s := parseAs(t, dumpAs(t, parseAs(t, "{"+b.String()[2:]+"}", djangosession.JSON), djangosession.Pickle), djangosession.Pickle)
	for _, value := range []string{"tea", "milk"} { // the second one finds the first one's tail
		if err := s.Set("cart", value); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Lookup("cart").JSON(); got != `"milk"` || len(s.Names()) != entries+1 {
		t.Errorf("the cart is %s, and %d entries", got, len(s.Names()))
	}
}
