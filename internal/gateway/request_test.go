package gateway_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/gateway"
)

func TestNewRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                      string
		method, scheme, host, uri string
		want                      gateway.Request // zero: refused
	}{
		{"an ordinary one", "GET", "https", "example.com", "/a?b=c", gateway.Request{Method: "GET", Scheme: "https", Host: "example.com", URI: "/a?b=c"}},
		{"a WebSocket counts as http", "GET", "ws", "h", "/", gateway.Request{Method: "GET", Scheme: "http", Host: "h", URI: "/"}},
		{"a secure WebSocket counts as https", "GET", "WSS", "h", "/", gateway.Request{Method: "GET", Scheme: "https", Host: "h", URI: "/"}},
		{"a method with a hyphen", "M-SEARCH", "http", "h", "/", gateway.Request{Method: "M-SEARCH", Scheme: "http", Host: "h", URI: "/"}},
		{"no host", "GET", "http", "", "/", gateway.Request{Method: "GET", Scheme: "http", URI: "/"}},
		{"an ambiguous path is judged like any other", "GET", "http", "h", "//x/%2f..;", gateway.Request{Method: "GET", Scheme: "http", Host: "h", URI: "//x/%2f..;"}},
		{"no method", "", "http", "h", "/", gateway.Request{}},
		{"a method in small letters", "get", "http", "h", "/", gateway.Request{}},
		{"a method with a space", "GET /", "http", "h", "/", gateway.Request{}},
		{"a method that begins with a hyphen", "-GET", "http", "h", "/", gateway.Request{}},
		{"a method with a line break", "GET\r\n", "http", "h", "/", gateway.Request{}},
		{"no scheme", "GET", "", "h", "/", gateway.Request{Method: "GET", Host: "h", URI: "/"}},
		{"the schemes of two proxies", "GET", "https,http", "h", "/", gateway.Request{Method: "GET", Scheme: "https", Host: "h", URI: "/"}},
		{"the schemes of three, one of which says nothing", "GET", " , WSS ,http", "h", "/", gateway.Request{Method: "GET", Scheme: "https", Host: "h", URI: "/"}},
		{"another scheme", "GET", "javascript", "h", "/", gateway.Request{Method: "GET", Host: "h", URI: "/"}},
		{"another scheme and one that is known", "GET", "h2, https", "h", "/", gateway.Request{Method: "GET", Scheme: "https", Host: "h", URI: "/"}},
		{"a scheme with a line break", "GET", "http\r\n", "h", "/", gateway.Request{Method: "GET", Host: "h", URI: "/"}},
		{"the hosts of two proxies", "GET", "http", "shop.example, 10.0.0.1:8000", "/", gateway.Request{Method: "GET", Scheme: "http", Host: "shop.example", URI: "/"}},
		{"a malformed host and another", "GET", "http", "a@b, shop.example", "/", gateway.Request{Method: "GET", Scheme: "http", Host: "shop.example", URI: "/"}},
		{"no URI", "GET", "http", "h", "", gateway.Request{}},
		{"a URI that is an absolute URL", "GET", "http", "h", "http://h/", gateway.Request{}},
		{"a URI without a slash", "GET", "http", "h", "a", gateway.Request{}},
		{"a URI that is a star", "OPTIONS", "http", "h", "*", gateway.Request{}},
		{"a URI with a space", "GET", "http", "h", "/a b", gateway.Request{}},
		{"a URI with a line break", "GET", "http", "h", "/a\nb", gateway.Request{}},
		{"a URI with NUL", "GET", "http", "h", "/\x00", gateway.Request{}},
		{"a URI with DEL", "GET", "http", "h", "/\x7f", gateway.Request{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.NewRequest(tt.method, tt.scheme, tt.host, tt.uri)
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if refused := tt.want == (gateway.Request{}); refused != (err != nil) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && tt.uri != "" && len(tt.uri) > 1 && strings.Contains(err.Error(), tt.uri) {
				t.Errorf("the error repeats the URI: %v", err)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, host, want string }{
		{"capitals", "Example.COM", "example.com"},
		{"a port", "example.com:8000", "example.com:8000"},
		{"an address", "127.0.0.1:1", "127.0.0.1:1"},
		{"an address of IPv6", "[::1]", "[::1]"},
		{"an address of IPv6 with a port", "[2001:DB8::1]:443", "[2001:db8::1]:443"},
		{"a dot at the end", "example.com.", "example.com."},
		{"an underscore, as service names have", "my_app:80", "my_app:80"},
		{"punycode", "xn--mller-kva.example", "xn--mller-kva.example"},
		{"the highest port", "h:65535", "h:65535"},
		{"a port that is too high", "h:65536", ""},
		{"port zero", "h:0", ""},
		{"an empty port", "h:", ""},
		{"a port with a sign", "h:+80", ""},
		{"a port that is a word", "h:http", ""},
		{"two ports", "h:1:2", ""},
		{"userinfo", "good.example@evil.example", ""},
		{"userinfo with a password", "a:b@h", ""},
		{"a path", "h/x", ""},
		{"a backslash", `h\x`, ""},
		{"a query", "h?x", ""},
		{"two hosts", "a,b", "a"},
		{"a space", "a b", ""},
		{"a line break", "h\r\nx", ""},
		{"letters outside ASCII", "müller.example", ""},
		{"the Kelvin sign, a k in small letters", "\u212a.example", ""},
		{"bytes that are not UTF-8", "h\xff", ""},
		{"an address of IPv6 without brackets", "::1", ""},
		{"brackets that do not close", "[::1", ""},
		{"brackets that do not open", "::1]", ""},
		{"a name in brackets", "[h]", ""},
		{"an address of IPv4 in brackets", "[127.0.0.1]", ""},
		{"a zone", "[fe80::1%25eth0]", ""},
		{"something behind the brackets", "[::1]x", ""},
		{"only a port", ":80", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := gateway.NewRequest("GET", "http", tt.host, "/")
			if err != nil || r.Host != tt.want {
				t.Errorf("%q, %v; want %q", r.Host, err, tt.want)
			}
		})
	}
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url string
		want      gateway.Request // zero: refused
	}{
		{"as nginx makes it", "https://example.com:8443/a/?b=http://c/", gateway.Request{Method: "PUT", Scheme: "https", Host: "example.com:8443", URI: "/a/?b=http://c/"}},
		{"the host of HTTP/1.0 is empty", "http:///a", gateway.Request{Method: "PUT", Scheme: "http", URI: "/a"}},
		{"a path with a scheme in it", "http://h/http://x/", gateway.Request{Method: "PUT", Scheme: "http", Host: "h", URI: "/http://x/"}},
		{"nothing", "", gateway.Request{}},
		{"only a path", "/a?b=http://c/", gateway.Request{Method: "PUT", URI: "/a?b=http://c/"}},
		{"the schemes of two proxies", "https, http://h/a", gateway.Request{Method: "PUT", Scheme: "https", Host: "h", URI: "/a"}},
		{"an empty scheme", "://h/a", gateway.Request{Method: "PUT", Host: "h", URI: "/a"}},
		{"no path", "http://h", gateway.Request{}},
		{"a query and no path", "http://h?a", gateway.Request{}},
		{"a host with a query in it", "http://h?a/b", gateway.Request{Method: "PUT", Scheme: "http", URI: "/b"}},
		{"a host with userinfo", "http://a@h/", gateway.Request{Method: "PUT", Scheme: "http", URI: "/"}},
		{"a host with a backslash", `http://h\@x/`, gateway.Request{Method: "PUT", Scheme: "http", URI: "/"}},
		{"another scheme", "ftp://h/", gateway.Request{Method: "PUT", Host: "h", URI: "/"}},
		{"a line break", "http://h/a\r\nb", gateway.Request{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.ParseRequest("PUT", tt.url)
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if refused := tt.want == (gateway.Request{}); refused != (err != nil) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestRedirectStatus(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int{"GET": 302, "HEAD": 302, "POST": 303, "PUT": 303, "OPTIONS": 303} {
		if got := (gateway.Request{Method: method}).RedirectStatus(); got != want {
			t.Errorf("%s: %d, want %d", method, got, want)
		}
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, scheme, host, port, want string }{
		{"another port", "https", "shop.example", "8443", "shop.example:8443"},
		{"the usual port", "https", "shop.example", "443", "shop.example"},
		{"the usual port of another scheme", "http", "shop.example", "443", "shop.example:443"},
		{"the host has one", "https", "shop.example:9000", "8443", "shop.example:9000"},
		{"no host", "https", "", "8443", ""},
		{"no scheme", "", "shop.example", "443", "shop.example:443"},
		{"those of two proxies", "https", "shop.example", " 8443, 80", "shop.example:8443"},
		{"leading zeros", "https", "shop.example", "0443", "shop.example"},
		{"an address of IPv6", "http", "[::1]", "8080", "[::1]:8080"},
		{"no port", "https", "shop.example", "", "shop.example"},
		{"no number", "https", "shop.example", "https", "shop.example"},
		{"too high a number", "https", "shop.example", "65536", "shop.example"},
		{"zero", "https", "shop.example", "0", "shop.example"},
		{"something behind it", "https", "shop.example", "80/x", "shop.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := gateway.NewRequest("GET", tt.scheme, tt.host, "/")
			if got := r.WithPort(tt.port).Host; err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
