//go:build live && gateways

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const (
	mediaPhoto  = "a photo of a hundred words"
	mediaReport = "a report for editors"
	mediaSecret = "what is not below MEDIA_ROOT"
)

// strangeNames are names of files that are no plain ASCII. FileSystemStorage makes none of the odd ones, other programs do.
var strangeNames = []string{
	"with space.txt", "zoë.txt", "日本語.txt", "100%.txt", "%2e%2e.txt", "a+b&c=d.txt", "semi;colon.txt", "back\\slash.txt", "question?.txt",
	"number#.txt", "..hidden.txt", "quote'\".txt", "no-ending", "new\nline.txt", "a,b:c@d.txt", "{brace}.txt", "\u00a0.txt",
}

// TestGatewaysMedia: deploy/nginx/media.conf gives the files of MEDIA_ROOT to whom Django knows, and nothing else to anybody.
func TestGatewaysMedia(t *testing.T) {
	rig := newGatewayRig(t)
	files := map[string]string{
		"media/photo.jpg": mediaPhoto, "media/page.html": "<script>", "media/folder/photo.jpg": mediaPhoto,
		"media/reports/q3.pdf": mediaReport, "settings.py": mediaSecret, "media2/a.txt": mediaSecret,
	}
	for _, name := range strangeNames {
		files["media/"+name] = "this is " + name
	}
	gateway := djangotest.NginxMedia(t, rig.route, files)
	media := mediaTest{gatewayTest{rig: rig, addr: gateway.Addr}}
	t.Run("users", media.users)
	t.Run("browser", media.browser)
	t.Run("ranges", media.ranges)
	t.Run("names", media.names)
	t.Run("group", media.group)
	t.Run("paths", media.paths)
	t.Run("django", media.django)
	t.Run("outages", media.outages)
}

type mediaTest struct{ gatewayTest }

// want wants an answer with this status that no cache between may keep, whatever it is.
func (m mediaTest) want(t *testing.T, request string, status int) gatewayAnswer {
	t.Helper()
	answer := m.do(t, request)
	if answer.status != status || answer.err != nil {
		t.Errorf("%.300q: status %d %v, want %d", request, answer.status, answer.err, status)
	}
	if cached := answer.header.Get("Cache-Control"); cached != "private, no-cache" && cached != "no-store" {
		t.Errorf("%.300q: status %d, Cache-Control %q", request, answer.status, cached)
	}
	if shared := answer.header.Get("Expires"); shared != "" {
		t.Errorf("%.300q: status %d, Expires %q", request, answer.status, shared)
	}
	return answer
}

// wantFile wants the whole of a file.
func (m mediaTest) wantFile(t *testing.T, request, text string) gatewayAnswer {
	t.Helper()
	answer := m.want(t, request, http.StatusOK)
	if answer.body != text {
		t.Errorf("%.300q: %q, want %q", request, answer.body, text)
	}
	return answer
}

func (m mediaTest) users(t *testing.T) {
	for _, key := range []string{m.rig.ada, m.rig.bob} {
		answer := m.wantFile(t, get("/media/photo.jpg", gatewayCookie(key)), mediaPhoto)
		for name, want := range map[string]string{
			"Content-Type": "image/jpeg", "Vary": "Cookie", "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "script-src 'none'; form-action 'none'", "Set-Cookie": "",
		} {
			if got := answer.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		m.wantFile(t, requestOf("HEAD", "/media/photo.jpg", gatewayCookie(key)), "")
		m.want(t, get("/media/nothing.jpg", gatewayCookie(key)), http.StatusNotFound)
		m.want(t, get("/media/", gatewayCookie(key)), http.StatusForbidden) // no listing
		m.want(t, requestOf("POST", "/media/photo.jpg", gatewayCookie(key)+"Content-Length: 0\r\n"), http.StatusMethodNotAllowed)
	}
	for name, cookie := range map[string]string{
		"nobody": "", "an inactive user": gatewayCookie(m.rig.loggedOut), "an unknown session": gatewayCookie(strings.Repeat("a", 32)),
	} {
		for _, path := range []string{"/media/photo.jpg", "/media/nothing.jpg", "/media/", "/media/reports/q3.pdf", "/media/reports/"} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
				answer := m.want(t, requestOf(method, path, cookie+"Content-Length: 0\r\n"), http.StatusUnauthorized)
				if got := answer.header.Get("Content-Type"); got != "application/json" {
					t.Errorf("%s: %s %s: a 401 of type %s", name, method, path, got)
				}
			}
		}
	}
}

func (m mediaTest) browser(t *testing.T) {
	for _, cookie := range []string{"", gatewayCookie(m.rig.loggedOut)} {
		m.wantLogin(t, m.want(t, get("/media/folder/photo.jpg?v=2", cookie+asPage), http.StatusFound), "/media/folder/photo.jpg?v=2")
		// A picture in a page is no page.
		m.want(t, get("/media/photo.jpg", cookie+"Accept: image/*\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"), http.StatusUnauthorized)
	}
}

func (m mediaTest) ranges(t *testing.T) {
	cookie := gatewayCookie(m.rig.bob)
	whole := m.wantFile(t, get("/media/photo.jpg", cookie), mediaPhoto)
	tag, modified := whole.header.Get("Etag"), whole.header.Get("Last-Modified")
	if tag == "" || modified == "" || whole.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("ETag %q, Last-Modified %q, Accept-Ranges %q", tag, modified, whole.header.Get("Accept-Ranges"))
	}
	answer := m.want(t, get("/media/photo.jpg", cookie+"Range: bytes=2-6\r\n"), http.StatusPartialContent)
	if want := fmt.Sprintf("bytes 2-6/%d", len(mediaPhoto)); answer.body != mediaPhoto[2:7] || answer.header.Get("Content-Range") != want {
		t.Errorf("%q, %s", answer.body, answer.header.Get("Content-Range"))
	}
	m.want(t, get("/media/photo.jpg", cookie+"Range: bytes=2-6\r\nIf-Range: "+tag+"\r\n"), http.StatusPartialContent)
	m.wantFile(t, get("/media/photo.jpg", cookie+"Range: bytes=2-6\r\nIf-Range: \"another\"\r\n"), mediaPhoto)
	m.want(t, get("/media/photo.jpg", cookie+"Range: bytes=900-\r\n"), http.StatusRequestedRangeNotSatisfiable)
	m.want(t, get("/media/photo.jpg", cookie+"Range: bytes=0-1,3-4\r\n"), http.StatusPartialContent)
	// A file that the browser has kept costs no bytes, and is asked for all the same.
	for _, condition := range []string{"If-None-Match: " + tag + "\r\n", "If-Modified-Since: " + modified + "\r\n"} {
		m.want(t, get("/media/photo.jpg", cookie+condition), http.StatusNotModified)
		for _, range_ := range []string{"", "Range: bytes=2-6\r\n"} {
			m.want(t, get("/media/photo.jpg", condition+range_), http.StatusUnauthorized)
			m.want(t, get("/media/photo.jpg", gatewayCookie(m.rig.loggedOut)+condition+range_), http.StatusUnauthorized)
		}
	}
}

func (m mediaTest) names(t *testing.T) {
	for _, name := range strangeNames {
		path := "/media/" + url.PathEscape(name)
		m.wantFile(t, get(path, gatewayCookie(m.rig.bob)), "this is "+name)
		m.want(t, get(path, ""), http.StatusUnauthorized)
		location := m.want(t, get(path, asPage), http.StatusFound).header.Get("Location")
		if !strings.HasPrefix(location, "/accounts/login/") {
			t.Errorf("%q: sent to %s", name, location)
		} else if next := nextOf(t, location); next != "" && next != path {
			t.Errorf("%q: back is %q, want %q or none", name, next, path)
		}
	}
	// Names without what programs read in different ways lead back.
	for _, name := range []string{"with space.txt", "zoë.txt", "日本語.txt", "a,b:c@d.txt", "100%.txt"} {
		path := "/media/" + url.PathEscape(name)
		m.wantLogin(t, m.want(t, get(path, asPage), http.StatusFound), path)
	}
}

func (m mediaTest) group(t *testing.T) {
	m.wantFile(t, get("/media/reports/q3.pdf", gatewayCookie(m.rig.ada)), mediaReport)
	for _, headers := range []string{
		"", asPage, asScript, "Range: bytes=0-3\r\n", "If-None-Match: *\r\n", "Remote-Groups: editors\r\n", "X-Original-URL: /media/photo.jpg\r\n",
	} {
		for _, path := range []string{"/media/reports/q3.pdf", "/media/reports/", "/media/reports/nothing.pdf", "/media/reports/q3.pdf?require=staff&optional=1"} {
			if location := m.want(t, get(path, gatewayCookie(m.rig.bob)+headers), http.StatusForbidden).header.Get("Location"); location != "" {
				t.Errorf("a 403 sends to %s", location)
			}
		}
	}
	m.wantLogin(t, m.want(t, get("/media/reports/q3.pdf", asPage), http.StatusFound), "/media/reports/q3.pdf")
}

// paths: no way to write a path leads to what is not for the one who asks.
func (m mediaTest) paths(t *testing.T) {
	below := []string{"", "folder/../", "./", "/", "//", "x/../", "folder/x/../../", "%2e/", "x/%2e%2e/", "x/..%2f", "x%2f../", "%2f", "./%2f/", "..%5c", "\\", "%5c"}
	var paths []string
	for _, prefix := range []string{"/media/", "//media/", "/./media/", "/x/../media/", "/%6dedia/", "/media%2f", "/MEDIA/", "/media/../media/", "http://other/media/"} {
		for _, way := range below {
			for _, to := range []string{
				"reports/q3.pdf", "reports%2fq3.pdf", "%72eports/q3.pdf", "reports//q3.pdf", "reports/./q3.pdf", "REPORTS/q3.pdf", "reports/q3.pdf%00.jpg", "reports/q3.pdf/",
				"reports/x/../q3.pdf", "reports/%2e/q3.pdf", "reports\\q3.pdf", "reports%5cq3.pdf", "reports;/q3.pdf", "reports/q3.pdf;x", "reports%20/q3.pdf", "reports/q3.pdf#x",
				"../settings.py", "..%2fsettings.py", "%2e%2e/settings.py", "%2e%2e%2fsettings.py", "..%252fsettings.py", "..%5csettings.py", "..;/settings.py", "../media2/a.txt",
				"../../shop/settings.py", "reports/../../settings.py", "..//settings.py", ".%2e/settings.py", "..%c0%afsettings.py", "%00../settings.py", "photo.jpg/../../settings.py",
			} {
				paths = append(paths, prefix+way+to)
			}
		}
	}
	paths = append(paths, "/media../settings.py", "/media..%2fsettings.py", "/media%2e%2e/settings.py", "/media2/a.txt", "/media../media/photo.jpg", "/settings.py",
		"/_django_sidecar/user", "/_django_sidecar/reports", "/_django_sidecar/../media/photo.jpg", "/accounts/../media/photo.jpg", "/@sign_in")
	seen := 0
	for _, path := range paths {
		for _, asker := range []string{"", m.rig.bob} {
			answer := m.do(t, get(path, gatewayCookie(asker)))
			if strings.Contains(answer.body, mediaReport) || strings.Contains(answer.body, mediaSecret) || asker == "" && strings.Contains(answer.body, mediaPhoto) {
				t.Errorf("%q: %.300q", path, answer.body)
			}
			if answer.status >= 500 {
				t.Errorf("%q: status %d", path, answer.status)
			}
		}
		if strings.Contains(m.do(t, get(path, gatewayCookie(m.rig.ada))).body, mediaReport) {
			seen++
		}
	}
	t.Logf("%d paths, of which %d lead an editor to the report", len(paths), seen)
	if seen < 50 {
		t.Error("too few of the paths lead anywhere: too little has been tried")
	}
}

// django: the rest of the site is Django's own affair, and asks nobody here.
func (m mediaTest) django(t *testing.T) {
	for _, path := range []string{"/", "/accounts/login/", "/mediation/", "/media"} {
		shown := m.do(t, get(path, "")).reached(t)
		if shown == nil {
			t.Errorf("%s has not reached Django", path)
		}
	}
}

func (m mediaTest) outages(t *testing.T) {
	request := get("/media/photo.jpg", gatewayCookie(m.rig.ada))
	for name, fault := range map[string]struct {
		proxy *djangotest.FaultProxy
		mode  djangotest.Mode
	}{
		"the sidecar is down":  {m.rig.sidecar[0], djangotest.Refuse()},
		"the sidecar hangs":    {m.rig.sidecar[0], djangotest.BlackHole()},
		"the store is down":    {m.rig.store, djangotest.Refuse()},
		"the store hangs":      {m.rig.store, djangotest.BlackHole()},
		"the sidecar is cut":   {m.rig.sidecar[0], djangotest.CutAfter(30)},
		"the store's are late": {m.rig.store, djangotest.Slow(5 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			fault.proxy.SetMode(fault.mode)
			for _, headers := range []string{"", asPage, "Range: bytes=2-6\r\n"} {
				answer := m.want(t, get("/media/photo.jpg", gatewayCookie(m.rig.ada)+headers), http.StatusServiceUnavailable)
				if strings.Contains(answer.body, mediaPhoto[2:7]) || answer.header.Get("Location") != "" || answer.header.Get("Retry-After") != "1" {
					t.Errorf("%q %q", answer.body, answer.header)
				}
			}
			fault.proxy.SetMode(djangotest.Pass())
			waitFor(t, 30*time.Second, "the file again", func() bool { return m.do(t, request).body == mediaPhoto })
		})
	}
}
