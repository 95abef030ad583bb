//go:build live && gateways

package e2e

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// climbs are ways to write "one folder up", as some server or other reads them.
var climbs = []string{
	"../", "%2e%2e/", ".%2e/", "%2E./", "..;/", "%2e%2e;/", "..;x=y/", ".;x/../", ";/../", "x;/../../", "..%3b/", "%2e%2e%3b/", "../;/", ";x/../;/",
	"..%2f", "..%2F", "%2e%2e%2f", "..;%2f", "..%2f;/", "%2f../", "x%2f../../", "..\\", "..%5c", "..%5C", "\\..\\", "%5c..%5c", "%5c../", "..\\/", "..%c1%9c",
	"..%252f", "%252e%252e/", "%252e%252e%252f", "..%255c", "..%253b/", "%25252e%25252e/", "%%32%65%%32%65/", "%u002e%u002e/", "..%u2215", "..%u002f",
	"%c0%ae%c0%ae/", "\xc0\xae\xc0\xae/", "%e0%80%ae%e0%80%ae/", "%f0%80%80%ae%f0%80%80%ae/", "..%c0%af", "..\xc0\xaf", "..%e0%80%af", "..%c0%9v",
	"%ef%bc%8e%ef%bc%8e/", "．．/", "..%ef%bc%8f", "..%e2%88%95", "..%e2%80%a5/", "%e2%80%a5/", "%e3%80%82%e3%80%82/", "..%u",
	"..%00/", "..%01/", "..%09/", "..%0a/", "..%0d/", "..%20/", "..%7f/", "..\t/", "..\x01/", ".. /", "%20../", "..%c2%a0/", "..%e2%80%8b/", "..%ad/",
	"/../", "//../", "..//", "./../", "x/../../", "x//../../", ".../", "....//", "..././", "..../", "?/../", "#/../", "%3f/../", "%23/../", "?x#/../", "..?/", "..#/",
	"..%", "..%2", "..%2e/", "..%/", "%/../", "%2/../", "..+/", "..,/", "..&/", "..:/", "..~/", "..*/", "..|/", "..^/", "..\"/", "..<>/",
}

// admins are ways to write "admin", as some server or other reads them.
var admins = []string{
	"admin", "admin/", "ADMIN", "ADMIN/", "Admin", "aDmIn/", "admin/x", "ADMIN/x", "admin/?x=y", "admin?x=y", "ADMIN?x=y", "admin?", "%61dmin/", "%61dmin", "%41DMIN/",
	"adm%69n", "%61%64%6d%69%6e/", "admin%2f", "admin%2Fx", "admin%5c", "admin\\", "admin\\x", "admin;", "admin;/", "admin;x", "admin;x/", "ADMIN;x/", "admin;x=y/secret",
	"admin;%2f", ";admin/", "admin/;x", "admin%3b/", "admin%3bx", "admin%253b/", ";/admin/", ";x=y/admin", "x;/../admin/", "/admin/", "//admin", "./admin/", "%2e/admin/", ".;/admin/",
	"%2e;/admin/", "x/../admin/", "%2fadmin/", "\\admin/", "%5cadmin/", "x/..;/admin/", "x/%2e%2e/admin", "admin//", "admin/.", "admin/..;/admin/", "admin/x/..", "admin.", "admin./",
	"admin..", "admin%2e", "admin%20", "admin%20/", "%20admin/", "admin /", "admin\t", "\tadmin/", "admin%09", "admin%09/", "admin%0a", "admin%0d%0a/", "%0aadmin/",
	"admin%00", "admin%00/", "%00admin/", "admin\x01/", "admin%7f/", "admin%85/", "admin%a0/", "adm%c4%b1n/", "ADM%C4%B0N/", "admın/", "%c0%e1dmin/", "%c1%a1dmin/",
	"%ef%bd%81dmin/", "ａｄｍｉｎ/", "admin%ef%bc%8f", "adm%c2%adin/", "adm%e2%80%8bin/", "a%cc%80dmin/", "%2561dmin/", "admi%256e/", "admin%252f", "admin%", "admin%2",
	"admin%zz", "admin%u002f", "%u0061dmin/", "admin#", "admin#/", "#/admin/", "admin%23/", "admin%3f/", "?/admin/", "admin*", "admin/*", "admin,x/", "admin:x/", "admin@x/",
	"admin&x/", "admin=x/", "admin+/", "admin$/", "admin!/", "admin'/", "admin(/", "admin~/", "admin|/", "admin^/", "admin`/", "admin\"/", "admin{/", "admin[/", "admin</",
}

// The ways below are put behind these, and lead to these.
var (
	publicPrefixes = []string{"/static/", "/accounts/", "/STATIC/", "/static", "/stati%63/", "/static/x/../../static/"}
	protectedPlace = []string{"admin/", "admin", "ADMIN/x", "page"}
)

// overHTTP2 is the version of requests that are sent by HTTP/2, with prior knowledge, to gateways that take it.
const overHTTP2 = "HTTP/2"

// A spelling is a request line and headers of its own.
type spelling struct{ method, target, version, headers string }

func (s spelling) request(cookie string) string {
	host := "Host: example.com\r\n"
	if strings.Contains(s.headers, "Host:") {
		host = ""
	}
	return s.method + " " + s.target + s.version + "\r\n" + host + s.headers + cookie + "Connection: close\r\n\r\n"
}

// pathSpellings are the requests that are tried: all of the above in all combinations, each as a path, and some in the other
// forms of a request's target, of RFC 9112, 3.2.
func pathSpellings() []spelling {
	var list []spelling
	add := func(targets ...string) {
		for _, target := range targets {
			list = append(list, spelling{"GET", target, " HTTP/1.1", ""})
		}
	}
	for i, climb := range climbs {
		for j, prefix := range publicPrefixes {
			if j < 2 { // what is special about the others is no matter of each climb
				for _, place := range protectedPlace {
					add(prefix + climb + place)
				}
			} else if i < 12 {
				add(prefix + climb + "admin/")
			}
		}
	}
	for i, admin := range admins {
		add("/" + admin)
		list = append(list, spelling{"GET", "http://example.com/" + admin, " HTTP/1.1", ""})
		if i < 30 {
			add(admin, "http://other/"+admin, "HTTPS://example.com/"+admin, "/static/"+admin, "/accounts"+admin)
			list = append(list, spelling{"GET", "/" + admin, " HTTP/1.0", ""}, spelling{"POST", "/" + admin, " HTTP/1.1", "Content-Length: 0\r\n"})
		}
	}
	add(oddTargets()...)
	list = append(list, oddRequests()...)
	// A client of HTTP/2 writes what it likes into :path: a third of them go by it, too.
	for i, s := range list[:len(list):len(list)] {
		if i%3 == 0 && s.version == " HTTP/1.1" && s.headers == "" && isPath(s.target) {
			list = append(list, spelling{s.method, s.target, overHTTP2, ""})
		}
	}
	for _, target := range []string{
		"/static/\xff;/admin/", "/static/ /../admin/", "admin/", "http://x/admin/",
	} {
		list = append(list, spelling{"GET", target, overHTTP2, ""})
	}
	return list
}

func oddTargets() []string {
	return []string{
		"*", "/*", "", "/", "//", "///", "?", "?/static/", "#", "/#/static/", "/?/static/", "page", "static/", "static/../admin/", "\\", "\\static/", ".", "..", "/.", "/..",
		"http://example.com", "http://example.com?/admin/", "http://example.com#/admin/", "http://example.com;/admin/", "http:///admin/", "http:/admin/", "http:admin/", "http:",
		"http://example.com\\admin/", "http://static/@other/admin/", "http://example.com@/static/", "http://example.com:80/admin/", "http://example.com:/admin/", "http://[::1]/admin/",
		"http://example.com:8080:80/admin/", "http://example.com/static/..;/admin/", "http://example.com/static/%2e%2e/admin/", "http://example.com//admin/", "http://%2f/admin/",
		"ftp://example.com/admin/", "javascript:/admin/", "//example.com/admin/", "//static/admin/", "///static/../admin/", "example.com:80", "example.com/admin/", "@/admin/",
		"/static/ /../admin/", "/admin/ /static/", "/static/ HTTP/1.1 /admin/", "/static/\x00/../admin/", "/static/\x0b/../admin/", "/static/\x7f../admin/", "/static/\xff../admin/",
		"/static/" + strings.Repeat("x/", 900) + strings.Repeat("../", 901) + "admin/", "/static/" + strings.Repeat("..;/", 900) + "admin/",
		"/" + strings.Repeat("./", 1500) + "admin/", "/" + strings.Repeat("/", 3000) + "admin/", "/" + strings.Repeat("a", 7000), "/static/" + strings.Repeat("%2e%2e;/", 600) + "admin/",
		"/_django_sidecar/../admin/", "/auth/forward/../admin/", "/static/.well-known/../../admin/", "/accounts/login/..;/..;/admin/", "/accounts/login;/../../admin/",
	}
}

// oddRequests have the place elsewhere than in the target, or are no plain GET.
func oddRequests() []spelling {
	list := []spelling{
		{"OPTIONS", "*", " HTTP/1.1", ""},
		{"OPTIONS", "/admin/", " HTTP/1.1", ""},
		{"CONNECT", "example.com:80", " HTTP/1.1", ""},
		{"CONNECT", "/admin/", " HTTP/1.1", ""},
		{"CONNECT", "/static/", " HTTP/1.1", ""},
		{"HEAD", "/admin;x/", " HTTP/1.1", ""},
		{"TRACE", "/admin/", " HTTP/1.1", ""},
		{"get", "/static/..;/admin/", " HTTP/1.1", ""},
		{"GET", " /admin/", " HTTP/1.1", ""},
		{"GET", "\t/admin/", " HTTP/1.1", ""},
		{"GET", "/admin/", "  HTTP/1.1", ""},
		{"GET", "/admin/", "\tHTTP/1.1", ""},
		{"GET", "/static/..;/admin/", " HTTP/1.0", ""},
		{"GET", "/static/../admin/", " HTTP/1.0", ""},
		{"GET", "/admin", " HTTP/1.2", ""},
		{"GET", "/admin", " HTTP/2.0", ""},
		{"GET", "/static/x", " HTTP/1.1", "Host: example.com/admin/\r\n"},
		{"GET", "/static/x", " HTTP/1.1", "Host: /../admin/\r\n"},
		{"GET", "/static/x", " HTTP/1.1", "Host: admin\r\nHost: x\r\n"},
	}
	for _, name := range []string{
		"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X_Original_URL", "X.Rewrite.Url", "SCRIPT_NAME", "PATH_INFO", "Script_Name",
	} {
		list = append(list, spelling{"GET", "/static/x", " HTTP/1.1", name + ": /admin/\r\n"})
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		list = append(list, spelling{"POST", "/static/..;/admin/", " HTTP/1.1", name + ": GET\r\nContent-Length: 0\r\n"})
	}
	return list
}

// randomSpelling is made of the same pieces, and of some more, without a plan.
func randomSpelling(r *rand.Rand) spelling {
	pieces := slices.Concat(climbs, admins, publicPrefixes, protectedPlace, []string{
		"/", ".", "%", "2e", "25", ";", "\\", "?", "#", "é", "%ff", "\xff", "x", "\"", "<", "^", "{", "|", "\x80", "%2f", "%2e", "%5c", "%3b", "..", "../", "..;/",
	})
	var b strings.Builder
	b.WriteString([]string{"/", "/static/", "/accounts/", "/admin", "/", "http://example.com/", ""}[r.IntN(7)])
	for range 1 + r.IntN(4) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	version := []string{" HTTP/1.1", " HTTP/1.0", overHTTP2}[r.IntN(3)]
	if version == overHTTP2 && !isPath(b.String()) {
		version = " HTTP/1.1"
	}
	return spelling{"GET", b.String(), version, ""}
}

// isPath says whether a target looks like a path at all. Envoy takes a second to refuse others by HTTP/2.
func isPath(target string) bool {
	return strings.HasPrefix(target, "/") && !strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
