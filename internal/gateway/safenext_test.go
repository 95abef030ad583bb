package gateway_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/gateway"
)

// TestSafeNext has the URLs of Django's own tests (tests/utils_tests/test_http.py, 6.1, URLHasAllowedHostAndSchemeTests),
// and more.
func TestSafeNext(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("a", 2047)
	tests := []struct {
		host         string
		requireHTTPS bool
		want         bool
		urls         []string
	}{
		{"testserver", false, false, []string{
			"http://example.com", "http:///example.com", "https://example.com", "ftp://example.com", `\\example.com`, `\\\example.com`,
			`/\\/example.com`, `\\\example.com`, `\\example.com`, `\\//example.com`, `/\/example.com`, `\/example.com`, `/\example.com`,
			"http:///example.com", `http:/\//example.com`, `http:\/example.com`, `http:/\example.com`, `javascript:alert("XSS")`,
			"\njavascript:alert(x)", "java\nscript:alert(x)", "\x08//example.com", `http://otherserver\@example.com`,
			`http:\\testserver\@example.com`, `http://testserver\me:pass@example.com`, `http://testserver\@example.com`,
			`http:\\testserver\confirm\me@example.com`, "http:999999999", "ftp:9999999999", "\n", "http://[2001:cdba:0000:0000:0000:0000:3257:9652/",
			"http://2001:cdba:0000:0000:0000:0000:3257:9652]/", "", " ", "///example.com", "////example.com", "/\t/example.com", "/\n\\example.com",
			"\u200b//example.com", "\ufeff/x", "\xff", "//testserver@example.com", "http://testserver:80/", "http://TESTSERVER/", "http://testserver.example.com/",
			"//\u2100.example/", "http://testserver\u3000/", long + "a", "http:testserver/", "https:/x",
		}},
		{"testserver", false, true, []string{
			"/view/?param=http://example.com", "/view/?param=https://example.com", "/view?param=ftp://example.com", "view/?param=//example.com",
			"https://testserver/", "HTTPS://testserver/", "//testserver/", "http://testserver/confirm?email=me@example.com", "/url%20with%20spaces/",
			"path/http:2222222222", long, " /x\u2003", "\x1f/x\x1c", "1http://example.com", "é:x", "?x", "#x", "//testserver", "http://testserver?x", `/x\y`,
		}},
		{"testserver", false, true, []string{"/\t//example.com", "x\n//example.com"}}, // see FuzzSafeNext
		{"testserver", true, false, []string{"http://testserver/", "//testserver/", "http://example.com/p", "ftp://testserver/p", `\\testserver/p`}},
		{"testserver", true, true, []string{"https://testserver/", "HTTPS://testserver/p", "/view/?param=http://example.com"}},
		{"[::1]:8000", false, true, []string{"http://[::1]:8000/", "//[::1]:8000", "/x"}},
		{"[::1]:8000", false, false, []string{"http://[::1]/", "http://[::1:8000/", "http://::1]:8000/"}},
		{"", false, true, []string{"/x", "//", "//?x"}}, // browsers refuse the last two
		{"", false, false, []string{"http:///x", "//x", "http://", "http://x/"}},
		{"user@testserver", false, false, []string{"http://user@testserver/"}}, // no host of a Request
	}
	for _, tt := range tests {
		for _, next := range tt.urls {
			if got := gateway.SafeNext(next, tt.host, tt.requireHTTPS); got != tt.want {
				t.Errorf("%.80q for %q, HTTPS %v: %v", next, tt.host, tt.requireHTTPS, got)
			}
		}
	}
}
