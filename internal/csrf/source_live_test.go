//go:build live

package csrf_test

import (
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/csrf"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/setcookie"
)

// A sourceQuestion is a request with a right token of ours, and the settings that it comes to.
type sourceQuestion struct {
	Method   string         `json:"method"`
	Secure   bool           `json:"secure"`
	Host     string         `json:"host"`
	Port     string         `json:"port"`
	Origin   *string        `json:"origin"`
	Referer  *string        `json:"referer"`
	Cookie   string         `json:"cookie"`
	Token    string         `json:"token"`
	Rotate   bool           `json:"rotate"`
	Settings map[string]any `json:"settings"`

	rules  csrf.Rules
	cookie setcookie.Attributes
}

type sourceAnswer struct {
	Passes              bool
	Token, Line, Cookie string
}

func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

// sourceQuestions are requests of this site's pages, of trusted ones, and of those that nearly are.
func sourceQuestions(random *rand.Rand, old bool, sameSite bool) []sourceQuestion {
	text := func(s string) *string { return &s }
	var list []sourceQuestion
	for range 600 {
		secret := csrf.NewSecret()
		host := pick(random, "shop.example.com", "shop.example.com:8443", "localhost:8000")
		q := sourceQuestion{
			Method: pick(random, "POST", "POST", "PUT", "DELETE", "GET", "TRACE", "post"), Secure: random.IntN(3) > 0, Host: host, Port: "443",
			Cookie: pick(random, secret, csrf.Mask(secret)), Token: csrf.Mask(secret), Rotate: random.IntN(3) == 0,
		}
		if i := strings.IndexByte(host, ':'); i > 0 {
			q.Port = host[i+1:]
		}
		hosts := []string{
			host, "shop.example.com", "example.com", "a.example.com", "other.example.org", "b.other.example.org", "evil-example.com",
			"shop.example.com.evil.net", "SHOP.example.com", "example.com:8443", "user@shop.example.com", "a.example.com:8443", "",
		}
		origin := pick(random, "https", "http", "HTTPS", "ftp", "") + pick(random, "://", "://", "://", ":/") + pick(random, hosts...)
		switch random.IntN(4) {
		case 0:
			q.Origin = text(pick(random, origin, map[bool]string{true: "https", false: "http"}[q.Secure]+"://"+host, "null", ""))
		case 1, 2:
			q.Referer = text(pick(random, origin+"/page?a=b", origin, "https://"+host+"/", "https://"+host+"?x", "/only/a/path", "//"+host+"/", "https:///"))
		}
		trusted := pick(random, nil, []string{"https://other.example.org"}, []string{"https://*.example.org", "http://example.com"}, []string{"http://*.example.com"})
		q.cookie = setcookie.Attributes{
			Path: pick(random, "/", "/shop"), Domain: pick(random, "", "", ".example.com", "shop.example.com"), Secure: random.IntN(2) == 0, HTTPOnly: random.IntN(2) == 0,
		}
		q.Settings = map[string]any{
			"CSRF_COOKIE_PATH": q.cookie.Path, "CSRF_COOKIE_DOMAIN": nil, "CSRF_COOKIE_SECURE": q.cookie.Secure,
			"CSRF_COOKIE_HTTPONLY": q.cookie.HTTPOnly, "CSRF_TRUSTED_ORIGINS": trusted,
		}
		if trusted == nil {
			q.Settings["CSRF_TRUSTED_ORIGINS"] = []string{}
		}
		if sameSite {
			q.cookie.SameSite = pick(random, "Lax", "Strict", "")
			q.Settings["CSRF_COOKIE_SAMESITE"] = q.cookie.SameSite
		}
		if q.cookie.Domain != "" {
			q.Settings["CSRF_COOKIE_DOMAIN"] = q.cookie.Domain
		}
		q.rules = csrf.Rules{ChecksOrigin: !old, TrustedOrigins: trusted, CookieDomain: q.cookie.Domain}
		if old { // hosts without a scheme
			var names []string
			q.rules.TrustedOrigins = nil
			for _, t := range trusted {
				_, name, _ := strings.Cut(t, "://")
				names = append(names, strings.TrimPrefix(name, "*"))
				q.rules.TrustedOrigins = append(q.rules.TrustedOrigins, "https://"+name)
			}
			if names != nil {
				q.Settings["CSRF_TRUSTED_ORIGINS"] = names
			}
		}
		list = append(list, q)
	}
	return list
}

// expires is what a line has of the instant at which it was written.
var expires = regexp.MustCompile(`expires=[^;]*`)

// TestDjangoSource compares CheckSource, and the cookies, with CsrfViewMiddleware, both ways: Django takes tokens and
// cookies that are made here, and its own are taken here.
func TestDjangoSource(t *testing.T) {
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			old := version < "4.0"
			list := sourceQuestions(rand.New(rand.NewPCG(3, 4)), old, version != "1.11")
			var answers []sourceAnswer
			djangotest.AskScript(t, version, filepath.Join(djangotest.RepositoryPath(), "testdata/oracle/csrf_source.py"), list, &answers)
			passed := 0
			for i, q := range list {
				said := answers[i]
				request := csrf.Request{Method: q.Method, Secure: q.Secure, Host: q.Host}
				if q.Origin != nil {
					request.Origin = []string{*q.Origin}
				}
				if q.Referer != nil {
					request.Referer = []string{*q.Referer}
				}
				err := q.rules.CheckSource(request)
				if (err == nil) != said.Passes {
					t.Errorf("%+v, %v %v: %v, and Django lets it in: %v", q, deref(q.Origin), deref(q.Referer), err, said.Passes)
				}
				if said.Passes && !csrf.IsSafe(q.Method) {
					passed++
				}
				if !csrf.Match(said.Cookie, said.Token) {
					t.Errorf("Django's cookie %q and token %q are not taken", said.Cookie, said.Token)
				}
				if rotated := !csrf.Match(q.Cookie, said.Cookie); rotated != q.Rotate {
					t.Errorf("%+v: the cookie is another: %v", q, rotated)
				}
				// The setting "Lax" came with Django 2.1.
				line := q.cookie.Line("csrftoken", said.Cookie, setcookie.Seconds(31449600), time.Now())
				if got, want := expires.ReplaceAllString(line, ""), expires.ReplaceAllString(said.Line, ""); got != want {
					t.Errorf("the line is\n%s, and Django's\n%s", got, want)
				}
			}
			if passed < len(list)/10 || passed > len(list)*9/10 {
				t.Errorf("%d of %d pass: too little has been tried", passed, len(list))
			}
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return "none"
	}
	return *s
}
