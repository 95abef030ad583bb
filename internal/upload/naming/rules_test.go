package naming_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/upload/naming"
)

func TestNewRefusesWhatNoUploadWouldSurvive(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config naming.Config
		want   string
	}{
		{naming.Config{Location: time.UTC}, "no Django version"},
		{naming.Config{Version: newest}, "no time zone"},
		{naming.Config{Version: newest, Location: time.UTC, MaxLength: -1}, "max_length is -1"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "/srv/media"}, "leads out of MEDIA_ROOT"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "a/../b"}, "leads out of MEDIA_ROOT"},
		{naming.Config{Version: djangosession.Version{Major: 1, Minor: 11}, Location: time.UTC, UploadTo: "../b"}, "leads out of MEDIA_ROOT"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: `a\b`}, `write "/"`},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "a\x00b"}, "NUL"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "\xff"}, "not UTF-8"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "100%"}, `write "%%"`},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "%:z/"}, `holds "%:"`},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "%300Y", MaxLength: 1000}, "more than 255 bytes"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: strings.Repeat("x", 98)}, ""},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: strings.Repeat("x", 99)}, "no room for a name within max_length 100"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "%A/%B", MaxLength: 20}, "no room"},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "%A/%B", MaxLength: 21}, ""},
		{naming.Config{Version: djangosession.Version{Major: 1, Minor: 11}, Location: time.UTC, UploadTo: "a/../b"}, ""},
		{naming.Config{Version: newest, Location: time.UTC, UploadTo: "%%:%%"}, ""},
	} {
		_, err := naming.New(tt.config)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
}

// TestMeasuredNames are names as phones, browsers and attackers send them, and what Djangos make of them.
func TestMeasuredNames(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ version, sent, name, stored, second string }{
		{"5.2", "../../etc/pass wd.txt", "pass wd.txt", "pass_wd.txt", "pass_wd_aaaaaaa.txt"},
		{"5.2", `C:\dev\foo.txt`, "foo.txt", "foo.txt", "foo_aaaaaaa.txt"},
		{"5.2", "a&amp;b&#47;c&sol;d.txt", "d.txt", "d.txt", "d_aaaaaaa.txt"},
		{"1.11", "a&amp;b&#47;c&sol;d.txt", "c&sol;d.txt", "csold.txt", "csold_aaaaaaa.txt"},
		{"5.2", "..", "", "", ""},
		{"5.2", "&period;&period;", "", "", ""},
		{"5.2", "dir/", "", "", ""},
		{"1.11", "dir/", "", "", ""},
		{"3.0", "dir/", "", "", ""},
		{"1.11", "..", "..", "", ""},
		{"5.2", "a\x00b.txt", "ab.txt", "ab.txt", "ab_aaaaaaa.txt"},
		{"4.0", "a\x00b.txt", "a\x00b.txt", "ab.txt", "ab_aaaaaaa.txt"},
		{"4.1", "\u202eexe.\u200dtxt\u00a0", "exe.txt", "exe.txt", "exe_aaaaaaa.txt"},
		{"4.0", "\u202eexe.\u200dtxt\u00a0", "\u202eexe.\u200dtxt\u00a0", "exe.txt", "exe_aaaaaaa.txt"},
		{"5.2", "cafe\u0301.txt", "cafe\u0301.txt", "cafe.txt", "cafe_aaaaaaa.txt"},
		{"5.2", "กำนัน.txt", "กำนัน.txt", "กำนน.txt", "กำนน_aaaaaaa.txt"},
		{"5.2", "!!!", "!!!", "", ""},
		{"1.11", "!!!", "!!!", "", ""}, // Django stores it as "up": see docs/divergences.md
		{"5.2", "!@#$%.txt", "!@#$%.txt", ".txt", ".txt_aaaaaaa"},
		{"5.2", "😀.txt", "😀.txt", ".txt", ".txt_aaaaaaa"},
		{"5.2", ".htaccess", ".htaccess", ".htaccess", ".htaccess_aaaaaaa"},
		{"5.2", "<script>.html", "<script>.html", "script.html", "script_aaaaaaa.html"},
		{"5.0", "a.tar.gz", "a.tar.gz", "a.tar.gz", "a.tar_aaaaaaa.gz"},
		{"5.1", "a.tar.gz", "a.tar.gz", "a.tar.gz", "a_aaaaaaa.tar.gz"},
		{"5.0", "v1.2.3 final.txt", "v1.2.3 final.txt", "v1.2.3_final.txt", "v1.2.3_final_aaaaaaa.txt"},
		{"5.1", "v1.2.3 final.txt", "v1.2.3 final.txt", "v1.2.3_final.txt", "v1_aaaaaaa.2.3_final.txt"},
		{"5.2", "a\xe2\x82b\xff.txt", "a\ufffdb\ufffd.txt", "ab.txt", "ab_aaaaaaa.txt"},
	} {
		rules := newRules(t, naming.Config{Version: parseVersion(t, tt.version), UploadTo: "up/%Y"})
		name, ok := rules.Clean(tt.sent)
		if name != tt.name || ok != (tt.name != "") {
			t.Errorf("Django %s, %q: %q, %v, want %q", tt.version, tt.sent, name, ok, tt.name)
		}
		if !ok {
			continue
		}
		stored, err := rules.Store(name, at)
		if tt.stored == "" {
			if !errors.Is(err, naming.ErrSuspiciousFileOperation) {
				t.Errorf("Django %s, %q: %q, %v, want it refused", tt.version, tt.sent, stored, err)
			}
			continue
		}
		names := rules.Names(stored, letterA{})
		first, second := next(t, names), next(t, names)
		if want := "up/2026/" + tt.stored; stored != want || err != nil || first != want || second != "up/2026/"+tt.second {
			t.Errorf("Django %s, %q: %q, %v, then %q, %q, want %q, %q", tt.version, tt.sent, stored, err, first, second, want, tt.second)
		}
	}
}

func TestNamesAreCutTo255Characters(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("é", 300)
	for _, tt := range []struct{ sent, want string }{
		{x[:2*255], x[:2*255]},
		{x[:2*256], x[:2*255]},
		{x[:2*252] + ".txt", x[:2*251] + ".txt"},
		{x + ".a.txt", x[:2*251] + ".txt"},
		{"a." + x, "." + x[:2*254]},
		{"." + x, "." + x[:2*254]},
	} {
		for _, version := range versions {
			if got, _ := newRules(t, naming.Config{Version: parseVersion(t, version)}).Clean(tt.sent); got != tt.want {
				t.Errorf("Django %s: %d bytes, %.10q, want %d, %.10q", version, len(got), got, len(tt.want), tt.want)
			}
		}
	}
}

func TestUploadToIsReadInTheTimeZone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.December, 31, 23, 30, 0, 5000, time.UTC)
	for _, tt := range []struct{ uploadTo, want string }{
		{"up/%Y/%m/%d", "up/2027/01/01/a"},
		{"%-d%_d%e%k%l", "1 1 1 012/a"},
		{"%^a%#p%P%f%%", "FRIamam000005%/a"},
		{"%Z%z", "a"}, // now() has no time zone
		{"%s", "1798759800/a"},
		{"%D", "01/01/27/a"},
		{"%j %U %W %V %G %g %C %y", "001 00 00 53 2026 26 20 27/a"},
		{"%Q%E", "%Q%E/a"},
	} {
		rules := newRules(t, naming.Config{Version: newest, UploadTo: tt.uploadTo, Location: location(t, "Europe/Paris")})
		if got, err := rules.Store("a", at); got != tt.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", tt.uploadTo, got, err, tt.want)
		}
	}
}
