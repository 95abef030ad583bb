//go:build live && gateways

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// grafanaIni are the settings of docs/gateways/grafana.md that the stand-in goes by.
var grafanaIni = struct {
	rootURL, headerName, headerEmail, headerRole, whitelist string
}{"http://example.com/grafana/", "Remote-User", "Remote-Email", "X-Grafana-Role", "127.0.0.1"}

// grafanaStandIn decides who a request is from as Grafana does (github.com/grafana/grafana, pkg/services/authn/clients: proxy.go,
// grafana.go, basic.go, api_key.go, session.go; pkg/middleware/csrf/csrf.go with csrf_always_check; Grafana Live's check of
// Origin). It knows no passwords and no tokens: whoever gets one through to it has won.
type grafanaStandIn struct {
	mu    sync.Mutex
	users map[string]grafanaUser // auto_sign_up
	seen  int
}

type grafanaUser struct {
	Login, Email, Role string
	// By is what the request was believed for.
	By string
	// Cookie and Path are what has reached Grafana.
	Cookie, Path string
}

func (g *grafanaStandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen++
	w.Header().Set("X-Grafana", "yes")
	if !g.sameOrigin(r) {
		http.Error(w, "origin not allowed", http.StatusForbidden)
		return
	}
	user, err := g.identify(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if user.Login != "" {
		g.users[user.Login] = user
	}
	if r.URL.Path == "/grafana/api/live/ws" {
		g.live(w, r, user)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(user)
}

// identify asks Grafana's clients in the order of their priority: API keys 30, passwords 40, the proxy 50, sessions 60.
func (g *grafanaStandIn) identify(r *http.Request) (grafanaUser, error) {
	user := grafanaUser{Path: r.URL.RequestURI(), Cookie: r.Header.Get("Cookie")}
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		user.By = "authorization"
		return user, nil
	}
	if login := r.Header.Get(grafanaIni.headerName); login != "" {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || host != grafanaIni.whitelist {
			return user, fmt.Errorf("request ip is not in the configured accept list: %s", r.RemoteAddr)
		}
		user.By, user.Login = "proxy", login
		user.Email, user.Role = r.Header.Get(grafanaIni.headerEmail), r.Header.Get(grafanaIni.headerRole)
		return user, nil
	}
	if cookie, err := r.Cookie("grafana_session"); err == nil && cookie.Value != "" {
		user.By = "session"
		return user, nil
	}
	return user, http.ErrNoCookie
}

func (g *grafanaStandIn) sameOrigin(r *http.Request) bool {
	switch r.Method {
	case http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	if r.Header.Get("Origin") == "" {
		return true
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	host := (&url.URL{Host: r.Host}).Hostname()
	return err == nil && host != "" && origin.Hostname() == host
}

// live is the websocket of Grafana Live: its origin must be that of root_url.
func (g *grafanaStandIn) live(w http.ResponseWriter, r *http.Request, user grafanaUser) {
	root, err := url.Parse(grafanaIni.rootURL)
	if err != nil || r.Header.Get("Origin") != root.Scheme+"://"+root.Host {
		http.Error(w, "Request Origin is not authorized", http.StatusForbidden)
		return
	}
	if r.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		http.Error(w, "no websocket", http.StatusBadRequest)
		return
	}
	conn, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	go func() {
		defer conn.Close() //nolint:errcheck // the client sees it
		fmt.Fprintf(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Login: %s\r\n\r\n", user.Login)
		_ = stream.Flush()
		_, _ = io.Copy(conn, stream)
	}()
}

func (g *grafanaStandIn) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// TestGatewaysGrafana: with deploy/nginx/grafana.conf, what Grafana believes about a user is what Django knows.
func TestGatewaysGrafana(t *testing.T) {
	rig := newGatewayRig(t)
	standIn := &grafanaStandIn{users: map[string]grafanaUser{}}
	server := httptest.NewServer(standIn)
	t.Cleanup(server.Close)
	start := func(t *testing.T, groups ...string) grafanaTest {
		gateway := djangotest.NginxGrafana(t, rig.route, server.Listener.Addr().String(), groups...)
		return grafanaTest{gatewayTest{rig: rig, addr: gateway.Addr}, standIn}
	}
	t.Run("roles", func(t *testing.T) {
		// Ada is in editors and writers.
		for role, groups := range map[string][]string{
			"Viewer": nil, "Editor": {"grafana-editors", "editors"}, "Admin": {"grafana-editors", "editors", "grafana-admins", "writers"},
		} {
			if got := start(t, groups...).wantUser(t, get("/grafana/api/user", gatewayCookie(rig.ada)), "ada").Role; got != role {
				t.Errorf("with %q, ada is %s, want %s", groups, got, role)
			}
		}
		// A part of a group's name is no group.
		if got := start(t, "grafana-admins", "edit", "grafana-editors", "itors").wantUser(t, get("/grafana/", gatewayCookie(rig.ada)), "ada").Role; got != "Viewer" {
			t.Errorf("ada is %s", got)
		}
	})
	grafana := start(t, "grafana-admins", "editors")
	t.Run("users", grafana.users)
	t.Run("forgeries", grafana.forgeries)
	t.Run("live", grafana.liveSocket)
	t.Run("sign-in", grafana.signIn)
	t.Run("outages", grafana.outages)
}

type grafanaTest struct {
	gatewayTest

	standIn *grafanaStandIn
}

// wantUser wants Grafana to take a request for a user's, because the gateway says so.
func (g grafanaTest) wantUser(t *testing.T, request, login string) grafanaUser {
	t.Helper()
	answer := g.do(t, request)
	var user grafanaUser
	if err := json.Unmarshal([]byte(answer.body), &user); err != nil {
		t.Fatalf("%.300q: status %d %v %q", request, answer.status, answer.err, answer.body)
	}
	if user.Login != login || user.By != "proxy" || user.Cookie != "" {
		t.Errorf("%.300q: Grafana sees %+v, want %s", request, user, login)
	}
	return user
}

// wantStopped wants a request to end before Grafana.
func (g grafanaTest) wantStopped(t *testing.T, request string, status int) gatewayAnswer {
	t.Helper()
	before := g.standIn.count()
	answer := g.do(t, request)
	if answer.status != status || answer.err != nil || g.standIn.count() != before {
		t.Errorf("%.300q: status %d %v, want %d; Grafana has seen %d", request, answer.status, answer.err, status, g.standIn.count()-before)
	}
	return answer
}

func (g grafanaTest) users(t *testing.T) {
	user := g.wantUser(t, get("/grafana/d/x?orgId=1&var-a=%2Fb", gatewayCookie(g.rig.ada)), "ada")
	if user.Email != "ada@example.com" || user.Role != "Admin" || user.Path != "/grafana/d/x?orgId=1&var-a=%2Fb" {
		t.Errorf("Grafana sees %+v", user)
	}
	if user := g.wantUser(t, get("/grafana/", gatewayCookie(g.rig.bob)), "bob"); user.Email != "" || user.Role != "Viewer" {
		t.Errorf("Grafana sees %+v", user)
	}
	body := strings.Repeat("x", 3<<20)
	g.wantUser(t, requestOf("POST", "/grafana/api/dashboards/db", gatewayCookie(g.rig.bob)+fmt.Sprintf("Content-Length: %d\r\n", len(body)))+body, "bob")
	// Grafana's own check of where a request comes from works: it gets the host that the browser asked.
	g.wantUser(t, requestOf("POST", "/grafana/api/x", gatewayCookie(g.rig.bob)+"Origin: http://example.com\r\nContent-Length: 0\r\n"), "bob")
	answer := g.do(t, requestOf("POST", "/grafana/api/x", gatewayCookie(g.rig.bob)+"Origin: http://other.example\r\nContent-Length: 0\r\n"))
	if answer.status != http.StatusForbidden || !strings.Contains(answer.body, "origin not allowed") {
		t.Errorf("a request from elsewhere: %d %s", answer.status, answer.body)
	}
}

func (g grafanaTest) forgeries(t *testing.T) {
	bob := gatewayCookie(g.rig.bob)
	for _, header := range []string{
		"Remote-User: admin\r\n", "remote-user: admin\r\n", "Remote_User: admin\r\n", "Remote.User: admin\r\n", "Remote-Email: admin@localhost\r\n",
		"X-Grafana-Role: Admin\r\n", "X_Grafana_Role: Admin\r\n", "Remote-Groups: editors\r\n", "X-WEBAUTH-USER: admin\r\n",
		"Connection: Remote-User, X-Grafana-Role\r\n", "Connection: close, Authorization\r\n",
		"Authorization: Basic YWRtaW46YWRtaW4=\r\n", "authorization: Bearer glsa_x\r\n", "Authorization:\tBasic YWRtaW46YWRtaW4=\r\n",
		"Cookie: grafana_session=x\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Original-URL: /accounts/login/\r\n",
	} {
		for _, headers := range []string{header + bob, bob + header} {
			answer := g.do(t, get("/grafana/api/user", headers))
			if answer.header.Get("X-Grafana") == "" {
				continue // refused before, as two Cookie lines may be
			}
			user := g.wantUser(t, get("/grafana/api/user", headers), "bob")
			if user.Email != "" || user.Role != "Viewer" {
				t.Errorf("%q: Grafana sees %+v", headers, user)
			}
		}
		g.wantStopped(t, get("/grafana/api/user", header), http.StatusUnauthorized)
	}
	// However the path is written, Grafana is asked by nobody.
	for _, path := range []string{
		"/grafana", "/grafana/", "//grafana/", "/%67rafana/", "/x/../grafana/", "/x/..%2fgrafana/", "/grafana%2f", "/grafana/public/x", "/grafana/api/health",
		"/grafana/login", "/accounts/../grafana/", "/grafana/../grafana/", "http://other/grafana/", "/grafana/%2e%2e/", "/_django_sidecar/grafana",
	} {
		before := g.standIn.count()
		if g.do(t, get(path, "")); g.standIn.count() != before {
			t.Errorf("%s: Grafana has seen it", path)
		}
	}
	if _, there := g.standIn.users["admin"]; there {
		t.Error("an admin has been signed up")
	}
}

func (g grafanaTest) liveSocket(t *testing.T) {
	const path, origin = "/grafana/api/live/ws", "Origin: http://example.com\r\n"
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	conn := dialGateway(t, g.addr)
	_, writeErr := io.WriteString(conn, get(path, gatewayCookie(g.rig.bob)+upgrade+origin))
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || writeErr != nil {
		t.Fatal(err, writeErr)
	}
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("X-Login") != "bob" {
		t.Fatalf("status %d, for %q", response.StatusCode, response.Header.Get("X-Login"))
	}
	_ = response.Body.Close()
	fmt.Fprintf(conn, "hello\n")
	if line, err := reader.ReadString('\n'); line != "hello\n" {
		t.Errorf("Grafana says %q, %v", line, err)
	}
	g.wantStopped(t, get(path, upgrade+origin), http.StatusUnauthorized)
	if answer := g.do(t, get(path, gatewayCookie(g.rig.bob)+upgrade+"Origin: http://other.example\r\n")); answer.status != http.StatusForbidden {
		t.Errorf("a websocket from elsewhere: %d", answer.status)
	}
}

func (g grafanaTest) signIn(t *testing.T) {
	for _, cookie := range []string{"", gatewayCookie(g.rig.loggedOut)} {
		g.wantLogin(t, g.wantStopped(t, get("/grafana/d/x?orgId=1", cookie+asPage), http.StatusFound), "/grafana/d/x?orgId=1")
		g.wantStopped(t, get("/grafana/api/user", cookie+asScript), http.StatusUnauthorized)
		g.wantStopped(t, requestOf("POST", "/grafana/api/ds/query", cookie+"Content-Length: 0\r\n"), http.StatusUnauthorized)
	}
}

func (g grafanaTest) outages(t *testing.T) {
	for name, proxy := range map[string]*djangotest.FaultProxy{"the sidecar": g.rig.sidecar[0], "the store": g.rig.store} {
		proxy.SetMode(djangotest.Refuse())
		for _, headers := range []string{"", asPage, asScript} {
			answer := g.wantStopped(t, get("/grafana/", gatewayCookie(g.rig.ada)+headers), http.StatusServiceUnavailable)
			if answer.header.Get("Location") != "" || answer.header.Get("Retry-After") != "1" {
				t.Errorf("%s is down: %q", name, answer.header)
			}
		}
		proxy.SetMode(djangotest.Pass())
		waitFor(t, 30*time.Second, "a user again", func() bool {
			return g.do(t, get("/grafana/", gatewayCookie(g.rig.ada))).header.Get("X-Grafana") != ""
		})
	}
}
