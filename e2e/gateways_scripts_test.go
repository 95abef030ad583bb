//go:build live && gateways

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/gateway"
)

const (
	asHTMX = "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nHX-Request: true\r\n"
	onPage = "HX-Current-URL: http://example.com/orders/?page=2\r\n" // htmx is
)

// scripts: what has no user is told where a person signs in, and is not sent away. htmx comes back to the page that it is on.
func (g gatewayTest) scripts(t *testing.T) {
	const plain, back = "/accounts/login/", "/accounts/login/?next=/orders/%3Fpage%3D2"
	for _, cookie := range []string{"", gatewayCookie(g.rig.loggedOut)} {
		for _, tt := range []struct{ name, headers, script, htmx string }{
			{"fetch", asScript, plain, ""},
			{"XMLHttpRequest by plain HTTP", "Accept: text/html, */*\r\nX-Requested-With: XMLHttpRequest\r\n", plain, ""},
			{"fetch that wants HTML", "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", plain, ""},
			{"a picture", "Accept: image/*\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n", plain, ""},
			{"curl", "Accept: */*\r\n", plain, ""},
			{"fetch with htmx's page", asScript + onPage, plain, ""},
			{"fetch with answers of its own", asScript + "HX-Redirect: /forged\r\nX-Sign-In: /forged\r\nLocation: /forged\r\n", plain, ""},
			{"htmx", asHTMX + onPage, "", back},
			{"htmx by plain HTTP", "Accept: */*\r\nHX-Request: true\r\n" + onPage, "", back},
			{"htmx that wants HTML", "Accept: text/html\r\nHX-Request: true\r\n" + onPage, "", back},
			{"htmx in capitals", "Accept: text/html\r\nHX-Request: TRUE\r\n" + onPage, "", back},
			{"htmx without a page", asHTMX, "", plain},
			{"htmx on another host", asHTMX + "HX-Current-URL: http://other.example/orders/\r\n", "", plain},
			{"htmx on another port", asHTMX + "HX-Current-URL: http://example.com:81/orders/\r\n", "", plain},
			{"htmx on another scheme", asHTMX + "HX-Current-URL: https://example.com/orders/\r\n", "", plain},
			{"htmx on a script", asHTMX + "HX-Current-URL: javascript:alert(1)\r\n", "", plain},
			{"htmx without a host", asHTMX + "HX-Current-URL: //other.example/orders/\r\n", "", plain},
			{"htmx on a path alone", asHTMX + "HX-Current-URL: /orders/\r\n", "", plain},
			{"htmx on two pages", asHTMX + "HX-Current-URL: http://other.example/\r\n" + onPage, "", plain},
		} {
			for _, request := range []string{get("/rows/", cookie+tt.headers), requestOf("POST", "/rows/", cookie+tt.headers+"Content-Length: 0\r\n")} {
				answer := g.wantRefused(t, request, http.StatusUnauthorized)
				script, htmx, location := answer.header.Values("X-Sign-In"), answer.header.Values("HX-Redirect"), answer.header.Values("Location")
				if strings.Join(script, "|") != tt.script || strings.Join(htmx, "|") != tt.htmx || len(location) > 0 {
					t.Errorf("%s: X-Sign-In %q, want %q; HX-Redirect %q, want %q; Location %q, want none", tt.name, script, tt.script, htmx, tt.htmx, location)
				}
			}
		}
	}
	for name, request := range map[string]string{ // who is not to sign in by a script
		"a page":            get("/rows/", asPage),
		"a page of a user":  get("/rows/", gatewayCookie(g.rig.bob)+asPage),
		"htmx of a user":    get("/rows/", gatewayCookie(g.rig.bob)+asHTMX+onPage),
		"fetch of a user":   get("/rows/", gatewayCookie(g.rig.bob)+asScript),
		"where all may":     get("/accounts/login/", asHTMX+onPage),
		"htmx of who may't": get("/admin/", gatewayCookie(g.rig.bob)+asHTMX+onPage),
	} {
		answer := g.do(t, request)
		if answer.status == http.StatusUnauthorized || answer.err != nil || answer.header.Get("X-Sign-In")+answer.header.Get("HX-Redirect") != "" {
			t.Errorf("%s: %d %v, X-Sign-In %q, HX-Redirect %q", name, answer.status, answer.err, answer.header.Get("X-Sign-In"), answer.header.Get("HX-Redirect"))
		}
	}
	// Without preflight=1, a preflight is as any other request.
	g.wantRefused(t, requestOf("OPTIONS", "/page", preflightHeaders), http.StatusUnauthorized)
	g.wantReached(t, requestOf("OPTIONS", "/page", preflightHeaders+gatewayCookie(g.rig.bob)), gatewayBob)
}

const preflightHeaders = "Origin: https://other.example\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x-token\r\n"

// TestGatewaysPreflights: with preflight=1, CORS preflights reach the application, from nobody, and nothing else does. The other files
// of nginx tell scripts where to sign in, too.
func TestGatewaysPreflights(t *testing.T) {
	rig := newGatewayRig(t)
	route := rig.route
	route.Preflight = true
	for _, g := range gatewaysUnderTest() {
		if g.name == "envoy" {
			continue // over HTTP, no word of the operator's makes Envoy's question less strict
		}
		t.Run(g.name, func(t *testing.T) {
			through := gatewayTest{rig: rig, addr: g.start(t, route).Addr, gatewayUnderTest: g}
			t.Run("preflights", through.preflights)
			t.Run("others", through.noPreflights)
		})
	}
	for name, addr := range map[string]string{
		"/media/a.txt": djangotest.NginxMedia(t, rig.route, map[string]string{"media/a.txt": "a"}).Addr,
		"/grafana/api": djangotest.NginxGrafana(t, rig.route, rig.route.Application).Addr,
	} {
		t.Run(name, func(t *testing.T) {
			for headers, want := range map[string][2]string{
				asScript: {"X-Sign-In", "/accounts/login/"}, asHTMX + onPage: {"HX-Redirect", "/accounts/login/?next=/orders/%3Fpage%3D2"},
			} {
				answer := exchange(t, addr, get(name, headers))
				if got := answer.header.Get(want[0]); answer.status != http.StatusUnauthorized || got != want[1] || answer.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%q: %d %v, %s %q, want %q, Cache-Control %q", headers, answer.status, answer.err, want[0], got, want[1], answer.header.Get("Cache-Control"))
				}
			}
		})
	}
}

func (g gatewayTest) preflights(t *testing.T) {
	for _, headers := range []string{
		preflightHeaders, "Origin: null\r\nAccess-Control-Request-Method: GET\r\n", preflightHeaders + asScript,
		preflightHeaders + gatewayCookie(g.rig.ada), preflightHeaders + gatewayCookie(g.rig.loggedOut),
		preflightHeaders + "Remote-User: " + forged + "\r\n", preflightHeaders + "X_HTTP_Method_Override: DELETE\r\n",
	} {
		shown := g.wantReached(t, requestOf("OPTIONS", "/page?q=1", headers), gatewayNobody)
		g.wantPreflight(t, shown, headers)
	}
	g.wantReached(t, get("/page", gatewayCookie(g.rig.ada)), gatewayAda)
	// Where the operator does not say so, no preflight passes.
	g.wantRefused(t, requestOf("OPTIONS", "/admin/", preflightHeaders), http.StatusUnauthorized)
	g.wantRefused(t, requestOf("OPTIONS", "/admin/?preflight=1", preflightHeaders), http.StatusUnauthorized)
}

// wantPreflight wants a request that is nothing but a preflight, as the application sees it.
func (g gatewayTest) wantPreflight(t *testing.T, shown *gatewayRequest, headers string) {
	t.Helper()
	if shown.Meta["REQUEST_METHOD"] != http.MethodOptions || shown.Meta["HTTP_ORIGIN"] == "" || shown.Meta["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] == "" {
		t.Errorf("%q: the application is asked for %v", headers, shown.Meta)
	}
	if identity := shown.identity(); len(identity) > 0 {
		t.Errorf("%q: a preflight is from %v", headers, identity)
	}
	for name, value := range shown.Meta {
		if strings.Contains(strings.ReplaceAll(name, "-", "_"), "METHOD_OVERRIDE") || name == "HTTP_X_HTTP_METHOD" {
			t.Errorf("%q: the application is told %s: %s", headers, name, value)
		}
	}
}

// noPreflights are the ways to look like a preflight, and not to be one.
func (g gatewayTest) noPreflights(t *testing.T) {
	const origin, method, empty = "Origin: https://other.example\r\n", "Access-Control-Request-Method: PUT\r\n", "Content-Length: 0\r\n"
	for _, request := range []string{
		requestOf("OPTIONS", "/page", ""), requestOf("OPTIONS", "/page", origin), requestOf("OPTIONS", "/page", method),
		requestOf("OPTIONS", "/page", "Origin:\r\n"+method), requestOf("OPTIONS", "/page", origin+"Access-Control-Request-Method: \r\n"),
		requestOf("OPTIONS", "/page", origin+"Access-Control-Request-Headers: x\r\n"), requestOf("OPTIONS", "/page", "X-Forwarded-Origin: x\r\n"+method),
		requestOf("OPTIONS", "/page?Origin=x&Access-Control-Request-Method=PUT&preflight=1", ""),
		get("/page", preflightHeaders), requestOf("HEAD", "/page", preflightHeaders), requestOf("POST", "/page", preflightHeaders+empty),
		requestOf("PUT", "/page", preflightHeaders+empty), requestOf("DELETE", "/page", preflightHeaders), requestOf("PROPFIND", "/page", preflightHeaders+empty),
		get("/page?preflight=1", preflightHeaders), get("/page?preflight=1&_method=OPTIONS", ""), get("/page?optional=1", ""),
		get("/page", preflightHeaders+"X-HTTP-Method-Override: OPTIONS\r\n"), get("/page", preflightHeaders+"X-Forwarded-Method: OPTIONS\r\n"),
		get("/page", preflightHeaders+"X-Original-Method: OPTIONS\r\n"), requestOf("POST", "/page", preflightHeaders+empty+"X-Forwarded-Method: OPTIONS\r\n"),
	} {
		g.wantRefused(t, request, http.StatusUnauthorized)
	}
	for _, name := range gateway.HintHeaders() {
		if !strings.Contains(name, "Method") || strings.HasPrefix(name, "Access") {
			continue
		}
		for _, header := range []string{
			name + ": DELETE\r\n", strings.ToLower(name) + ": OPTIONS\r\n", name + ": \r\n" + name + ": DELETE\r\n", name + ": DELETE\r\n" + name + ":\r\n",
		} {
			g.wantRefused(t, requestOf("OPTIONS", "/page", preflightHeaders+header), http.StatusUnauthorized)
			g.wantRefused(t, requestOf("OPTIONS", "/page", header+preflightHeaders), http.StatusUnauthorized)
		}
		g.oddPreflights(t, name)
	}
	for _, method := range []string{"options", "Options", "OPTIONS,GET", "OPTION", "OPTIONSX"} {
		before := g.rig.seen(t)
		if answer := g.do(t, requestOf(method, "/page", preflightHeaders)); g.rig.seen(t) != before {
			t.Errorf("%s: status %d, and the application has seen it", method, answer.status)
		}
	}
}

// oddPreflights may be refused, or reach the application; but then as nothing else than preflights.
func (g gatewayTest) oddPreflights(t *testing.T, name string) {
	t.Helper()
	requests := []string{
		requestOf("OPTIONS", "/page", preflightHeaders+"Connection: "+name+"\r\n"+name+": DELETE\r\n"),
		requestOf("OPTIONS", "/page", preflightHeaders+name+": DELETE\r\nConnection: close, "+name+"\r\n"),
		requestOf("OPTIONS", "/page", preflightHeaders+"Connection: Origin, Access-Control-Request-Method\r\n"),
		requestOf("OPTIONS", "/page", preflightHeaders+"Transfer-Encoding: chunked\r\nTrailer: "+name+"\r\n") + "0\r\n" + name + ": DELETE\r\n\r\n",
		requestOf("OPTIONS", "/page", preflightHeaders+"Upgrade: websocket\r\nConnection: Upgrade\r\n"+name+": DELETE\r\n"),
	}
	for _, spelt := range spellings(name) {
		if !strings.EqualFold(spelt, name) {
			requests = append(requests, requestOf("OPTIONS", "/page", preflightHeaders+spelt+": DELETE\r\n"))
		}
	}
	for _, request := range requests {
		answer := g.do(t, request)
		if shown := answer.reached(t); shown != nil {
			g.wantPreflight(t, shown, request)
		} else if answer.err == nil && answer.status/100 != 4 {
			t.Errorf("%q: status %d", request, answer.status)
		}
	}
}
