//go:build live && gateways

package e2e

import (
	pathpkg "path"
	"strings"
	"testing"
)

// wordTargets are request targets in which a client writes what an operator would: words of requirements, where a gateway might put
// them next to its own, and paths that are none.
func wordTargets() (targets []string) {
	for _, word := range []string{"optional=1", "preflight=1", "require=", "require=stuff", "%6fptional=1", "optional%3d1", "optional=1%00", "optional=1%2f", "optional=1#"} {
		targets = append(targets, ";"+word, ";"+word+"/x", "/;"+word+"/admin/", "http:;"+word+"/admin/")
	}
	for _, before := range []string{
		"&", "?", "%3b", "%3B", "#", ";;", ";require=staff;", "//;", "/..;", "/../auth/envoy;", ".;", "..;", "\\;", "*;", "@;", ":;", ":80;", "\xff;", "http://example.com;",
		"http://example.com?", "http://example.com/;", "http://;", "http:/;", "https://example.com;", "ftp://;", "://;", "//example.com;", "///;", "example.com;",
		"example.com:80;", "/admin;", "/admin/;", "admin;", "/admin%3b", "/page;", "/static/..;", "http://example.com/admin;", "%2f;",
	} {
		targets = append(targets, before+"optional=1/admin/", before+"optional=1")
	}
	// Go takes what follows a scheme without a slash for the whole target, and Caddy would ask it of the sidecar, and then of the application.
	for _, before := range []string{"http:http://example.com", "x:x://example.com", "http:", "x:", "example.com:"} {
		for _, path := range []string{
			"/authenticate", "/auth/nginx", "/auth/forward", "/auth/nginx?optional=1", "/auth/forward?optional=1", "/auth/envoy/admin/", "/auth/envoy;/../../admin/",
			"/auth/envoy/../../admin/", "/tus/../admin/", "/admin/", "/page", "", "*", "//auth/nginx", "auth/nginx",
		} {
			targets = append(targets, before+path)
		}
	}
	return append(targets, "*", "**", "admin/", "page", "x/admin/", "?", ";", ";/", ";/admin/", "#/admin/", "http://example.com", "http://example.com?/admin/", "example.com:80",
		"auth/envoy", "/auth/envoy", "/auth/envoy;optional=1/admin/", "../auth/envoy;optional=1/admin/", "&", "&optional=1&", "?optional=1&require=", "/admin/?optional=1", "/page?optional=1")
}

// operatorWords are what the files of deploy/ write into the question themselves, up to the original path.
var operatorWords = map[string][]string{
	"nginx":   {"/auth/nginx", "/auth/nginx?require=staff"},
	"haproxy": {"/auth/forward", "/auth/forward?require=staff"},
	"caddy":   {"/auth/forward", "/auth/forward?require=staff"},
	"traefik": {"/auth/forward", "/auth/forward?require=staff"},
	"envoy":   {"/auth/envoy", "/auth/envoy;require=staff"},
}

// TestGatewaysTargets: what a client writes into the target of a request is never taken for the operator's. Behind each gateway,
// nobody reaches more than what is public, and nobody but staff what is for staff; and the sidecar is asked in the operator's words.
func TestGatewaysTargets(t *testing.T) {
	rig := newGatewayRig(t)
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			application := startRawApplication(t)
			route := rig.route
			route.Application = application.addr
			start := g.start
			through := gatewayTest{rig: rig, addr: start(t, route).Addr, gatewayUnderTest: g}
			addrHTTP2 := through.addr
			if g.overHTTP2 != nil {
				addrHTTP2 = g.overHTTP2(t, route).Addr
			}
			sent := through.writesWords(t, through.addr, addrHTTP2)
			seen := application.take()
			for _, request := range seen {
				_, target, _ := strings.Cut(request.line, " ")
				if strings.HasPrefix(request.line, "GET http /") { // HTTP/2
					target = strings.TrimPrefix(request.line, "GET http ")
				}
				path, _, _ := strings.Cut(target, "?")
				public := strings.HasPrefix(path, "/accounts/") || strings.HasPrefix(path, "/static/")
				who := strings.Join(request.values("x-tried"), "")
				if !public && (who != "bob" || request.user() != "bob") || !strings.HasPrefix(path, "/") || strings.HasPrefix(strings.ToLower(pathpkg.Clean(path)), "/admin") {
					t.Errorf("%s asks the application for %q, as %q", who, request.line, request.user())
				}
			}
			t.Logf("%d sent, %d at the application", sent, len(seen))

			if g.name == "envoy-grpc" {
				return // its question has a place of its own for the operator's words
			}
			sidecar := startRawApplication(t)
			route.Sidecar = sidecar.addr
			asked := gatewayTest{rig: rig, addr: start(t, route).Addr, gatewayUnderTest: g}
			addrHTTP2 = asked.addr
			if g.overHTTP2 != nil {
				addrHTTP2 = g.overHTTP2(t, route).Addr
			}
			asked.writesWords(t, asked.addr, addrHTTP2)
			questions := sidecar.take()
			if len(questions) < 20 {
				t.Errorf("only %d questions: too little has been tried", len(questions))
			}
			for _, question := range questions {
				asked.wantOperatorsWords(t, question)
			}
		})
	}
}

// writesWords sends each target as nobody and as Bob, by several methods, and returns how many requests these were.
func (g gatewayTest) writesWords(t *testing.T, addr, addrHTTP2 string) int {
	t.Helper()
	trying := new(atMost)
	for _, target := range wordTargets() {
		for who, key := range map[string]string{"nobody": "", "bob": g.rig.bob} {
			headers := "X-Tried: " + who + "\r\nOrigin: http://example.com\r\nAccess-Control-Request-Method: PUT\r\n" + gatewayCookie(key)
			for _, method := range []string{"GET", "OPTIONS", "CONNECT"} {
				trying.do(func() { exchange(t, addr, requestOf(method, target, headers+"Connection: close\r\n")) })
			}
			if strings.Contains(target, "\xff") || !strings.HasPrefix(target, "/") && !strings.Contains(target, "optional=1/x") {
				continue // Envoy takes a second to refuse others by HTTP/2
			}
			fields := http2Get("GET", target, "x-tried", who)
			if key != "" {
				fields = append(fields, "cookie", "sessionid="+key)
			}
			trying.do(func() { http2Exchange(t, addrHTTP2, http2Request{fields: fields}) })
		}
	}
	trying.wait()
	return trying.done
}

// wantOperatorsWords wants a question in the words of the file, with nothing of the client's in them.
func (g gatewayTest) wantOperatorsWords(t *testing.T, question rawRequest) {
	t.Helper()
	_, target, _ := strings.Cut(question.line, " ")
	target, _, _ = strings.Cut(target, " HTTP/")
	words := target
	if words == "/authenticate" {
		return // the files send it to the sidecar as it is: it is no question
	}
	if rest, ok := strings.CutPrefix(target, "/auth/envoy"); ok {
		operators, _, _ := strings.Cut(rest, "/")
		words = "/auth/envoy" + operators
	}
	for _, want := range operatorWords[g.name] {
		if words == want {
			return
		}
	}
	t.Errorf("the sidecar is asked %q, want the words of %q", question.line, operatorWords[g.name])
}
