//go:build live && gateways

package e2e

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// A gatewayUnderTest is a gateway with the configuration that deploy/ ships.
type gatewayUnderTest struct {
	name  string
	start func(testing.TB, djangotest.GatewayRoute) *djangotest.Gateway
	// overHTTP2 starts it for clients that speak HTTP/2 without TLS; nil: start does.
	overHTTP2 func(testing.TB, djangotest.GatewayRoute) *djangotest.Gateway
	// odd lists methods that the gateway itself refuses. "Get", which is none, is refused by the sidecar if not before.
	odd []string
	// drains is how much of a body it reads before it refuses a request.
	drains int
	// http2: it takes HTTP/2 without TLS.
	http2 bool
	// requirements: the configuration has an example of a path for staff.
	requirements bool
	// passesExpect: a client that waits for a 100 before it sends a file hears the sidecar's answer, and not the gateway's own 100.
	passesExpect bool
}

func gatewaysUnderTest() []gatewayUnderTest {
	return []gatewayUnderTest{
		{name: "nginx", start: djangotest.Nginx, overHTTP2: djangotest.NginxHTTP2, odd: []string{"TRACE"}, requirements: true},
		{name: "haproxy", start: djangotest.HAProxy, http2: true, requirements: true, passesExpect: true},
		{name: "envoy", start: djangotest.Envoy, http2: true, odd: []string{"X"}, requirements: true},
		{name: "envoy-grpc", start: djangotest.EnvoyGRPC, http2: true, odd: []string{"X"}, requirements: true},
		{name: "caddy", start: djangotest.Caddy, overHTTP2: djangotest.CaddyHTTP2, requirements: true, drains: 300_000},
		{name: "traefik", start: djangotest.Traefik, http2: true, requirements: true, drains: 300_000, passesExpect: true},
	}
}

const (
	asPage   = "Accept: text/html,application/xhtml+xml\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
	asScript = "Accept: application/json\r\nSec-Fetch-Mode: cors\r\nX-Requested-With: XMLHttpRequest\r\n"
)

// TestGateways: behind each gateway, the application knows the user whom Django knows, and nobody else, whatever a client
// sends and whatever fails.
func TestGateways(t *testing.T) {
	rig := newGatewayRig(t)
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			gateway := g.start(t, rig.route)
			through := gatewayTest{rig: rig, addr: gateway.Addr, gatewayUnderTest: g}
			t.Run("users", through.users)
			t.Run("sign-in", through.signIn)
			t.Run("scripts", through.scripts)
			t.Run("methods", through.methods)
			t.Run("forbidden", through.forbidden)
			t.Run("forgeries", through.forgeries)
			t.Run("trailers", through.trailers)
			t.Run("paths", through.paths)
			t.Run("websocket", through.websocket)
			t.Run("uploads", through.uploads)
			t.Run("outages", through.outages)
		})
	}
}

type gatewayTest struct {
	gatewayUnderTest

	rig  *gatewayRig
	addr string
}

func (g gatewayTest) do(t *testing.T, request string) gatewayAnswer {
	t.Helper()
	return exchange(t, g.addr, request)
}

// wantReached sends a request, and wants the application to have got it from this user.
func (g gatewayTest) wantReached(t *testing.T, request string, identity map[string]string) *gatewayRequest {
	t.Helper()
	answer := g.do(t, request)
	shown := answer.reached(t)
	if shown == nil {
		t.Fatalf("%.200q: status %d %v, and the application has not seen it: %.200s", request, answer.status, answer.err, answer.body)
	}
	if got := shown.identity(); !maps.Equal(got, identity) {
		t.Errorf("%.300q: the application sees %v, want %v", request, got, identity)
	}
	return shown
}

// wantRefused sends a request, and wants this status and nothing at the application.
func (g gatewayTest) wantRefused(t *testing.T, request string, status int) gatewayAnswer {
	t.Helper()
	before := g.rig.seen(t)
	answer := g.do(t, request)
	if answer.status != status || answer.err != nil {
		t.Errorf("%.300q: status %d %v, want %d", request, answer.status, answer.err, status)
	}
	if after := g.rig.seen(t); after != before {
		t.Errorf("%.300q: the application has seen it", request)
	}
	return answer
}

func (g gatewayTest) users(t *testing.T) {
	g.wantReached(t, get("/page?q=1", gatewayCookie(g.rig.ada)), gatewayAda)
	shown := g.wantReached(t, get("/page?q=1", gatewayCookie(g.rig.bob)), gatewayBob)
	if got := shown.Meta["PATH_INFO"] + "?" + shown.Meta["QUERY_STRING"]; got != "/page?q=1" {
		t.Errorf("the application is asked for %s", got)
	}
	if shown.Host != "example.com" || shown.Secure {
		t.Errorf("the application takes itself for %s, secure %v", shown.Host, shown.Secure)
	}
	// Django's own session goes through too, and nothing is in its way.
	if got := shown.Meta["HTTP_COOKIE"]; got != "sessionid="+g.rig.bob {
		t.Errorf("the application gets the cookies %q", got)
	}
	// A connection that has been used by one user says nothing about the next request on it.
	g.oneConnection(t)
	// What is public asks nobody, and has nobody.
	g.wantReached(t, get("/accounts/login/", ""), gatewayNobody)
	g.wantReached(t, get("/static/style.css", ""), gatewayNobody)
	g.wantReached(t, get("/accounts/login/", gatewayCookie(g.rig.ada)), gatewayNobody)
}

// oneConnection sends requests of three people on one connection, or on a next one where the gateway ends it.
func (g gatewayTest) oneConnection(t *testing.T) {
	t.Helper()
	var conn net.Conn
	var reader *bufio.Reader
	dial := func() {
		conn = dialGateway(t, g.addr)
		reader = bufio.NewReader(conn)
	}
	dial()
	dials := 1
	for i := range 30 {
		key, want := g.rig.ada, "ada"
		switch i % 3 {
		case 1:
			key, want = g.rig.bob, "bob"
		case 2:
			key, want = "", ""
		}
		_, err := io.WriteString(conn, get("/page", gatewayCookie(key)))
		if err == nil {
			_, err = reader.Peek(1)
		}
		if err != nil {
			dial()
			dials++
			if _, err := io.WriteString(conn, get("/page", gatewayCookie(key))); err != nil {
				t.Fatal(err)
			}
		}
		answer := readAnswer(reader, "GET")
		if answer.err != nil {
			t.Fatal(answer.err)
		}
		if got := answer.header.Get("X-Application"); got != want {
			t.Errorf("request %d on a connection is from %q, want %q", i, got, want)
		}
	}
	if dials > 11 {
		t.Errorf("%d connections for 30 requests", dials)
	}
}

func (g gatewayTest) signIn(t *testing.T) {
	for name, cookie := range map[string]string{
		"no session": "", "an inactive user": gatewayCookie(g.rig.loggedOut),
		"an unknown session": gatewayCookie(strings.Repeat("a", 32)), "a malformed cookie": "Cookie: \"=;;=sessionid\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answer := g.wantRefused(t, get("/page?q=1&r=%2F", cookie), http.StatusUnauthorized)
			if location := answer.header.Get("Location"); location != "" {
				t.Errorf("a program is sent to %s", location)
			}
			g.wantRefused(t, get("/page", cookie+asScript), http.StatusUnauthorized)
			answer = g.wantRefused(t, get("/page?q=1&r=%2F", cookie+asPage), http.StatusFound)
			g.wantLogin(t, answer, "/page?q=1&r=%2F")
			answer = g.wantRefused(t, get("/page", cookie+"Accept: text/html\r\n"), http.StatusFound) // an old browser
			g.wantLogin(t, answer, "/page")
		})
	}
	// A forged origin is no place to return to.
	for _, header := range []string{
		"X-Forwarded-Host: forged.example\r\n", "X-Forwarded-Uri: //forged.example/\r\n", "X-Forwarded-Proto: javascript\r\n",
		"X-Original-URL: https://forged.example/\r\n", "X_Original_URL: https://forged.example/\r\n", "Forwarded: host=forged.example\r\n",
		"X_Forwarded_Host: forged.example\r\n", "X.Forwarded.Host: forged.example\r\n", "X-Rewrite-Url: //forged.example/\r\n",
		"Connection: X-Forwarded-Host, X-Forwarded-Uri, X-Original-URL, X-Forwarded-Proto\r\n",
	} {
		answer := g.do(t, get("/page", asPage+header))
		if answer.status == http.StatusBadRequest && strings.HasPrefix(header, "Connection") {
			continue // Envoy will not have it
		}
		if answer.status != http.StatusFound {
			t.Errorf("%q: status %d %v", header, answer.status, answer.err)
		}
		g.wantLogin(t, answer, "/page")
	}
	for _, path := range []string{"//forged.example/", "/\\forged.example/", "/%5cforged.example", "/%2fforged.example/", "/.//forged.example"} {
		answer := g.do(t, get(path, asPage))
		if location := answer.header.Get("Location"); answer.status == http.StatusFound {
			if next := nextOf(t, location); strings.HasPrefix(next, "//") || strings.HasPrefix(next, "/\\") {
				t.Errorf("%s: next is %q", path, next)
			}
		} else if answer.status/100 != 4 {
			t.Errorf("%s: status %d", path, answer.status)
		}
	}
}

// wantLogin wants a redirect to the login page that leads back to a path on the same host.
func (g gatewayTest) wantLogin(t *testing.T, answer gatewayAnswer, back string) {
	t.Helper()
	location := answer.header.Get("Location")
	if !strings.HasPrefix(location, "/accounts/login/?") {
		t.Errorf("sent to %q, want the login page on the same host", location)
		return
	}
	next := nextOf(t, location)
	if rest, ok := strings.CutPrefix(next, "http://example.com"); ok {
		next = rest
	}
	if next != back {
		t.Errorf("sent to %q: back is %q, want %q", location, next, back)
	}
	if strings.Contains(answer.header.Get("Cache-Control"), "public") {
		t.Errorf("the redirect may be cached: %q", answer.header.Get("Cache-Control"))
	}
}

func nextOf(t *testing.T, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("next")
}

func (g gatewayTest) methods(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "TRACE", "Get", "X"} {
		headers := "Content-Length: 0\r\n"
		if method == "Get" || slices.Contains(g.odd, method) {
			before := g.rig.seen(t)
			if answer := g.do(t, requestOf(method, "/page", headers+gatewayCookie(g.rig.ada))); answer.status/100 != 4 || g.rig.seen(t) != before {
				t.Errorf("%s: status %d", method, answer.status)
			}
			continue
		}
		answer := g.do(t, requestOf(method, "/page", headers+gatewayCookie(g.rig.ada)))
		if answer.status != http.StatusOK || answer.header.Get("X-Application") != "ada" {
			t.Errorf("%s: status %d %v, from %q", method, answer.status, answer.err, answer.header.Get("X-Application"))
		} else if shown := answer.reached(t); method != "HEAD" && shown.Meta["REQUEST_METHOD"] != method {
			t.Errorf("%s: the application is asked for %s", method, shown.Meta["REQUEST_METHOD"])
		}
		g.wantRefused(t, requestOf(method, "/page", headers), http.StatusUnauthorized)
	}
	// The method is the request's own, not one that a header names.
	for _, header := range []string{"X-Forwarded-Method: OPTIONS\r\n", "X-Original-Method: OPTIONS\r\n", "X-HTTP-Method-Override: OPTIONS\r\n"} {
		g.wantRefused(t, requestOf("POST", "/page", "Content-Length: 0\r\n"+header), http.StatusUnauthorized)
	}
}

func (g gatewayTest) forbidden(t *testing.T) {
	if !g.requirements {
		return
	}
	g.wantReached(t, get("/admin/", gatewayCookie(g.rig.ada)), gatewayAda)
	for _, headers := range []string{
		"", asPage, asScript, "X-Forwarded-Uri: /page\r\n", "X-Original-URL: /page\r\n", "Remote-Groups: staff\r\n",
	} {
		answer := g.wantRefused(t, get("/admin/auth/user/", gatewayCookie(g.rig.bob)+headers), http.StatusForbidden)
		if location := answer.header.Get("Location"); location != "" {
			t.Errorf("a 403 sends to %s", location)
		}
	}
	g.wantLogin(t, g.wantRefused(t, get("/admin/", asPage), http.StatusFound), "/admin/")
	g.wantRefused(t, get("/admin/", asScript), http.StatusUnauthorized)
	// A client's query is not the operator's.
	g.wantRefused(t, get("/page?optional=1", ""), http.StatusUnauthorized)
	g.wantRefused(t, get("/admin/?require=&optional=1", gatewayCookie(g.rig.bob)), http.StatusForbidden)
	// However the path is written, the application does not take it for one below /admin/.
	for _, path := range []string{
		"/%61dmin/", "/%61%64%6d%69%6e/", "//admin/", "///admin/", "/./admin/", "/x/../admin/", "/x/%2e%2e/admin/", "/%2e/admin/", "/admin%2f",
		"/%2fadmin/", "/x/..%2fadmin/", "/accounts/../admin/", "/accounts/%2e%2e/admin/", "/accounts/..%2fadmin/", "/static/..%5cadmin/", "/admin//",
		"/accounts/..;/admin/", "/admin;/", "/;/admin/", "/admin/%00", "/%00/admin/", "http://example.com/admin/", "http://other/admin/", "/\\admin/",
	} {
		answer := g.do(t, get(path, gatewayCookie(g.rig.bob)))
		if shown := answer.reached(t); shown != nil && strings.HasPrefix(shown.Meta["PATH_INFO"], "/admin/") {
			t.Errorf("%s: the application is asked for %s by bob", path, shown.Meta["PATH_INFO"])
		}
		if answer.status >= 500 {
			t.Errorf("%s: status %d", path, answer.status)
		}
	}
}

// paths: nothing but what is below a public path reaches the application without a session.
func (g gatewayTest) paths(t *testing.T) {
	for _, path := range []string{
		"/", "/page", "//", "/page/", "/accounts", "/accounts%2f", "/%2e/accounts/", "/accounts/../page", "/accounts/%2e%2e/page",
		"/accounts/%2e%2e%2fpage", "/accounts/..%2fpage", "/accounts/..%5cpage", "/accounts/..\\page", "/accounts/..;/page", "/accounts/.;/../page",
		"/accounts//../page", "/accounts/%252e%252e/page", "/accounts/x/../../page", "/static/%2e%2e/page", "/accounts/%00/../page",
		"/page#/accounts/", "/page?/accounts/", "/page;/accounts/", "/page%3f/accounts/", "/page%23/accounts/", "/page\\accounts/", "/page%00/accounts/",
		"//accounts/..//page", "/ACCOUNTS/", "/acco%75nts/../page", "http://example.com/page", "http://example.com:80/page", "http://x/accounts/../page",
		"/_django_sidecar/user", "/_django_sidecar/staff", "/auth/nginx?optional=1", "/auth/forward?optional=1", "/auth/envoy/", "*", "page", "/\xff", "/é",
	} {
		answer := g.do(t, get(path, ""))
		shown := answer.reached(t)
		if shown == nil {
			if answer.err == nil && answer.status/100 != 4 && answer.status/100 != 3 {
				t.Errorf("%q: status %d", path, answer.status)
			}
			continue
		}
		info := strings.ReplaceAll(shown.Meta["PATH_INFO"], "\\", "/")
		public := strings.HasPrefix(info, "/accounts/") || strings.HasPrefix(info, "/static/")
		if !public || strings.Contains(info+"/", "/../") || strings.Contains(info, "/..;") {
			t.Errorf("%q: nobody asks the application for %q", path, shown.Meta["PATH_INFO"])
		}
	}
	g.plainPaths(t)
}

// plainPaths: paths that applications do have arrive as they are.
func (g gatewayTest) plainPaths(t *testing.T) {
	t.Helper()
	for path, want := range map[string]string{
		"/a/b%20c": "/a/b c", "/caf%C3%A9": "/café", "/a,b:c@d": "/a,b:c@d", "/a+b=c&d": "/a+b=c&d", "/a.b/..c/.d": "/a.b/..c/.d", "/%7Eada/": "/~ada/",
		"/100%25/": "/100%/", "/what%3F": "/what?", "/%23": "/#",
	} {
		shown := g.wantReached(t, get(path, gatewayCookie(g.rig.bob)), gatewayBob)
		if got := shown.Meta["PATH_INFO"]; got != want {
			t.Errorf("%s: the application is asked for %q, want %q", path, got, want)
		}
	}
}
