package naming_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/upload/naming"
)

func TestDisposition(t *testing.T) {
	t.Parallel()
	file := func(filename string) naming.Disposition {
		return naming.Disposition{ItemType: naming.File, Name: "f", Filename: filename}
	}
	field := naming.Disposition{ItemType: naming.Field, Name: "f"}
	dropped := naming.Disposition{}
	for _, tt := range []struct {
		versions, value string
		want            naming.Disposition
	}{
		{"1.11 4.1 5.1 6.1", ` form-data; name="f"; filename="a.txt"`, file("a.txt")},
		{"1.11 4.1 5.1 6.1", `form-data; name="f"`, field},
		{"1.11 4.1 5.1 6.1", `form-data; name="f"; filename=""`, field},
		{"1.11 4.1 5.1 6.1", `form-data; filename="a.txt"`, naming.Disposition{Filename: "a.txt"}}, // as of a body that is no form
		{"1.11 4.1 5.1 6.1", `form-data; name=""; filename="a.txt"`, naming.Disposition{Filename: "a.txt"}},
		{"1.11 4.1 5.1 6.1", `form-data; NAME = " f "; FileName=a;filename=b`, file("b")},
		{"1.11 4.1 5.1 6.1", `form-data; name=f; filename="a"b.txt"`, file(`a"b.txt`)},
		{"1.11 4.1 5.1 6.1", `form-data; name=f; filename="a\"b.txt"`, file(`a"b.txt`)},
		{"1.11 4.1 5.1 6.1", `form-data; name=f; filename="a%22b.txt"`, file("a%22b.txt")},
		{"1.11 4.0", `form-data; name=f; filename="a\";b.txt"`, file(`a\`)},
		{"4.1 5.1 6.1", `form-data; name=f; filename="a\";b.txt"`, file(`a";b.txt`)},
		{"1.11 4.1", "form-data; name=f; filename=\"caf\xe9.txt\"", file("caf\ufffd.txt")},
		{"4.2 5.2 6.1", "form-data; name=f; filename=\"caf\xe9.txt\"", dropped},
		{"1.11 4.1 5.1 6.1", "form-data; name=f; filename*=UTF-8''na%C3%AFve%2Fx.txt", file("naïve/x.txt")},
		{"1.11 4.1 5.1 6.1", "form-data; name=f; filename*=iso-8859-1'en'na%EFve", file("naïve")},
		{"1.11 5.1", "form-data; name=f; filename*=UTF-8''a; filename=b", file("b")},
		{"5.2 6.1", "form-data; name=f; filename*=UTF-8''a; filename=b", file("a")},
		{"5.2 6.0 6.1", `form-data; name=f; filename*1="cd.txt"; filename*0="ab"`, file("abcd.txt")},
		{"5.2", "form-data; name=f; filename*10=c; filename*2*=%62; filename*0*=utf8''%C3%A9", file("ébc")},
		{"1.11 5.1", `form-data; name=f; filename*0="ab"; filename*1="cd.txt"`, field},
		{"1.11 5.1", "form-data; name=f; filename*=BOGUS''x", file("x")},
		{"5.2 6.1", "form-data; name=f; filename*=BOGUS''x", dropped},
		{"1.11 5.1 5.2 6.1", "form-data; name=f; filename*=cp1252''%80", dropped}, // Python knows it: see docs/divergences.md
		{"5.2", "form-data; name=f; filename*=''%C3%A9", file("Ã©")},
		{"5.1", "form-data; name=f; filename*=''%C3%A9", dropped}, // an internal server error
		{"5.2", "form-data; name=f; filename*=%C3%A9", file("\ufffd\ufffd")},
		{"5.2", "form-data; name=f; filename*=a; filename*0=b", dropped}, // an internal server error
		{"5.2", "form-data; name=f; filename=<a>", file("a")},
		{"5.1", "form-data; name=f; filename=<a>", file("<a>")},
		{"5.2", "form-data; name=f; filename*=UTF-8''%C3%A9€", file(`é\u20ac`)},
		{"3.0", `form-data; name=f; filename*="UTF-8''a"`, file(`a"`)},
		{"3.1", `form-data; name=f; filename*="UTF-8''a"`, file("a")},
		{"6.0 6.1", "form-data; name=f; filename=" + strings.Repeat("a", 10_000), dropped},
		{"1.11 5.2 6.1", "", dropped},
		{"1.11", "form-data; name=f; filename=a; \xe9=b", dropped},
	} {
		for _, version := range strings.Fields(tt.versions) {
			rules := newRules(t, naming.Config{Version: parseVersion(t, version)})
			if got := rules.Disposition([]byte(tt.value)); got != tt.want {
				t.Errorf("Django %s, %.100q: %+v, want %+v", version, tt.value, got, tt.want)
			}
		}
	}
}

func TestMainValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ versions, value, want string }{
		{"1.11 4.1 5.1 6.1", " Text/Plain; charset=UTF-8", "text/plain"},
		{"1.11 4.1 5.1 6.1", "BASE64 ", "base64"},
		{"1.11 4.1 5.1 6.1", "", ""},
		{"1.11 4.1 5.1 6.1", "a\xff", ""},
		{"1.11 4.1", "é", ""},
		{"4.2 6.1", "é", "é"},
		{"5.2", "a=b;c", "a"},
		{"5.1", "a=b;c", "a=b"},
	} {
		for _, version := range strings.Fields(tt.versions) {
			rules := newRules(t, naming.Config{Version: parseVersion(t, version)})
			if got := rules.MainValue([]byte(tt.value)); got != tt.want {
				t.Errorf("Django %s, %q: %q, want %q", version, tt.value, got, tt.want)
			}
		}
	}
}
