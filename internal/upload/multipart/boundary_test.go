package multipart_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"django-sidecar/internal/upload/multipart"
)

// django is boundary_re of django/http/multipartparser.py, 5.2.
var django = regexp.MustCompile(`\A[ -~]{0,200}[!-~]\z`)

// contentTypes are headers, and the boundaries in them; "" is a ParserError. Those marked ambiguous have one in some
// Django.
var contentTypes = []struct {
	contentType, boundary string
	ambiguous             bool
}{
	{"multipart/form-data; boundary=+++++", "+++++", false},
	{"multipart/form-data;boundary=abc", "abc", false},
	{"multipart/form-data; charset=utf-8; boundary=abc", "abc", false},
	{"multipart/form-data; boundary=abc; charset=utf-8", "abc", false},
	{"multipart/form-data ; boundary = abc ;", "abc", false},
	{"multipart/form-data; BOUNDARY=aBc", "aBc", false},
	{`multipart/form-data; boundary="a b"`, "a b", false},
	{`multipart/form-data; boundary="a;b"`, "a;b", false},
	{`multipart/form-data; x="a;boundary=no"; boundary=yes`, "yes", false},
	{`multipart/form-data; boundary="abc`, `"abc`, false},
	{`multipart/form-data; boundary=a"b"c`, `a"b"c`, false},
	{"multipart/form-data; boundary=a=b", "a=b", false},
	{"multipart/form-data; boundary=a b", "a b", false},
	{"multipart/form-data; boundary=a\tb", "", false},
	{`multipart/form-data; boundary="abc "`, "", false},
	{`multipart/form-data; boundary=""`, "", false},
	{`multipart/form-data; boundary="`, `"`, false},
	{"multipart/form-data; boundary=", "", false},
	{"multipart/form-data; boundary", "", false},
	{"multipart/form-data", "", false},
	{"multipart/form-data;;;boundary=abc;;", "abc", false},
	{"multipart/form-data; boundary=" + strings.Repeat("b", 201), strings.Repeat("b", 201), false},
	{"multipart/form-data; boundary=" + strings.Repeat("b", 202), "", false},
	{"multipart/form-data; boundary=é", "", false},
	{"multipart/form-data; boundary=abc; x=é", "", false},
	{"", "", false},
	{"text/plain; boundary=abc", "", false},
	{"form-data; boundary=abc", "", false},
	{"multipart/form-dataX; boundary=abc", "", true},
	{"multipart/mixed; boundary=abc", "", true}, // no Django hands these to its parser
	{"multipart/form-data; boundary=<abc>", "", true},
	{`multipart/form-data; boundary="<abc>"`, "<abc>", false},
	{"multipart/form-data; boundary=a; boundary=b", "", true},
	{"multipart/form-data; boundary=abc; boundary*=utf-8''def", "", true},
	{"multipart/form-data; boundary*0=ab; boundary*1=c", "", true},
	{`multipart/form-data; boundary="a\"b"`, "", true},
	{`multipart/form-data; boundary=abc; x="\"`, "", true},
	{`multipart/form-data; boundary=a\b`, "", true},
}

func TestBoundary(t *testing.T) {
	t.Parallel()
	for _, c := range contentTypes {
		got, err := multipart.Boundary(c.contentType)
		if got != c.boundary || (err == nil) != (c.boundary != "") {
			t.Errorf("%q: %q, %v, want %q", c.contentType, got, err, c.boundary)
		}
		if err != nil && !errors.As(err, new(*multipart.ParserError)) {
			t.Errorf("%q: %v is no SyntaxError", c.contentType, err)
		}
		if _, readerErr := multipart.NewReader(strings.NewReader(""), c.contentType, multipart.Limits{}, nil); (readerErr == nil) != (err == nil) {
			t.Errorf("%q: NewReader says %v", c.contentType, readerErr)
		}
	}
}

// The type is compared in any case, as RFC 9110, 8.3.1, says. Django answers 400 to "Multipart/…".
func TestTypeInUpperCase(t *testing.T) {
	t.Parallel()
	if got, err := multipart.Boundary("Multipart/Form-Data; boundary=abc"); got != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
