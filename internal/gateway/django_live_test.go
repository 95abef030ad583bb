//go:build live

package gateway_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/gateway"
)

var questions = flag.Int("questions", 10000, "how much of each kind every Django is asked")

func random(t *testing.T) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(djangotest.Seed(t), 0))
}

// askDjango puts questions to testdata/answers.py, and decodes the answers into a slice.
func askDjango(t *testing.T, version string, asked [][]any, answers any) {
	t.Helper()
	djangotest.AskScript(t, version, filepath.Join("testdata", "answers.py"), asked, answers)
}

// older says why an older Django or Python reads a URL in another way than the newest: see SafeNext.
func older(next string) string {
	switch {
	case strings.ContainsAny(next, "\t\r\n"):
		return "line breaks inside are not dropped"
	case len([]rune(next)) > 2048:
		return "there is no limit of length"
	case oddScheme.MatchString(strings.TrimFunc(next, func(c rune) bool { return unicode.IsSpace(c) || 0x1c <= c && c <= 0x1f })):
		return "a scheme may begin with a digit or a sign"
	}
	return ""
}

var oddScheme = regexp.MustCompile(`^[0-9+.-][a-zA-Z0-9+.-]*:`)

// TestSafeNextIsDjangos compares SafeNext with the real one. The newest Djangos have to agree with every answer, older
// ones but for what the comment of SafeNext says.
func TestSafeNextIsDjangos(t *testing.T) {
	t.Parallel()
	r := random(t)
	hosts := []string{"testserver", "testserver:80", "[::1]:8000", "example.com", ""}
	asked := make([][]any, 0, *questions)
	for range *questions {
		host := hosts[r.IntN(len(hosts))]
		asked = append(asked, []any{"safe", randomURL(r, host), host, r.IntN(4) == 0})
	}
	for _, version := range []string{"1.11", "2.2", "3.2", "4.2", "5.2", "6.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var answers []any
			askDjango(t, version, asked, &answers)
			explained, yes := map[string]int{}, 0
			for n, question := range asked {
				next, _ := question[1].(string)
				host, _ := question[2].(string)
				requireHTTPS, _ := question[3].(bool)
				got := gateway.SafeNext(next, host, requireHTTPS)
				if got {
					yes++
				}
				if got == answers[n] {
					continue
				}
				if why := older(next); why != "" && version < "5" {
					explained[why]++
					continue
				}
				t.Errorf("%q for %q, HTTPS %v: %v; Django says %v", next, host, requireHTTPS, got, answers[n])
			}
			if yes < *questions/20 || yes > *questions*19/20 {
				t.Errorf("%d of %d are safe: that compares nothing", yes, *questions)
			}
			t.Logf("%d URLs, of which %d are safe; differences: %v", *questions, yes, explained)
		})
	}
}

// djangoPath is escape_uri_path of django/utils/encoding.py, 6.1: a path as Django writes it into `next`.
func djangoPath(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/:@&+$,-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// TestLocationIsDjangos compares Location with what login_required and LoginRequiredMixin send.
func TestLocationIsDjangos(t *testing.T) {
	t.Parallel()
	r := random(t)
	loginURLs := []string{
		"/accounts/login/", "/login/?a=b%20c&d&a=2+3", "/login/?next=/home/&b=%C3%A9&next=2", "/login/#form", "/login/?a=%zz&=x&é=1#é", "../login/", "./login",
		"http://app.example/login/", "https://app.example/login/", "//app.example/login/", "//sso.example:8443", "https://sso.example/a;b/?q='\"<>",
		"HTTP://[::1]:8000/login/?", "/a//b/?~=~&/=/:",
	}
	hosts := []string{"app.example", "app.example:8000", "sso.example:8443", "[::1]:8000", "127.0.0.1"}
	names := []string{"a", "b c", "é", "日本", "~x", "100%", "x=y", "d.txt", "!*'()", "m&n", "+", "$,:@", "<>\"", "..."}
	values := []string{"", "a=b", "a=b&c=d", "q=%C3%A9+x", "next=/x", "u=http://evil.example/", "a;b", "%zz", "x/y?z", "[]@!$'()*,"}
	asked, requests := make([][]any, 0, *questions), make([]gateway.Request, 0, *questions)
	for range *questions {
		scheme, host, field := []string{"http", "https"}[r.IntN(2)], hosts[r.IntN(len(hosts))], []string{"next", "next", "next", "rd", "a", "é x"}[r.IntN(6)]
		path, query := "", values[r.IntN(len(values))]
		for range r.IntN(4) {
			path += "/" + names[r.IntN(len(names))]
		}
		if path == "" || r.IntN(2) == 0 {
			path += "/"
		}
		uri := djangoPath(path)
		if query != "" {
			uri += "?" + query
		}
		request, err := gateway.NewRequest("GET", scheme, host, uri)
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, []any{"login", loginURLs[r.IntN(len(loginURLs))], field, scheme, host, path, query})
		requests = append(requests, request)
	}
	for _, version := range []string{"1.11", "2.2", "3.2", "4.2", "5.2", "6.1"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			var answers [][2]string
			askDjango(t, version, asked, &answers)
			without := 0
			for n, question := range asked {
				loginURL, _ := question[1].(string)
				field, _ := question[2].(string)
				got, want := newLogin(t, loginURL, field).Location(requests[n]), answers[n]
				if version == "1.11" { // Python 3.6 encodes the tilde
					got, want[0], want[1] = tilde(got), tilde(want[0]), tilde(want[1])
				}
				if version < "3" { // LoginRequiredMixin wrote a path for every host, up to 3.0
					want[1] = want[0]
				}
				if got != want[0] || got != want[1] {
					t.Errorf("%v:\n got %s\nwant %s\n and %s", question, got, want[0], want[1])
				}
				if u, err := url.Parse(got); err == nil && u.Query().Get(field) == "" {
					without++
				}
			}
			if without > *questions/10 {
				t.Errorf("%d of %d have no page to return to: that compares little", without, *questions)
			}
		})
	}
}

func tilde(text string) string { return strings.ReplaceAll(text, "%7E", "~") }
