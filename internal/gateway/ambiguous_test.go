package gateway_test

import (
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/gateway"
)

func TestAmbiguous(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uri string
		want      bool
	}{
		{"the root", "/", false},
		{"a path and a query", "/a/b.txt?c=d", false},
		{"encoded letters", "/caf%C3%A9/%e6%97%a5", false},
		{"letters that are not encoded", "/café", false},
		{"an encoded space", "/a%20b", false},
		{"dots in a name", "/a..b/...", false},
		{"a percent sign in a name", "/100%25", false},
		{"a query with anything", "/a?b=//c/../d;e%2f%zz", false},
		{"an encoded slash", "/a%2fb", true},
		{"an encoded slash in capitals", "/a%2Fb", true},
		{"an encoded backslash", "/a%5cb", true},
		{"an encoded dot", "/%2e%2E/a", true},
		{"an encoded letter", "/%61", true},
		{"an encoded digit", "/a%30", true},
		{"an encoded hyphen", "/a%2db", true},
		{"an encoded semicolon", "/a%3bb", true},
		{"an encoded tilde", "/%7Eada", false},
		{"an encoded NUL", "/a%00", true},
		{"an encoded line break", "/a%0d%0ab", true},
		{"an encoded DEL", "/a%7f", true},
		{"an encoded number sign", "/a%23b", true},
		{"an encoded question mark", "/a%3fb", true},
		{"an encoding of an encoding", "/a%252fb", true},
		{"an encoding that is not UTF-8", "/a%ff", true},
		{"an overlong slash", "/%c0%af", true},
		{"a bad encoding", "/a%zz", true},
		{"an encoding that is cut off", "/a%2", true},
		{"a percent sign at the end", "/a%", true},
		{"an encoding across a slash", "/a%/2f", true},
		{"two dots", "/a/../b", true},
		{"two dots at the end", "/a/..", true},
		{"one dot", "/a/./b", true},
		{"two slashes", "/a//b", true},
		{"two slashes at the beginning", "//evil.example/", true},
		{"a semicolon", "/a;b", true},
		{"a backslash", `/a\b`, true},
		{"a backslash at the beginning", `/\evil.example`, true},
		{"a fragment", "/a#b", true},
		{"a fragment in the query", "/a?b#c", true},
		{"a control character in the query", "/a?b\x01", true},
		{"a tab", "/\t/evil.example", true},
		{"bytes that are not UTF-8", "/\xff", true},
		{"bytes that are not UTF-8 in the query", "/?\xff", true},
		{"an absolute URL", "http://h/a", true},
		{"nothing", "", true},
		{"a star", "*", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := gateway.Ambiguous(tt.uri); got != tt.want {
				t.Errorf("%q: %v, want %v", tt.uri, got, tt.want)
			}
		})
	}
}

// TestRefusedPathsAreAmbiguous: what the gateways refuse is no page to return to either.
func TestRefusedPathsAreAmbiguous(t *testing.T) {
	t.Parallel()
	refused, _ := djangotest.DocumentedPaths(t)
	for _, path := range refused {
		if !gateway.Ambiguous(path) {
			t.Errorf("%q is refused, and not ambiguous", path)
		}
	}
}
