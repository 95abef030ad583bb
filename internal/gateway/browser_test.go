package gateway_test

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"django-sidecar/internal/gateway"
)

// pieces are what the URLs are made of.
var pieces = []string{
	"/", "/", "//", "///", `\`, `\\`, ":", "@", "?", "#", "[", "]", ".", "..", ";", "=", "&", "%", "%2f", "%5c", "%00", "+", "-", "_", "~", "'", `"`,
	" ", "\t", "\n", "\r", "\v", "\f", "\x00", "\x01", "\x08", "\x1c", "\x1f", "\x7f", "\u0080", "\u0085", "\u00a0", "\u00ad", "\u200b", "\u2028", "\u2029",
	"\u202e", "\u2060", "\u3000", "\ufeff", "\ue000", "\uffff", "\U000e0001",
	"http", "https", "HTTP", "ftp", "javascript", "data", "1http", "h+t.t-p", "http:", "https:", "http://", "https://", "http:///", `http:\\`, "javascript:alert(1)",
	"a", "path", "999999999", "me", "me:pass@", "testserver", "testserver:80", "TESTSERVER", "example.com", ".example.com", "testserver.example.com",
	"[::1]", "[::1]:8000", "[::1", "::1]", "[v1.a]", "[127.0.0.1]", "[fe80::1%25eth0]", "müller.example", "xn--mller-kva.example", "\u2100.example", "example。com", "ｅ.example", "é", "日本", "\u0301",
}

// randomURL is a URL as somebody would write it who wants it to be misread.
func randomURL(r *rand.Rand, host string) string {
	var b strings.Builder
	if r.IntN(3) == 0 {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	if r.IntN(2) == 0 {
		b.WriteString([]string{"", "http:", "https:", "HTTP:", "ftp:"}[r.IntN(5)])
		b.WriteString([]string{"//", "//", "/", "///", `\\`, `/\`}[r.IntN(6)])
		b.WriteString([]string{host, host, host, "example.com", "me@" + host, host + ".example.com", host + `\@example.com`, host + "@example.com"}[r.IntN(8)])
	}
	for range r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	if r.IntN(50) == 0 { // about MAX_URL_LENGTH
		length := len([]rune(b.String()))
		b.WriteString(strings.Repeat([]string{"a", "é", "日"}[r.IntN(3)], max(0, 2045+r.IntN(7)-length)))
	}
	return b.String()
}

// browserHost is the host that a browser reads in a URL on a page of base, as the basic URL parser of
// https://url.spec.whatwg.org/ does; "" where the URL leads to no web site.
func browserHost(link, base string) string {
	link = strings.TrimFunc(link, func(r rune) bool { return r <= ' ' })
	link = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(link)
	baseScheme, baseRest, _ := strings.Cut(base, "://")
	baseHost, _, _ := strings.Cut(baseRest, "/")
	scheme, rest := "", link
	if i := strings.IndexByte(link, ':'); i > 0 && isBrowserScheme(link[:i]) {
		scheme, rest = strings.ToLower(link[:i]), link[i+1:]
	}
	switch scheme {
	case "", "http", "https":
	default:
		return "" // javascript:, data:, ...
	}
	slashes := len(rest) - len(strings.TrimLeft(rest, `/\`))
	if slashes < 2 && (scheme == "" || scheme == baseScheme) {
		return baseHost
	}
	authority := rest[slashes:]
	if end := strings.IndexAny(authority, `/\?#`); end >= 0 {
		authority = authority[:end]
	}
	host := strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
	if strings.Contains(host, "%0") {
		return "" // a control character is no part of a host, encoded or not
	}
	return host
}

func isBrowserScheme(text string) bool {
	letters := "abcdefghijklmnopqrstuvwxyz"
	text = strings.ToLower(text)
	return utf8.ValidString(text) && strings.IndexByte(letters, text[0]) >= 0 && strings.Trim(text, letters+"0123456789+-.") == ""
}

// nextOf is the page to return to in a Location.
func nextOf(tb testing.TB, location string) string {
	tb.Helper()
	u, err := url.Parse(location)
	if err != nil {
		tb.Fatal(err)
	}
	return u.Query().Get("next")
}

// FuzzSafeNext: what passes stays on the host, by the reading of a browser and by that of net/url.
func FuzzSafeNext(f *testing.F) {
	for _, next := range []string{"/", "//h/", "///h", `/\h`, `\\h`, "http://h/", "https:h", "http:///x", "\x01//x", "/\t/x", "//h@x", "1http://x", "\u200b//x", "//h\\@x"} {
		f.Add(next, "h", false)
		f.Add(next, "app.example:8000", true)
	}
	f.Fuzz(func(t *testing.T, next, host string, requireHTTPS bool) {
		r, err := gateway.NewRequest("GET", "https", host, "/")
		if err == nil && r.Host != "" && gateway.SafeNext(next, r.Host, requireHTTPS) {
			staysOn(t, next, r.Host, requireHTTPS)
		}
	})
}

// TestSafeNextStaysOnTheHost is FuzzSafeNext with URLs that are made to be misread.
func TestSafeNextStaysOnTheHost(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 0))
	safe := 0
	for range 50000 {
		next, requireHTTPS := randomURL(r, "testserver"), r.IntN(4) == 0
		if gateway.SafeNext(next, "testserver", requireHTTPS) {
			safe++
			staysOn(t, next, "testserver", requireHTTPS)
		}
	}
	if safe < 5000 {
		t.Errorf("only %d are safe: that tests nothing", safe)
	}
}

// staysOn wants a URL to lead to a host, by the reading of a browser and by that of net/url.
func staysOn(t *testing.T, next, host string, requireHTTPS bool) {
	t.Helper()
	// Django finds nothing wrong with "/\t//example.com", and Chrome drops the tab. It does no harm, because
	// HttpResponseRedirect encodes it, as iri_to_uri does; and a Request has none.
	next = strings.NewReplacer("\t", "%09", "\n", "%0A", "\r", "%0D").Replace(strings.TrimSpace(next))
	if got := browserHost(next, "https://"+host+"/"); got != host && got != "" { // "//" is no URL to a browser
		t.Errorf("a browser reads the host %q in %q, and not %q", got, next, host)
	}
	if scheme, _, ok := strings.Cut(next, "://"); ok && requireHTTPS && strings.EqualFold(scheme, "http") {
		t.Errorf("%q is not HTTPS", next)
	}
	if u, err := url.Parse(next); err == nil && u.Host != "" && u.Host != host || err == nil && u.User != nil {
		t.Errorf("net/url reads the host %q in %q", u.Host, next)
	}
}
