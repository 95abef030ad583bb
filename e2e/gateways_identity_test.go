//go:build live && gateways

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"django-sidecar/internal/djangotest"
)

// identityNames are the headers of testdata/gateways/identity-headers.txt, and a member of each family that nobody knows yet.
func identityNames(t *testing.T) (known, unknown []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "testdata", "gateways", "identity-headers.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(raw)) {
		name = strings.TrimSpace(name)
		family, isFamily := strings.CutSuffix(name, "*")
		switch {
		case isFamily:
			unknown = append(unknown, family+"Of-Tomorrow")
		case name != "" && name[0] != '#':
			known = append(known, name)
		}
	}
	return known, unknown
}

// identityGateways are all files of deploy/ that stand before an application, and a path of each that asks and one that does not.
func identityGateways() map[string]identityGateway {
	list := map[string]identityGateway{
		"media": {start: func(t *testing.T, route djangotest.GatewayRoute) *djangotest.Gateway {
			return djangotest.NginxMedia(t, route, nil)
		}, paths: []string{"/page", "/accounts/login/"}},
		"grafana": {start: func(t *testing.T, route djangotest.GatewayRoute) *djangotest.Gateway {
			return djangotest.NginxGrafana(t, route, route.Application)
		}, paths: []string{"/grafana/", "/page"}},
	}
	for _, g := range gatewaysUnderTest() {
		start := func(t *testing.T, route djangotest.GatewayRoute) *djangotest.Gateway { return g.start(t, route) }
		overHTTP2 := start
		if g.overHTTP2 != nil {
			overHTTP2 = func(t *testing.T, route djangotest.GatewayRoute) *djangotest.Gateway { return g.overHTTP2(t, route) }
		}
		list[g.name] = identityGateway{start: start, http2: overHTTP2, families: g.name != "nginx", paths: []string{"/page", "/accounts/login/"}}
	}
	return list
}

type identityGateway struct {
	start, http2 func(*testing.T, djangotest.GatewayRoute) *djangotest.Gateway
	paths        []string
	families     bool
}

// http2Name matches names that HTTP/2 can carry.
var http2Name = regexp.MustCompile("^[a-z0-9_.~!+|^*%&#$`'-]+$")

// TestGatewaysIdentity: of the headers in which any gateway names a user, none reaches the application as a client says it.
func TestGatewaysIdentity(t *testing.T) {
	rig := newGatewayRig(t)
	known, unknown := identityNames(t)
	for name, g := range identityGateways() {
		t.Run(name, func(t *testing.T) {
			application := startRawApplication(t)
			route := rig.route
			route.Application = application.addr
			names := known
			if g.families {
				names = slices.Concat(known, unknown)
			}
			addr, addrHTTP2 := g.start(t, route).Addr, ""
			if g.http2 != nil {
				addrHTTP2 = g.http2(t, route).Addr
			}
			sent, arrived := new(atMost), 0
			for spelling := range spellings("X-Y") {
				// A few at a time: gateways have limits for a header.
				for some := range slices.Chunk(names, 45) {
					lines := "X: y\r\n" // a line that begins with a space goes on with this one
					var fields []string
					for _, name := range some {
						spelt := spellings(name)[spelling]
						lines += spelt + ": " + forged + "\r\n"
						fields = append(fields, strings.ToLower(spelt), forged)
					}
					for _, path := range g.paths {
						sent.do(func() { exchange(t, addr, get(path, lines+gatewayCookie(rig.bob))) })
						sent.do(func() {
							exchange(t, addr, requestOf("POST", path, gatewayCookie(rig.bob)+"Content-Length: 0\r\n"+lines))
						})
						if addrHTTP2 != "" && http2Name.MatchString(fields[0]) {
							sent.do(func() {
								http2Exchange(t, addrHTTP2, http2Request{fields: http2Get("GET", path, slices.Concat(fields, []string{"cookie", "sessionid=" + rig.bob})...)})
							})
						}
					}
				}
				sent.wait()
				for _, request := range application.take() {
					arrived++
					if found := request.forgedIn(); len(found) > 0 && !slices.Equal(found, []string{"x"}) {
						t.Fatalf("%s: the application sees %q", request.line, found)
					}
					if user := request.user(); user != "bob" && user != "nobody" {
						t.Errorf("%s: the application sees %q", request.line, user)
					}
				}
			}
			t.Logf("%d sent, %d at the application", sent.done, arrived)
			if arrived < sent.done/4 {
				t.Error("too few have reached the application: too little has been tried")
			}
		})
	}
}

// TestGatewaysTrailers: what a client says behind a body reaches the application neither as a header nor as a trailer.
func TestGatewaysTrailers(t *testing.T) {
	rig := newGatewayRig(t)
	for name, g := range identityGateways() {
		for _, upstream := range []string{"HTTP1", "HTTP2"} {
			if upstream == "HTTP2" && (g.http2 == nil || name == "nginx") {
				continue // nginx speaks HTTP/1 to applications
			}
			t.Run(name+"/"+upstream, func(t *testing.T) {
				application := startRawApplication(t)
				route := rig.route
				route.Application, route.HTTP2 = application.addr, upstream == "HTTP2"
				g.trailers(t, rig, application, route)
			})
		}
	}
}

func (g identityGateway) trailers(t *testing.T, rig *gatewayRig, application *rawApplication, route djangotest.GatewayRoute) {
	t.Helper()
	addr, addrHTTP2 := g.start(t, route).Addr, ""
	if g.http2 != nil {
		addrHTTP2 = g.http2(t, route).Addr
	}
	cookie := gatewayCookie(rig.bob)
	sent, arrived := new(atMost), 0
	for _, name := range []string{"Remote-User", "remote_user", "X-Forwarded-User", "Upgrade", "Cookie", "X-Harmless"} {
		for _, declared := range []string{"", "Trailer: " + name + "\r\n", "trailer: X, " + name + "\r\n", "Trailer: " + name + "\r\nTE: trailers\r\nConnection: TE\r\n"} {
			for _, body := range []string{"", "3\r\nabc\r\n"} {
				for _, path := range g.paths {
					sent.do(func() {
						exchange(t, addr, requestOf("POST", path, cookie+declared+"Transfer-Encoding: chunked\r\n")+body+"0\r\n"+name+": "+forged+"\r\n\r\n")
					})
				}
			}
		}
		for _, more := range [][]string{nil, {"trailer", strings.ToLower(name)}, {"content-length", "3"}, {"content-length", "3", "trailer", strings.ToLower(name)}} {
			for _, path := range g.paths {
				if addrHTTP2 == "" {
					continue
				}
				fields := http2Get("POST", path, append([]string{"cookie", "sessionid=" + rig.bob}, more...)...)
				sent.do(func() {
					http2Exchange(t, addrHTTP2, http2Request{fields: fields, body: "abc", trailers: []string{strings.ToLower(name), forged}})
				})
			}
		}
		sent.wait()
		for _, request := range application.take() {
			arrived++
			if found := request.forgedIn(); len(found) > 0 || len(request.trailers) > 0 {
				t.Fatalf("%s: the application sees %q of %q %q", request.line, found, request.headers, request.trailers)
			}
		}
	}
	// Without trailers, a body of unknown length arrives. What is sent with them may be refused.
	exchange(t, addr, requestOf("POST", g.paths[0], cookie+"Transfer-Encoding: chunked\r\n")+"3\r\nabc\r\n0\r\n\r\n")
	plain := application.take()
	if len(plain) != 1 || plain[0].body != "abc" && !route.HTTP2 {
		t.Errorf("a request in chunks: the application has seen %q", plain)
	}
	t.Logf("%d sent, %d at the application", sent.done, arrived)
}

// atMost does sixteen things at a time.
type atMost struct {
	running sync.WaitGroup
	slots   chan struct{}
	done    int
}

func (a *atMost) do(what func()) {
	if a.slots == nil {
		a.slots = make(chan struct{}, 16)
	}
	a.done++
	a.slots <- struct{}{}
	a.running.Go(func() {
		what()
		<-a.slots
	})
}

func (a *atMost) wait() { a.running.Wait() }
