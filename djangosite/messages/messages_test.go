package messages_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/messages"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// shown is a message as a Django shows it.
type shown struct {
	Level messages.Level `json:"level"`
	Text  string         `json:"text"`
	Safe  bool           `json:"safe"`
	Tags  string         `json:"tags"`
	All   string         `json:"all"`
}

// row is one request to a Django: what its cookie and its session had, what was added, shown and written. Nothing
// written is null, and deleted is "".
type row struct {
	Secret       string   `json:"secret"`
	Fallbacks    []string `json:"fallbacks"`
	Algorithm    string   `json:"algorithm"`
	Kind         string   `json:"kind"`
	Storage      string   `json:"storage"`
	Cookie       *string  `json:"cookie"`
	Session      *string  `json:"session"`
	Add          []added  `json:"add"`
	Read         bool     `json:"read"`
	Shown        []shown  `json:"shown"`
	Unstored     int      `json:"unstored"`
	WroteCookie  *string  `json:"wrote_cookie"`
	WroteSession *string  `json:"wrote_session"`
}

// added is [level, text, safe, tags].
type added struct{ messages.Message }

func (a *added) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&a.Level, &a.Text, &a.Safe, &a.ExtraTags})
}

const now = 1795348800

var kinds = map[string]messages.Kind{
	"fallback": messages.FallbackStorage, "cookie": messages.CookieStorage, "session": messages.SessionStorage,
}

func (r *row) format(t *testing.T, version string, kind messages.Kind) *messages.Format {
	t.Helper()
	algorithm := signing.SHA256
	if r.Algorithm == "sha1" {
		algorithm = signing.SHA1
	}
	f, err := messages.New(messages.Options{
		Version: djangosession.MustVersion(version), SecretKey: signing.SecretKey(r.Secret), HashingAlgorithm: algorithm,
		SecretKeyFallbacks: signing.SecretKeys(r.Fallbacks...), Storage: kind,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func storage(f *messages.Format, cookie, session *string) *messages.Storage {
	value := ""
	if cookie != nil {
		value = *cookie
	}
	return f.Storage(value, func() (string, bool, error) {
		if session == nil {
			return "", false, nil
		}
		return *session, true, nil
	})
}

// TestMessagesAsDjango: each request shows and writes what it does in each Django.
func TestMessagesAsDjango(t *testing.T) {
	t.Parallel()
	for version, rows := range vectors.Library[row](t, "messages", 180) {
		seen := map[string]int{}
		for _, r := range rows {
			testVisit(t, version, &r, seen)
		}
		if seen["shown"] < 80 || seen["cookies"] < 60 || seen["sessions"] < 20 || seen["unstored"] < 1 || seen["both"] < 1 {
			t.Errorf("Django %s: %v", version, seen)
		}
	}
}

func testVisit(t *testing.T, version string, r *row, seen map[string]int) {
	t.Helper()
	f := r.format(t, version, kinds[r.Storage])
	s := storage(f, r.Cookie, r.Session)
	first := len(r.Add)
	if r.Read {
		first /= 2
	}
	for _, a := range r.Add[:first] {
		s.Add(a.Message)
	}
	if r.Read {
		list, err := s.All()
		if got := asShown(list); err != nil || !reflect.DeepEqual(got, r.Shown) && len(got)+len(r.Shown) > 0 {
			t.Errorf("Django %s, %s, %v: shown %+v, %v, want %+v", version, r.Storage, text(r.Cookie), got, err, r.Shown)
		}
		seen["shown"] += len(list)
	}
	for _, a := range r.Add[first:] {
		s.Add(a.Message)
	}
	c, err := s.Update(time.Unix(now, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !sameCookie(t, r, version, c.Cookie, r.WroteCookie) || !sameList(t, r, version, c.Session, r.WroteSession) || !near(len(c.Unstored), r.Unstored, version) {
		t.Errorf("Django %s, %s:\nwrote %s and %s, %d unstored\nwant  %s and %s, %d unstored",
			version, r.Storage, text(c.Cookie), text(c.Session), len(c.Unstored), text(r.WroteCookie), text(r.WroteSession), r.Unstored)
	}
	for name, written := range map[string]bool{
		"cookies": c.Cookie != nil, "sessions": c.Session != nil, "unstored": len(c.Unstored) > 0,
		"both": c.Session != nil && *c.Session != "" && c.Cookie != nil,
	} {
		if written {
			seen[name]++
		}
	}
}

// sameCookie: the same value, but where a compressor has its say: then the same messages, but for one that another
// compressor has no room for.
func sameCookie(t *testing.T, r *row, version string, got, want *string) bool {
	t.Helper()
	if got == nil || want == nil || *got == *want || !strings.HasPrefix(*want, ".") {
		return reflect.DeepEqual(got, want)
	}
	mine, theirs := r.listOf(t, version, messages.CookieStorage, got), r.listOf(t, version, messages.CookieStorage, want)
	return len(mine) > 0 && prefixed(mine, theirs, r.Storage == "fallback") && len(*got) <= 2048
}

func sameList(t *testing.T, r *row, version string, got, want *string) bool {
	t.Helper()
	if got == nil || want == nil || *got == *want {
		return reflect.DeepEqual(got, want)
	}
	mine, theirs := r.listOf(t, version, messages.SessionStorage, got), r.listOf(t, version, messages.SessionStorage, want)
	return len(mine) > 0 && prefixed(mine, theirs, false)
}

// prefixed: one begins with the other, or ends with it, and has one message more at most.
func prefixed(a, b []messages.Message, begins bool) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	part := b[len(b)-len(a):]
	if begins {
		part = b[:len(a)]
	}
	return len(b)-len(a) <= 1 && reflect.DeepEqual(a, part)
}

func near(got, want int, version string) bool {
	return got == want || djangosession.MustVersion(version).AtLeast(3, 2) && got-want <= 1 && want-got <= 1
}

// listOf are the messages in a written value.
func (r *row) listOf(t *testing.T, version string, kind messages.Kind, written *string) []messages.Message {
	t.Helper()
	s := storage(r.format(t, version, kind), written, written)
	list, err := s.All()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func asShown(list []messages.Message) (all []shown) {
	for _, m := range list {
		all = append(all, shown{m.Level, m.Text, m.Safe, m.ExtraTags, m.Tags()})
	}
	return all
}

func text(s *string) string {
	if s == nil {
		return "nothing"
	}
	return *s
}

// TestEntries: what is no list of messages in a session is an error, and a session that cannot be read too; neither is
// asked where the cookie says all.
func TestEntries(t *testing.T) {
	t.Parallel()
	r := row{Secret: "s3cret"}
	failed := errors.New("the store is away")
	for kind, asked := range map[messages.Kind]bool{messages.SessionStorage: true, messages.FallbackStorage: false, messages.CookieStorage: false} {
		f := r.format(t, "5.2", kind)
		s := f.Storage("", func() (string, bool, error) { return "", false, failed })
		s.Add(messages.Message{Level: messages.Info, Text: "Saved."})
		if _, err := s.All(); errors.Is(err, failed) != asked {
			t.Errorf("storage %d: %v", kind, err)
		}
		s = f.Storage("", func() (string, bool, error) { return "", false, failed })
		s.Add(messages.Message{Level: messages.Info, Text: "Saved."})
		if _, err := s.Update(time.Unix(now, 0)); errors.Is(err, failed) != asked {
			t.Errorf("storage %d: %v", kind, err)
		}
	}
	f := r.format(t, "5.2", messages.SessionStorage)
	for _, entry := range []string{"x", "{}", "1", "null", `["x"]`, `[["__json_message",0,20]]`, `[["x",0,20,"a"]]`, `[["__json_message",0,"20","a"]]`, `[["__json_message",0,20,["a"]]]`, `[["__json_message",0,20,"a","b","c"]]`} {
		if list, err := storage(f, nil, &entry).All(); err == nil {
			t.Errorf("%s: %v", entry, list)
		}
	}
	old := r.format(t, "1.11", messages.SessionStorage)
	for entry, want := range map[string]string{
		`[["__json_message",0,20,42]]`: "42", `[["__json_message",0,20,true]]`: "True", `[["__json_message",0,20,null,null]]`: "None",
		`[["__json_message",20,"a"]]`: "a", `[["__json_message",0,20,"\ud83d\ude00"]]`: "😀",
	} {
		if list, err := storage(old, nil, &entry).All(); err != nil || len(list) != 1 || list[0].Text != want || list[0].Safe {
			t.Errorf("%s: %v, %v", entry, list, err)
		}
	}
}

// TestDenies: what is not said is refused.
func TestDenies(t *testing.T) {
	t.Parallel()
	version := djangosession.MustVersion("3.2")
	for name, o := range map[string]messages.Options{
		"nothing": {}, "no secret": {Version: version}, "no version": {SecretKey: signing.SecretKey("x")},
		"an empty secret": {Version: version, SecretKey: signing.SecretKey("")}, "other keys": {Version: version, SecretKey: signing.DerivedKeys{}},
	} {
		if _, err := messages.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r := row{Secret: "s3cret"}
	s := storage(r.format(t, "5.2", messages.CookieStorage), nil, nil)
	s.Add(messages.Message{Level: messages.Info, Text: "\xff"})
	if c, err := s.Update(time.Unix(now, 0)); err == nil {
		t.Errorf("a text that is not UTF-8 is written as %s", text(c.Cookie))
	}
}

// FuzzCookie: whatever a cookie says, nobody shows what nobody has signed, and what is added is read again.
func FuzzCookie(f *testing.F) {
	f.Add("x$[]", "Saved.", "big", false, uint8(0))
	f.Add(".eJw:1:x", "é;\",\\", "", true, uint8(8))
	f.Add("", "0", "\xed\xa0\x9d", true, uint8(7))
	names := []string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.0", "4.1", "5.2", "6.1"}
	f.Fuzz(func(t *testing.T, cookie, saying, tags string, safe bool, which uint8) {
		r := row{Secret: "s3cret"}
		format := r.format(t, names[int(which)%len(names)], messages.CookieStorage)
		if list, err := storage(format, &cookie, nil).All(); err != nil || len(list) > 0 {
			t.Fatalf("%q: %v, %v", cookie, list, err)
		}
		want := messages.Message{Level: messages.Success, Text: saying, Safe: safe, ExtraTags: tags}
		s := storage(format, nil, nil)
		s.Add(want)
		c, err := s.Update(time.Unix(now, 0))
		if err != nil || saying == "" || len(c.Unstored) > 0 {
			return
		}
		value := djangosession.SessionKey([]string{"messages=" + *c.Cookie}, messages.CookieName)
		if list, err := storage(format, &value, nil).All(); err != nil || len(list) != 1 || list[0] != want {
			t.Errorf("%+v is written as %s, and read as %+v, %v", want, *c.Cookie, list, err)
		}
	})
}
