package gateway_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/gateway"
)

func newLogin(tb testing.TB, loginURL, field string) gateway.LoginURL {
	tb.Helper()
	login, err := gateway.NewLoginURL(loginURL, field)
	if err != nil {
		tb.Fatal(err)
	}
	return login
}

func TestLocation(t *testing.T) {
	t.Parallel()
	at := func(scheme, host, uri string) gateway.Request {
		return gateway.Request{Method: "GET", Scheme: scheme, Host: host, URI: uri}
	}
	here := at("https", "app.example", "/a/b?c=d&e&e=1")
	tests := []struct {
		name, loginURL, field string
		request               gateway.Request
		want                  string
	}{
		{"Django's default", "/accounts/login/", "next", here, "/accounts/login/?next=/a/b%3Fc%3Dd%26e%26e%3D1"},
		{"another field", "/login/", "rd", at("http", "h", "/"), "/login/?rd=/"},
		{"no field", "/login/?a=b", "", here, "/login/?a=b"},
		{"a query stays", "/login/?a=b%20c&d", "next", at("http", "h", "/x"), "/login/?a=b%20c&d=&next=/x"},
		{"the field keeps its place", "/login/?a=1&next=/home/&b=2&a=3", "next", at("http", "h", "/x"), "/login/?a=1&a=3&next=/x&b=2"},
		{"a fragment stays at the end", "/login/#form", "next", at("http", "h", "/x"), "/login/?next=/x#form"},
		{"other letters are encoded", "/connexion/é/", "next", at("http", "h", "/à"), "/connexion/%C3%A9/?next=/%C3%A0"},
		{"encodings are encoded again", "/login/", "next", at("http", "h", "/%C3%A9"), "/login/?next=/%25C3%25A9"},
		{"a relative page", "../login/", "next", at("http", "h", "/x"), "../login/?next=/x"},
		{"the same host and scheme", "https://app.example/login/", "next", here, "https://app.example/login/?next=/a/b%3Fc%3Dd%26e%26e%3D1"},
		{"the same host in capitals", "https://App.Example/login/", "next", at("https", "app.example", "/x"), "https://App.Example/login/?next=/x"},
		{"the same host without a scheme", "//app.example/login/", "next", at("https", "app.example", "/x"), "//app.example/login/?next=/x"},
		{"another scheme", "https://app.example/login/", "next", at("http", "app.example", "/x"), "https://app.example/login/?next=http%3A//app.example/x"},
		{"another host", "https://sso.example/login/", "next", at("https", "app.example:8443", "/x?y"), "https://sso.example/login/?next=https%3A//app.example%3A8443/x%3Fy"},
		{"another host without a path", "https://sso.example", "next", at("https", "app.example", "/x"), "https://sso.example?next=https%3A//app.example/x"},
		{"another host, and ours is unknown", "https://sso.example/login/", "next", at("https", "", "/x"), "https://sso.example/login/"},
		{"our scheme is unknown", "https://app.example/login/", "next", at("", "app.example", "/x"), "https://app.example/login/?next=/x"},
		{"another host, and our scheme is unknown", "https://sso.example/login/", "next", at("", "app.example", "/x"), "https://sso.example/login/"},
		{"our host is not needed", "/login/", "next", at("https", "", "/x"), "/login/?next=/x"},
		{"an ambiguous page is left out", "/login/", "next", at("http", "h", "//evil.example/"), "/login/"},
		{"a path that programs read in two ways is left out", "/login/", "next", at("http", "h", "/a%2fb;c"), "/login/"},
		{"a plus sign is a space in a query", "/login/?a=2+3~", "next", at("http", "h", "/~x+y"), "/login/?a=2%203~&next=/~x%2By"},
		{"a backslash is left out", "/login/", "next", at("http", "h", `/\evil.example/`), "/login/"},
		{"an absolute page is left out", "/login/", "next", at("http", "h", "http://evil.example/"), "/login/"},
		{"a page that Django finds too long is left out", "/login/", "next", at("http", "h", "/"+strings.Repeat("a", 2048)), "/login/"},
		{"a page that Django finds long enough", "/login/", "next", at("http", "h", "/"+strings.Repeat("a", 2047)), "/login/?next=/" + strings.Repeat("a", 2047)},
		{"the zero Request has no page", "/login/", "next", gateway.Request{}, "/login/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := newLogin(t, tt.loginURL, tt.field).Location(tt.request); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestEveryHostMayBeReturnedTo: which ones there are is the gateway's to say.
func TestEveryHostMayBeReturnedTo(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"evil.example", "app.example:8000", "app.example.", "a.app.example", "[::1]:8000"} {
		request := gateway.Request{Method: "GET", Scheme: "http", Host: host, URI: "/x"}
		if got := newLogin(t, "https://sso.example/", "next").Location(request); !strings.Contains(got, "next=") {
			t.Errorf("%s", got)
		}
		if got := newLogin(t, "/login/", "next").Location(request); got != "/login/?next=/x" {
			t.Errorf("a path needs no host: %s", got)
		}
	}
}

func TestLoginURLsThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, loginURL, says string }{
		{"nothing", "", "must begin"},
		{"the name of a URL pattern", "login", "URL pattern"},
		{"the name of a URL pattern in a namespace", "account:login", "URL pattern"},
		{"the path of a view", "project.views.login", "URL pattern"},
		{"a path that depends on the page", "accounts/login/", "must begin"},
		{"only a query", "?login", "must begin"},
		{"another scheme", "javascript:alert(1)//", "must begin"},
		{"another scheme with a host", "ftp://h/", "must begin"},
		{"a scheme without a host", "http:/login/", "must begin"},
		{"three slashes", "///login/", "must begin"},
		{"two slashes without a host", "//?a", "host"},
		{"userinfo", "https://a@h/", "host"},
		{"a bad port", "https://h:x/", "host"},
		{"letters outside ASCII in the host", "https://müller.example/", "host"},
		{"a backslash", `/\evil.example/`, "backslashes"},
		{"a space", "/login /", "white space"},
		{"a line break", "/login/\r\nX: y", "control"},
		{"bytes that are not UTF-8", "/\xff", "UTF-8"},
		{"a query that does not decode to UTF-8", "/login/?a=%ff", "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			login, err := gateway.NewLoginURL(tt.loginURL, "next")
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %v, and does not say %q", err, tt.says)
			}
			if got := login.Location(gateway.Request{Method: "GET", Scheme: "http", Host: "h", URI: "/"}); got != "" {
				t.Errorf("what was refused sends to %s", got)
			}
		})
	}
}

// FuzzLocation: whatever a client sends, a browser ends up at the login page, and what it brings back is a page of the
// host it came from.
func FuzzLocation(f *testing.F) {
	for _, uri := range []string{"/", "//x/", `/\x`, "/a?b=c#d", "/%2f/x", "/é", "/\t/x"} {
		f.Add("http", "app.example", uri)
		f.Add("https", "[::1]:80", uri)
	}
	logins := []gateway.LoginURL{newLogin(f, "/login/", "next"), newLogin(f, "https://sso.example/login/?x=y#z", "next")}
	f.Fuzz(func(t *testing.T, scheme, host, uri string) {
		r, err := gateway.NewRequest("GET", scheme, host, uri)
		if err != nil {
			return
		}
		for n, login := range logins {
			got := login.Location(r)
			for i := range len(got) {
				if got[i] <= ' ' || got[i] > '~' {
					t.Fatalf("%q", got)
				}
			}
			wantHost := []string{r.Host, "sso.example"}[n]
			base := "http://" + r.Host + "/"
			if r.Host == "" {
				base, wantHost = "http://unknown.example/", []string{"unknown.example", "sso.example"}[n]
			}
			if read := browserHost(got, base); read != wantHost {
				t.Fatalf("%q leads to %q", got, read)
			}
			next := nextOf(t, got)
			if read := browserHost(next, base); next != "" && read != browserHost("/", base) {
				t.Fatalf("%q comes back to %q", got, read)
			}
		}
	})
}
