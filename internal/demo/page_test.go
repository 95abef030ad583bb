package demo_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/demo"
)

const (
	adasKey   = "adaadaadaadaadaadaadaadaadaadaad"
	gracesKey = "gracegracegracegracegracegracegr"
)

// newPage returns a page of four visits, of which the third is none that a browser can make. What is not the page's
// answers 418 with its path.
func newPage() http.Handler {
	return demo.Page(demo.PageOptions{
		Visits: []demo.Example{
			{Title: "ada <is> logged in", Cookie: "sid=" + adasKey, Alive: true},
			{Title: "grace is no more", Cookie: "sid=" + gracesKey, Reason: djangosession.UserNotFound},
			{Title: "two cookies", Cookie: "sid=forged; sid=" + adasKey, Alive: true},
			{Title: "no cookie", Reason: djangosession.NoCookie},
		},
		CookieName: "sid", CookieAge: time.Hour, MediaRoot: "/tmp/<media>", MediaURL: "/media/", MaxBytes: 4096,
		Now: func() time.Time { return time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC) },
		Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, r.Method+" "+r.URL.Path)
		}),
	})
}

func ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	newPage().ServeHTTP(w, r)
	return w
}

func get(path string) *httptest.ResponseRecorder {
	return ask(httptest.NewRequest(http.MethodGet, path, http.NoBody))
}

// pick is the request that the page's form sends.
func pick(form string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/demo/session", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestPageHeaders(t *testing.T) {
	for path, contentType := range map[string]string{
		"/": "text/html; charset=utf-8", "/demo/page.css": "text/css; charset=utf-8", "/demo/page.js": "text/javascript; charset=utf-8",
		"/demo/vendor/tus.min.js": "text/javascript; charset=utf-8", "/demo/vendor/LICENSES.txt": "text/plain; charset=utf-8",
		"/demo/icon.svg": "image/svg+xml", "/demo/nothing": "text/plain; charset=utf-8",
	} {
		h := get(path).Header()
		for name, want := range map[string]string{
			"Content-Type": contentType, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy":      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// TestPageLoadsItself: what the page refers to is there, and nothing of it is inline or comes from elsewhere.
func TestPageLoadsItself(t *testing.T) {
	index := get("/").Body.String()
	queue := regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(index, -1)
	seen := map[string]bool{}
	for ; len(queue) > 0; queue = queue[1:] {
		path := queue[0][1]
		if path = "/demo/" + strings.TrimPrefix(strings.TrimPrefix(path, "/demo/"), "./"); seen[path] {
			continue
		}
		seen[path] = true
		w := get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		if strings.HasPrefix(path, "/demo/vendor/") {
			continue // it speaks of elsewhere; TestDemoPage sees that it asks nobody
		}
		queue = append(queue, regexp.MustCompile(`from "([^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1)...)
		if elsewhere := regexp.MustCompile(`(https?:)?//[a-z]+\.[a-z]|@import|url\(`).FindString(strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", "")); elsewhere != "" {
			t.Errorf("%s has %q", path, elsewhere)
		}
	}
	if len(seen) < 9 {
		t.Errorf("the page loads only %v", seen)
	}
	if inline := regexp.MustCompile(`<style|<script>| style=| on[a-z]+=|javascript:`).FindString(index); inline != "" {
		t.Errorf("the page has %q", inline)
	}
}

// TestVendored: what is not ours is what its README says, and the release that the live tests know.
func TestVendored(t *testing.T) {
	readme, err := os.ReadFile("page/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	script := get("/demo/vendor/tus.min.js").Body.Bytes()
	if sum := fmt.Sprintf("%x", sha256.Sum256(script)); !strings.Contains(string(readme), sum) {
		t.Errorf("the README does not have the digest %s", sum)
	}
	release := regexp.MustCompile(`tus-js-client-([0-9.]+)\.tgz`).FindSubmatch(readme)
	tried, err := os.ReadFile("../../testdata/tus/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if release == nil || !strings.Contains(string(tried), `"tus-js-client": "`+string(release[1])+`"`) {
		t.Fatalf("the README is of %q, which is not in %s", release, tried)
	}
	if licences := get("/demo/vendor/LICENSES.txt").Body.String(); !strings.Contains(licences, "tus-js-client "+string(release[1])) {
		t.Error("the licences are those of another release")
	}
}

func TestPageShowsTheVisits(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Cookie", "sid="+gracesKey)
	text := ask(r).Body.String()
	for _, want := range []string{"ada &lt;is&gt; logged in", "grace is no more", "user_not_found", "/tmp/&lt;media&gt;", `data-max-bytes="4096"`, `data-media-url="/media/"`, `data-media-root="/tmp/&lt;media&gt;"`, `value="1" autocomplete="off" checked>`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	for _, secret := range []string{adasKey, gracesKey, "two cookies"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the page", secret)
		}
	}
	if strings.Count(text, `"off" checked>`) != 1 {
		t.Error("more than one session is picked")
	}
	if text := get("/").Body.String(); !strings.Contains(text, `value="3" autocomplete="off" checked>`) {
		t.Error("without a cookie, the visit without one is not picked")
	}
}

// TestPageKnowsTheReasons: each reason of the demo has its words.
func TestPageKnowsTheReasons(t *testing.T) {
	script := get("/demo/verdict.js").Body.String()
	for _, r := range []djangosession.Reason{
		djangosession.NoCookie, djangosession.BadSessionKey, djangosession.NotFound, djangosession.Expired, djangosession.BadSignature,
		djangosession.Unreadable, djangosession.Anonymous, djangosession.UnknownBackend, djangosession.BadUserID,
		djangosession.UserNotFound, djangosession.UserInactive, djangosession.AuthHashMismatch,
	} {
		if !strings.Contains(script, "  "+string(r)+`: "`) {
			t.Errorf("verdict.js has no words for %s", r)
		}
	}
}

func TestPick(t *testing.T) {
	for form, want := range map[string]string{
		"visit=0": "sid=" + adasKey + "; Path=/; Expires=Mon, 23 Nov 2026 07:00:00 GMT; Max-Age=3600; HttpOnly; SameSite=Lax",
		"visit=1": "sid=" + gracesKey + "; Path=/; Expires=Mon, 23 Nov 2026 07:00:00 GMT; Max-Age=3600; HttpOnly; SameSite=Lax",
		"visit=3": "sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax",
	} {
		w := ask(pick(form))
		if got := w.Header().Get("Set-Cookie"); w.Code != http.StatusNoContent || got != want {
			t.Errorf("%s: %d %q, want %q", form, w.Code, got, want)
		}
	}
}

func TestPickRefuses(t *testing.T) {
	cross := pick("visit=0")
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	query := httptest.NewRequest(http.MethodPost, "/demo/session?visit=0", http.NoBody)
	for name, tt := range map[string]struct {
		request *http.Request
		want    int
	}{
		"none":          {pick(""), http.StatusNotFound},
		"no number":     {pick("visit=ada"), http.StatusNotFound},
		"below":         {pick("visit=-1"), http.StatusNotFound},
		"above":         {pick("visit=4"), http.StatusNotFound},
		"two cookies":   {pick("visit=2"), http.StatusNotFound},
		"in the query":  {query, http.StatusNotFound},
		"huge":          {pick("visit=0&x=" + strings.Repeat("x", 2000)), http.StatusBadRequest},
		"malformed":     {pick("visit=%zz"), http.StatusBadRequest},
		"another site":  {cross, http.StatusForbidden},
		"a GET":         {httptest.NewRequest(http.MethodGet, "/demo/session?visit=0", http.NoBody), http.StatusMethodNotAllowed},
		"a POST of /":   {httptest.NewRequest(http.MethodPost, "/", http.NoBody), http.StatusMethodNotAllowed},
		"a PUT of a js": {httptest.NewRequest(http.MethodPut, "/demo/page.js", http.NoBody), http.StatusMethodNotAllowed},
	} {
		w := ask(tt.request)
		if w.Code != tt.want || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d and cookie %q, want %d and none", name, w.Code, w.Header().Get("Set-Cookie"), tt.want)
		}
		if (w.Header().Get("Allow") != "") != (tt.want == http.StatusMethodNotAllowed) {
			t.Errorf("%s: Allow is %q", name, w.Header().Get("Allow"))
		}
	}
}

func TestPagePaths(t *testing.T) {
	for path, want := range map[string]int{
		"/demo/": http.StatusNotFound, "/demo/index.html": http.StatusNotFound, "/demo/../page.go": http.StatusNotFound,
		"/demo/..%2fpage.go": http.StatusNotFound, "/demo/%2e%2e/demo.go": http.StatusNotFound, "/demo/page.js/": http.StatusNotFound,
		"/demo/vendor": http.StatusNotFound, "/demo/vendor/README.md": http.StatusNotFound,
		"/demo//page.js": http.StatusNotFound, "/demo/session/": http.StatusNotFound,
		"/demo": http.StatusTeapot, "/authenticate": http.StatusTeapot, "/index.html": http.StatusTeapot, "//": http.StatusTeapot,
		"/media/uploads/a.txt": http.StatusTeapot, "/auth/envoy/a//../b": http.StatusTeapot,
	} {
		w := get(path)
		if w.Code != want || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d to %q, want %d", path, w.Code, w.Header().Get("Location"), want)
		}
		if want == http.StatusTeapot && (w.Body.String() != "GET "+path || w.Header().Get("Content-Security-Policy") != "") {
			t.Errorf("%s reaches the next handler as %q, with %v", path, w.Body, w.Header())
		}
	}
}

func TestPageHead(t *testing.T) {
	for _, path := range []string{"/", "/demo/page.js"} {
		full, head := get(path), ask(httptest.NewRequest(http.MethodHead, path, http.NoBody))
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != full.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d with %d bytes of %q", path, head.Code, head.Body.Len(), head.Header().Get("Content-Length"))
		}
	}
}
