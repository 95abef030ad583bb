package djangosession_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// pickledEntry is the pickle of a session whose _auth_user_id is what the instructions make.
func pickledEntry(name, instructions string) string {
	return fmt.Sprintf("}(U%c%s%sU\x05othercapp\nThing\n)Ru.", len(name), name, instructions)
}

// pickledLogin is a login as protocol 2 has it, beside things that no library of sessions knows.
func pickledLogin(hash string) string {
	return "\x80\x02}q\x00(X\x04\x00\x00\x00cartq\x01capp.shop\nCart\n)\x81}X\x05\x00\x00\x00items](K\x01K\x02esb" +
		"X\x0d\x00\x00\x00_auth_user_idX\x02\x00\x00\x0042X\x12\x00\x00\x00_auth_user_backend" +
		"X\x29\x00\x00\x00" + backend + "X\x0f\x00\x00\x00_auth_user_hash" + hash + "u."
}

func pickleCodec(tb testing.TB, version string) *djangosession.Codec {
	tb.Helper()
	return newCodec(tb, version, func(c *djangosession.CodecConfig) { c.Serializer = djangosession.Pickle })
}

func TestPickledSession(t *testing.T) {
	hash := "X\x40\x00\x00\x00" + authHash(secret, signing.SHA256)
	for _, version := range versions {
		data := plain(t, pickledLogin(hash))
		if version < "3.1" {
			data = legacy(secret, pickledLogin(hash))
		}
		s, err := pickleCodec(t, version).Decode(data)
		if err != nil {
			t.Errorf("Django %s: %v", version, err)
			continue
		}
		id, _ := s.AuthUserID.Text()
		through, _ := s.AuthBackend.Text()
		text, _ := s.AuthHash.Text()
		if id != "42" || through != backend || text != authHash(secret, signing.SHA256) {
			t.Errorf("Django %s: user %q through %q with %q", version, id, through, text)
		}
		if s.Lookup("_auth_user_id") != s.AuthUserID || s.Lookup("cart").Kind() != djangosession.Opaque || s.Lookup("missing") != (djangosession.Value{}) {
			t.Errorf("Django %s: the entries are found otherwise", version)
		}
		want := `{"cart": {"__class__": "app.shop.Cart"}, "_auth_user_id": "42", "_auth_user_backend": "` + backend + `", "_auth_user_hash": "` + text + `"}`
		if s.JSON() != want {
			t.Errorf("Django %s: %s, want %s", version, s.JSON(), want)
		}
	}
}

func TestPickledSessionsAreSigned(t *testing.T) {
	for _, version := range versions {
		codec := pickleCodec(t, version)
		for _, data := range []string{
			modern(t, "other", signing.SHA256, pickledLogin("N")), legacy("other", pickledLogin("N")), "", "a", pickledLogin("N"),
		} {
			if s, err := codec.Decode(data); s != nil || !isUnreadable(err) {
				t.Errorf("Django %s: %v, %v for %q", version, s, err, data)
			}
		}
		if _, err := codec.Encode(nil, now); err == nil {
			t.Errorf("Django %s: a pickle was written", version)
		}
	}
	// Django 3.2 reads the old form too, and then it is rightly signed and no dict.
	_, err := pickleCodec(t, "3.2").Decode(legacy(secret, "N."))
	if !errors.As(err, new(*signing.SyntaxError)) || errors.Is(err, signing.ErrBadSignature) {
		t.Errorf("an old pickle of None: %v, want a SyntaxError", err)
	}
}

func TestNoPickledSession(t *testing.T) {
	for _, tt := range []struct{ name, data string }{
		{"nothing", ""},
		{"JSON", `{"_auth_user_id":"42"}`},
		{"cut short", "}(U\x01a"},
		{"None", "N."},
		{"a list", "]."},
		{"an object that may be a dict", "ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RU\x01aNs."},
		{"too many values", strings.Repeat("]", 1<<19) + "."},
		{"more bytes than allowed", "}." + strings.Repeat("N", djangosession.DefaultMaxBytes)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := djangosession.ParseSession([]byte(tt.data), djangosession.Pickle, parseVersion(t, "4.2"), djangosession.DefaultMaxBytes)
			if s != nil || !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("got %v, %v, want a SyntaxError", s, err)
			}
		})
	}
	s, err := djangosession.ParseSession([]byte("ccollections\nOrderedDict\n)RU\x0d_auth_user_idK\x05s."), djangosession.Pickle, parseVersion(t, "4.2"), 100)
	if err != nil || s.AuthUserID.JSON() != "5" {
		t.Errorf("an OrderedDict: %v, %v", s, err)
	}
}

func TestParseSessionOfJSON(t *testing.T) {
	for data, ok := range map[string]bool{`{"_auth_user_id":"42"}`: true, `[]`: false, "}.": false, "": false} {
		s, err := djangosession.ParseSession([]byte(data), djangosession.JSON, parseVersion(t, "5.2"), 100)
		if (err == nil) != ok || ok && s.AuthUserID.JSON() != `"42"` || !ok && !errors.As(err, new(*signing.SyntaxError)) {
			t.Errorf("%s: %v, %v", data, s, err)
		}
	}
}

const (
	aUUID    = "cuuid\nUUID\n)\x81}U\x03intK\x2asb"
	aDecimal = "cdecimal\nDecimal\nV%s\n\x85R"
	aDate    = "cdatetime\ndate\nC\x04\x07\xea\x01\x02\x85R"
)

// TestPickledIDs: what int(), UUIDField and str() make of what JSON has not. The wanted results are those of Python 3.13;
// "" is what raises, and "-" what no row has. The str() of bytes, lists, tuples and dicts is no text key here.
func TestPickledIDs(t *testing.T) {
	for _, tt := range []struct{ name, value, integer, uuid, text string }{
		{"None", "N", "-", "-", "-"},
		{"a bool", "\x88", "1", "00000000-0000-0000-0000-000000000001", "True"},
		{"an integer", "K\x2a", "42", "00000000-0000-0000-0000-00000000002a", "42"},
		{"an integer of 65 bits", "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01", "-", "00000000-0000-0001-0000-000000000000", "18446744073709551616"},
		{"an integer of 40000 bits", "\x8b\x88\x13\x00\x00" + strings.Repeat("\x01", 5000), "-", "", ""},
		{"a float", "F42.9\n", "42", "", "42.9"},
		{"NaN", "Fnan\n", "", "", "nan"},
		{"a text", "U\x02 7", "7", "", " 7"},
		{"a text with a lone surrogate", "V\\ud800\n", "", "", ""},
		{"bytes", "C\x0442\n ", "42", "", ""},
		{"bytes with an underscore", "C\x034_2", "42", "", ""},
		{"bytes that are no ASCII", "C\x06\xef\xbc\x94\xef\xbc\x92", "", "", ""},
		{"bytes with a NUL", "C\x034\x002", "", "", ""},
		{"bytes with quotes", "C\x02'a", "", "", ""},
		{"a bytearray", "\x96\x02\x00\x00\x00\x00\x00\x00\x0042", "42", "", ""},
		{"a Decimal", fmt.Sprintf(aDecimal, "42.9"), "42", "", "42.9"},
		{"a large Decimal", fmt.Sprintf(aDecimal, "1E+20"), "-", "", "1E+20"},
		{"a huge Decimal", fmt.Sprintf(aDecimal, "1E+999999999"), "-", "", "1E+999999999"},
		{"a Decimal that is no number", fmt.Sprintf(aDecimal, "NaN"), "", "", "NaN"},
		{"a UUID", aUUID, "42", "00000000-0000-0000-0000-00000000002a", "00000000-0000-0000-0000-00000000002a"},
		{"a date", aDate, "", "", "2026-01-02"},
		{"a timedelta", "cdatetime\ntimedelta\nK\x01K\x02K\x00\x87R", "", "", "1 day, 0:00:02"},
		{"a tuple", "(K\x01C\x01aU\x01b" + fmt.Sprintf(aDecimal, "1") + aUUID + "Nt\x85", "", "", ""},
		{"a list with a dict", "](}K\x01\x88se", "", "", ""},
		{"a list with a date", "]" + aDate + "a", "", "", ""},
		{"a list that holds itself", "]q\x00h\x00a", "", "", ""},
		{"a set", "\x8f(K\x01\x90", "", "", ""},
		{"an object", "capp\nID\n)R", "", "", ""},
		{"a class", "capp\nID\n", "", "", ""},
		{"a lazy string", "cdjango.utils.functional\n_lazy_proxy_unpickle\n(cgettext\ngettext\n(U\x0242t}tR", "", "", ""},
		{"a safe string", "cdjango.utils.safestring\nSafeString\nU\x0242\x85\x81", "42", "", "42"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := djangosession.ParseSession([]byte(pickledEntry("_auth_user_id", tt.value)), djangosession.Pickle, parseVersion(t, "4.2"), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range map[djangosession.KeyType]string{
				djangosession.IntegerKey: tt.integer, djangosession.UUIDKey: tt.uuid, djangosession.TextKey: tt.text,
			} {
				got, err := key.ToPython(s.AuthUserID, parseVersion(t, "4.2"))
				switch {
				case want == "" && !errors.Is(err, djangosession.ErrBadUserID), want == "-" && !errors.Is(err, djangosession.ErrUserNotFound):
					t.Errorf("key %d: %q, %v, want an error", key, got, err)
				case want != "" && want != "-" && (got != want || err != nil):
					t.Errorf("key %d: %q, %v, want %q", key, got, err, want)
				}
			}
		})
	}
}

// TestPickledVerdicts: the other two entries.
func TestPickledVerdicts(t *testing.T) {
	hash := authHash(secret, signing.SHA256)
	good := map[string]string{
		"_auth_user_id": "U\x0242", "_auth_user_backend": "U\x29" + backend, "_auth_user_hash": "U\x40" + hash,
	}
	for _, tt := range []struct {
		name, entry, value string
		want               djangosession.Reason
	}{
		{"as login leaves it", "other", "N", ""},
		{"an integer for the id", "_auth_user_id", "K\x2a", ""},
		{"bytes for the hash", "_auth_user_hash", "C\x40" + hash, ""},
		{"a bytearray for the hash", "_auth_user_hash", "\x96\x40\x00\x00\x00\x00\x00\x00\x00" + hash, djangosession.AuthHashMismatch},
		{"None for the hash", "_auth_user_hash", "N", djangosession.AuthHashMismatch},
		{"a list for the hash", "_auth_user_hash", "]", djangosession.AuthHashMismatch},
		{"an object for the hash", "_auth_user_hash", "capp\nHash\n)R", djangosession.AuthHashMismatch},
		{"bytes for the backend", "_auth_user_backend", "C\x29" + backend, djangosession.UnknownBackend},
		{"an object for the backend", "_auth_user_backend", "capp\nBackend\n)R", djangosession.UnknownBackend},
		{"an object for the id", "_auth_user_id", "capp\nID\n)R", djangosession.BadUserID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := "}("
			for name, value := range good {
				if name != tt.entry {
					data += fmt.Sprintf("U%c%s%s", len(name), name, value)
				}
			}
			data += fmt.Sprintf("U%c%s%su.", len(tt.entry), tt.entry, tt.value)
			s, err := djangosession.ParseSession([]byte(data), djangosession.Pickle, parseVersion(t, "5.2"), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			got, err := newVerifier(t, "5.2", always(s), ada(djangosession.True)).Verify(t.Context(), key)
			if err != nil || got.Reason != tt.want || (got.User != nil) != (tt.want == "") {
				t.Errorf("got user %v, reason %q, %v, want %q", got.User, got.Reason, err, tt.want)
			}
		})
	}
}

// always is a store with one session under every key.
func always(s *djangosession.Session) storeFunc {
	return func(context.Context, string) (*djangosession.Session, error) { return s, nil }
}

func TestPickledDateTime(t *testing.T) {
	data := pickledEntry("_session_expiry", "cdatetime\ndatetime\nC\x0a\x07\xea\x01\x02\x03\x04\x05\x00\x00\x00cpytz\n_UTC\n)R\x86R")
	s, err := djangosession.ParseSession([]byte(data), djangosession.Pickle, parseVersion(t, "2.2"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	v := s.Lookup("_session_expiry")
	if got, aware, ok := v.DateTime(); !ok || !aware || !got.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || v.Kind() != djangosession.Time {
		t.Errorf("got %v, %v, %v", got, aware, ok)
	}
	if _, _, ok := s.Lookup("other").DateTime(); ok {
		t.Error("an object is a datetime")
	}
	if _, _, ok := value(t, "5.2", `"2026-01-02"`).DateTime(); ok {
		t.Error("a text is a datetime")
	}
}

// FuzzPickledSession: a session, or a SyntaxError, and entries that can be judged.
func FuzzPickledSession(f *testing.F) {
	f.Add([]byte(pickledLogin("N")))
	for _, value := range []string{"C\x0242", aUUID, fmt.Sprintf(aDecimal, "1.5"), aDate, "]q\x00h\x00a", "\x8f(K\x01\x90", "F1.5\n", "\x88\x85"} {
		f.Add([]byte(pickledEntry("_auth_user_id", value)))
	}
	version := parseVersion(f, "4.2")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := djangosession.ParseSession(data, djangosession.Pickle, version, 1<<16)
		if err != nil {
			if s != nil || !errors.As(err, new(*signing.SyntaxError)) {
				t.Errorf("%q: %v, %v", data, s, err)
			}
			return
		}
		if s.Lookup("_auth_user_id") != s.AuthUserID || s.JSON() == "" {
			t.Errorf("%q: the entries are found otherwise", data)
		}
		for _, key := range []djangosession.KeyType{djangosession.IntegerKey, djangosession.UUIDKey, djangosession.TextKey} {
			id, err := key.ToPython(s.AuthUserID, version)
			if err != nil && (id != "" || !errors.Is(err, djangosession.ErrBadUserID) && !errors.Is(err, djangosession.ErrUserNotFound)) {
				t.Errorf("%q: %q, %v", data, id, err)
			}
		}
	})
}
