package vectors_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/djangotest/vectors"
)

const file = `comment: a sentence: with a colon
django: 5.2.19
python: 3.13.0
now: 2026-11-22T12:00:00Z
secret-key: "se\"cret"
fallback-keys: ["a, b"]
hashing-algorithm: sha256
store-class: SessionStore
backends: ["b"]
cookie-name: sessionid
cookie: "sessionid=\u00ff"
session-key: "key"
expire-date: 2026-12-06T12:00:00.000001Z
user-key: text
users: [{"id": "1", "username": "ada", "password": "!", "is_active": null}, {"id": "2", "username": "bob", "password": ""}]
expect: authenticated
user-id: "[1]"

data

more
`

func folder(text string) fstest.MapFS {
	return fstest.MapFS{"one.txt": {Data: []byte(text)}, "README.md": {Data: []byte("not a case")}}
}

func TestReadCases(t *testing.T) {
	got, err := vectors.ReadCases(folder(file), 1)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	want := []vectors.Case{{
		Name: "one", Comment: "a sentence: with a colon", Django: "5.2.19", Python: "3.13.0", Now: now,
		SecretKey: `se"cret`, FallbackKeys: []string{"a, b"}, HashingAlgorithm: "sha256", StoreClass: "SessionStore",
		Backends: []string{"b"}, CookieName: "sessionid", Cookie: []string{"sessionid=\xff"}, SessionKey: "key",
		ExpireDate: now.AddDate(0, 0, 14).Add(time.Microsecond), SessionData: "data\n\nmore", UserKey: "text",
		Users: []vectors.CaseUser{
			{ID: "1", Username: "ada", Password: "!", IsActive: json.RawMessage("null")},
			{ID: "2", Username: "bob"},
		},
		UserID: "[1]",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestACaseMayHaveNoCookieHeaderAndNoUser(t *testing.T) {
	text := edit(t, file, "cookie: \"sessionid=\\u00ff\"\n", "")
	text = edit(t, text, "expect: authenticated\nuser-id: \"[1]\"", "expect: anonymous no_cookie")
	got, err := vectors.ReadCases(folder(text), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Cookie != nil || got[0].UserID != "" || got[0].Reason != "no_cookie" {
		t.Errorf("got cookie %q, user %q, reason %q", got[0].Cookie, got[0].UserID, got[0].Reason)
	}
}

func TestReadCasesIsStrict(t *testing.T) {
	for _, tt := range []struct{ name, old, new string }{
		{"an unknown header line", "django: ", "djagno: "},
		{"a header line twice", "user-key: text", "user-key: text\nuser-key: text"},
		{"a header line missing", "python: 3.13.0\n", ""},
		{"no colon", "cookie-name: sessionid", "cookie-name sessionid"},
		{"an empty word", "cookie-name: sessionid", "cookie-name: "},
		{"a word that is no JSON", `"key"`, "key"},
		{"two JSON values", `"key"`, `"key" "key"`},
		{"an unknown field of a user", `"username": "bob"`, `"nickname": "bob"`},
		{"a moment of another form", "2026-11-22T12:00:00Z", "2026-11-22 12:00"},
		{"a key of another kind", "user-key: text", "user-key: blob"},
		{"an unknown algorithm", "sha256", "md5"},
		{"a cookie that is no bytes", `\u00ff`, `\u0100`},
		{"an unknown outcome", "expect: authenticated", "expect: perhaps"},
		{"no reason", "expect: authenticated", "expect: anonymous "},
		{"a reason and a user", "expect: authenticated", "expect: anonymous expired"},
		{"neither a reason nor a user", "user-id: \"[1]\"\n", ""},
		{"no empty line", "\n\n", "\n"},
		{"no newline at the end", "more\n", "more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := edit(t, file, tt.old, tt.new)
			if tt.new == "\n" {
				text = strings.ReplaceAll(file, tt.old, tt.new)
			}
			if got, err := vectors.ReadCases(folder(text), 1); err == nil {
				t.Errorf("read as %+v", got)
			}
		})
	}
}

func TestTooFewVectorsAreAnError(t *testing.T) {
	if _, err := vectors.ReadCases(folder(file), 2); err == nil {
		t.Error("one case was enough for two")
	}
	if _, err := vectors.ReadCases(fstest.MapFS{}, 1); err == nil {
		t.Error("an empty folder was enough")
	}
	rows := fstest.MapFS{"t.jsonl": {Data: []byte("{\"a\": 1}\n{\"a\": 2}\n")}}
	type row struct{ A int }
	got, err := vectors.ReadTable[row](rows, "t.jsonl", 2)
	if want := []row{{1}, {2}}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := vectors.ReadTable[row](rows, "t.jsonl", 3); err == nil {
		t.Error("two rows were enough for three")
	}
	if _, err := vectors.ReadTable[row](rows, "u.jsonl", 0); err == nil {
		t.Error("a missing file was no error")
	}
	if _, err := vectors.ReadTable[struct{ B int }](rows, "t.jsonl", 1); err == nil {
		t.Error("an unknown field was no error")
	}
}

func TestTheVectorsOfTheRepository(t *testing.T) {
	for _, name := range vectors.Djangos(t) {
		line := strings.TrimPrefix(name, "django-")
		for _, c := range vectors.Cases(t, name, 150) {
			if !strings.HasPrefix(c.Django, line+".") {
				t.Errorf("%s/%s was made by Django %s", name, c.Name, c.Django)
			}
		}
	}
}

func edit(tb testing.TB, text, old, replacement string) string {
	tb.Helper()
	edited := strings.Replace(text, old, replacement, 1)
	if edited == text {
		tb.Fatalf("%q is not in the text", old)
	}
	return edited
}
