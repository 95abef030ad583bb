package naming_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"django-sidecar/internal/upload/naming"
)

// versions are one of each way to name files.
var versions = []string{"1.11", "2.2", "3.0", "3.1", "3.2", "4.1", "4.2", "5.1", "5.2", "6.1"}

// eachRules are rules of all kinds.
func eachRules(tb testing.TB, uploadTo string, maxLength int) map[string]*naming.Rules {
	tb.Helper()
	rules := map[string]*naming.Rules{}
	for _, version := range versions {
		r, err := naming.New(naming.Config{Version: parseVersion(tb, version), UploadTo: uploadTo, Location: time.UTC, MaxLength: maxLength})
		if err == nil {
			rules[version] = r
		}
	}
	return rules
}

// FuzzDisposition: whatever a line holds, what comes of it is text, and a file has names.
func FuzzDisposition(f *testing.F) {
	for _, value := range []string{
		` form-data; name="f"; filename="a.txt"`, "form-data; name=f; filename*=UTF-8''na%C3%AFve", `;;"\";=*'`, "a; name*0*=b''%; name*1=\xff",
		"form-data; name=f; filename*1*=%e9; filename*0*=latin1''x", "x; filename*=UTF-8''%C3%A9€", "; name=\xe2\x82; filename=<>",
	} {
		f.Add([]byte(value))
	}
	all := eachRules(f, "", 0)
	f.Fuzz(func(t *testing.T, value []byte) {
		for version, rules := range all {
			d := rules.Disposition(value)
			main := rules.MainValue(value)
			if !utf8.ValidString(d.Name) || !utf8.ValidString(d.Filename) || !utf8.ValidString(main) {
				t.Errorf("Django %s: %q is no text: %+v, %q", version, value, d, main)
			}
			if d.ItemType == naming.File && (d.Name == "" || d.Filename == "") || d.ItemType == naming.Field && d.Filename != "" {
				t.Errorf("Django %s: %q is %+v", version, value, d)
			}
		}
	})
}

// FuzzClean: a name has no slash and is not longer than 255 characters; from 4.1 every character of it can be seen.
func FuzzClean(f *testing.F) {
	for _, name := range []string{"a.txt", "../../a b.txt", `C:\a\b`, "a&#47;b&amp;#47;c", "&nGt;&#x;&#xd800;&lang;", "a\x00\xff\xe2\x82", "..", strings.Repeat("漢.", 200)} {
		f.Add(name)
	}
	all := eachRules(f, "", 0)
	f.Fuzz(func(t *testing.T, sent string) {
		for version, rules := range all {
			name, ok := rules.Clean(sent)
			if ok != (name != "") || strings.Contains(name, "/") || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 255 {
				t.Errorf("Django %s: %q is cleaned to %q, %v", version, sent, name, ok)
			}
			if version > "3.0" && (name == "." || name == ".." || strings.Contains(name, `\`)) || version > "4.0" && strings.ContainsFunc(name, isControl) {
				t.Errorf("Django %s: %q is cleaned to %q", version, sent, name)
			}
		}
	})
}

func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || 0x200b <= r && r <= 0x200f }

// FuzzStore: a file lands below MEDIA_ROOT, under a name that would be stored as it is, and others are next to it.
func FuzzStore(f *testing.F) {
	f.Add("a.txt", "uploads/%Y/%m/%d/", int64(0), 100)
	f.Add("../a\\..\\b", "%0_10d%^c%Ex/%%%n.", int64(1<<32), 40)
	f.Add("..", "a/../b", int64(1_000_000_007), 30)
	f.Add(strings.Repeat("漢.", 90), "./x//", int64(5), 255)
	f.Add("/etc/passwd\x00", "%s%f%j%G%V%U%W", int64(-1), 60)
	f.Fuzz(func(t *testing.T, name, uploadTo string, at int64, maxLength int) {
		if maxLength %= 1000; maxLength == 0 {
			maxLength = 100
		}
		for version, rules := range eachRules(t, uploadTo, maxLength) {
			now := time.Unix(at%(1<<38), 0).UTC()
			stored, err := rules.Store(name, now)
			if err != nil {
				if !errors.Is(err, naming.ErrSuspiciousFileOperation) || stored != "" {
					t.Errorf("Django %s: %q: %q, %v", version, name, stored, err)
				}
				continue
			}
			if !isBelow(stored) {
				t.Errorf("Django %s: %q below %q is stored as %q", version, name, uploadTo, stored)
			}
			if again, err := newRules(t, naming.Config{Version: parseVersion(t, version)}).Store(base(stored), now); err != nil || again != base(stored) {
				t.Errorf("Django %s: %q is stored as %q, %v", version, base(stored), again, err)
			}
			checkNames(t, rules.Names(stored, letterA{}), stored, maxLength)
		}
	})
}

// isBelow tells whether a path stays in its directory.
func isBelow(path string) bool {
	return fs.ValidPath(path) && path != "." && !strings.ContainsRune(path, 0)
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// checkNames takes a few names.
func checkNames(t *testing.T, names *naming.Names, stored string, maxLength int) {
	t.Helper()
	for range 3 {
		name, err := names.Next()
		if err != nil {
			if !errors.Is(err, naming.ErrSuspiciousFileOperation) && !errors.Is(err, naming.ErrNameTooLong) {
				t.Errorf("%q: %v", stored, err)
			}
			return
		}
		if !isBelow(name) || utf8.RuneCountInString(name) > maxLength || strings.TrimSuffix(name, base(name)) != strings.TrimSuffix(stored, base(stored)) {
			t.Errorf("%q is stored as %q, within %d", stored, name, maxLength)
		}
	}
}
