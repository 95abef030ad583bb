package djangosession_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// FuzzSessionKey compares SessionKey with a slow reading of what Python does.
func FuzzSessionKey(f *testing.F) {
	for _, row := range vectors.Table[cookieRow](f, "cookies", 500) {
		f.Add(row.line(f), "", "sessionid")
	}
	f.Add("a=1; sessionid=", "key; sessionid=\"\\141\"", "sessionid")
	f.Fuzz(func(t *testing.T, first, second, name string) {
		if name == "" || !utf8.ValidString(name) {
			return // Python has such names neither
		}
		header := []string{first, second}
		if second == "" {
			header = header[:1]
		}
		if got, want := djangosession.SessionKey(header, name), slowSessionKey(strings.Join(header, ","), name); got != want {
			t.Errorf("%q in %q: %q, want %q", name, header, got, want)
		}
	})
}

// FuzzDecode reads arbitrary payloads under a right signature, in both forms.
func FuzzDecode(f *testing.F) {
	for _, row := range vectors.Table[jsonRow](f, "json", 1000) {
		data, err := hex.DecodeString(row.Data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	codec := newCodec(f, "3.2")
	f.Fuzz(func(t *testing.T, payload string) {
		s, err := codec.Decode(plain(t, payload))
		old, oldErr := codec.Decode(legacy(secret, payload))
		if (err == nil) != (oldErr == nil) {
			t.Fatalf("%q: %v in the one form, %v in the other", payload, err, oldErr)
		}
		if err != nil {
			if s != nil || old != nil || !errors.As(err, new(*signing.SyntaxError)) || !errors.As(oldErr, new(*signing.SyntaxError)) {
				t.Errorf("%q: %v, %v, want SyntaxErrors", payload, err, oldErr)
			}
			return
		}
		if s.JSON() != payload || old.JSON() != payload {
			t.Errorf("%q became %q and %q", payload, s.JSON(), old.JSON())
		}
		if got := s.Lookup("_auth_user_id"); got != s.AuthUserID || got != old.AuthUserID {
			t.Errorf("%q: user id %v, %v, %v", payload, got, s.AuthUserID, old.AuthUserID)
		}
	})
}

// FuzzDecodeText reads arbitrary session data, which nobody has signed.
func FuzzDecodeText(f *testing.F) {
	for _, folder := range vectors.Djangos(f) {
		for i, c := range vectors.Cases(f, folder, 150) {
			if i%8 == 0 {
				f.Add(c.SessionData)
			}
		}
	}
	codecs := []*djangosession.Codec{newCodec(f, "1.11"), newCodec(f, "3.0"), newCodec(f, "3.2"), newCodec(f, "5.2")}
	f.Fuzz(func(t *testing.T, data string) {
		for _, codec := range codecs {
			if s, err := codec.Decode(data); s != nil || !isUnreadable(err) {
				t.Errorf("%q: %v, %v, want it refused", data, s, err)
			}
		}
	})
}

// FuzzPyObject compares the reading of JSON with encoding/json's, where Python agrees with it.
func FuzzPyObject(f *testing.F) {
	for _, row := range vectors.Table[jsonRow](f, "json", 1000) {
		data, err := hex.DecodeString(row.Data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "NaN") || strings.Contains(text, "Infinity") || len(text) > 4000 {
			return // only Python takes these for JSON, and it has bounds that Go has not
		}
		s, err := decode(t, "5.2", text)
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal([]byte(text), &want)
		if (err == nil) != (wantErr == nil && want != nil) {
			t.Fatalf("%q: %v, encoding/json says %v", text, err, wantErr)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return // Latin-1 there, UTF-8 here
		}
		for name, raw := range want {
			if strings.ContainsRune(name, utf8.RuneError) {
				continue // which Go has for lone surrogates too
			}
			got := s.Lookup(name)
			if got.JSON() != string(raw) {
				t.Errorf("%q: %q is %s, want %s", text, name, got.JSON(), raw)
			}
			var str string
			if text, ok := got.Text(); ok && json.Unmarshal(raw, &str) == nil && text != str && !strings.ContainsRune(str, utf8.RuneError) {
				t.Errorf("%s is %q, want %q", raw, text, str)
			}
		}
	})
}

var (
	integerForm = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,18})$`)
	uuidForm    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// FuzzToPython: an id has one form, and that form stands for itself.
func FuzzToPython(f *testing.F) {
	for _, name := range []string{"int", "uuid", "text"} {
		type row struct {
			Text  json.RawMessage `json:"text"`
			Value json.RawMessage `json:"value"`
			UUID  json.RawMessage `json:"uuid"`
			JSON  string          `json:"json"`
		}
		for _, r := range vectors.Table[row](f, name, 250) {
			switch name {
			case "int":
				f.Add(string(r.Text))
			case "uuid":
				f.Add(string(r.Value))
			default:
				f.Add(r.JSON)
			}
		}
	}
	five := parseVersion(f, "5.2")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := decode(t, "5.2", `{"_auth_user_id":`+text+`}`)
		if err != nil {
			return
		}
		for _, kind := range []djangosession.KeyType{djangosession.IntegerKey, djangosession.UUIDKey, djangosession.TextKey} {
			id, err := kind.ToPython(s.AuthUserID, five)
			if err != nil {
				if id != "" || !errors.Is(err, djangosession.ErrBadUserID) && !errors.Is(err, djangosession.ErrUserNotFound) {
					t.Errorf("%s: %q, %v", text, id, err)
				}
				continue
			}
			if kind == djangosession.IntegerKey && !integerForm.MatchString(id) || kind == djangosession.UUIDKey && !uuidForm.MatchString(id) || !utf8.ValidString(id) {
				t.Errorf("%s: %q is no form of an id", text, id)
			}
			if again, err := kind.ToPython(value(t, "5.2", quoted(id)), five); err != nil || again != id {
				t.Errorf("%s: %q becomes %q, %v", text, id, again, err)
			}
		}
	})
}

// quoted writes a string as json.dumps does.
func quoted(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(jsonEscape(r))
	}
	return `"` + b.String() + `"`
}

// slowSessionKey is get_str_from_wsgi, parse_cookie and _unquote, written out for reading.
func slowSessionKey(header, name string) string {
	value := ""
	for chunk := range strings.SplitSeq(slowDecodeUTF8(header), ";") {
		parts := strings.SplitN(chunk, "=", 2)
		if len(parts) == 2 && strings.Trim(parts[0], pythonSpaces) == name {
			value = slowUnquote(strings.Trim(parts[1], pythonSpaces))
		}
	}
	return value
}

func slowUnquote(s string) string {
	r := []rune(s)
	if len(r) < 2 || r[0] != '"' || r[len(r)-1] != '"' {
		return s
	}
	r = r[1 : len(r)-1]
	var out []rune
	for i := 0; i < len(r); {
		if r[i] == '\\' && i+3 < len(r) && '0' <= r[i+1] && r[i+1] <= '3' {
			if n, err := strconv.ParseUint(string(r[i+1:i+4]), 8, 8); err == nil {
				out = append(out, rune(n))
				i += 4
				continue
			}
		}
		if r[i] == '\\' && i+1 < len(r) && r[i+1] != '\n' {
			i++
		}
		out = append(out, r[i])
		i++
	}
	return string(out)
}

// continuations has, for each lead byte, what may follow it: table 3-7 of the Unicode Standard. The first pair
// bounds the second byte; n counts the bytes after the lead.
func continuations(lead byte) (low, high byte, n int) {
	switch {
	case 0xc2 <= lead && lead <= 0xdf:
		return 0x80, 0xbf, 1
	case lead == 0xe0:
		return 0xa0, 0xbf, 2
	case lead == 0xed:
		return 0x80, 0x9f, 2
	case 0xe1 <= lead && lead <= 0xef:
		return 0x80, 0xbf, 2
	case lead == 0xf0:
		return 0x90, 0xbf, 3
	case 0xf1 <= lead && lead <= 0xf3:
		return 0x80, 0xbf, 3
	case lead == 0xf4:
		return 0x80, 0x8f, 3
	}
	return 0, 0, 0
}

// slowDecodeUTF8 is bytes.decode(errors="replace"): what begins well and breaks off is one U+FFFD.
func slowDecodeUTF8(s string) string {
	var out []rune
	for i := 0; i < len(s); {
		if s[i] < 0x80 {
			out = append(out, rune(s[i]))
			i++
			continue
		}
		low, high, n := continuations(s[i])
		end := i + 1
		for end < len(s) && end <= i+n && low <= s[end] && s[end] <= high {
			low, high = 0x80, 0xbf
			end++
		}
		if n > 0 && end == i+n+1 {
			out = append(out, []rune(s[i:end])...)
		} else {
			out = append(out, utf8.RuneError)
		}
		i = end
	}
	return string(out)
}
