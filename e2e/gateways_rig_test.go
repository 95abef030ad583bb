//go:build live && gateways

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// gatewayRig is what stands around a gateway: a Django that logs users in, a sidecar on its database, and an application
// that knows the user from the gateway alone.
type gatewayRig struct {
	store   *djangotest.FaultProxy   // before the database
	sidecar []*djangotest.FaultProxy // before the sidecar's two listeners
	route   djangotest.GatewayRoute
	at      serving.Listeners // the sidecar's own

	database string // DATABASE_URL without the proxy
	django   *djangotest.Django

	// Session keys. Ada is staff and has a name that is no ASCII, and groups; Bob is neither and has none of it.
	ada, bob, loggedOut string
}

// The users of the rig, as the application must see them: by the names that WSGI gives the identity headers.
var (
	gatewayAda = map[string]string{
		"HTTP_REMOTE_USER": "ada", "HTTP_REMOTE_USER_ID": "1", "HTTP_REMOTE_EMAIL": "ada@example.com", "HTTP_REMOTE_GROUPS": "editors,writers",
	}
	gatewayBob    = map[string]string{"HTTP_REMOTE_USER": "bob", "HTTP_REMOTE_USER_ID": "2"}
	gatewayNobody = map[string]string{}
)

func newGatewayRig(t *testing.T) *gatewayRig {
	t.Helper()
	t.Setenv("DJANGO_SECRET_KEY", oracleSecret)
	t.Setenv("DJANGO_VERSION", "6.1")
	t.Setenv("SIDECAR_TRUSTED_PROXIES", "127.0.0.1/32")
	t.Setenv("SIDECAR_STORE_TIMEOUT", "3s") // less than the gateways wait
	t.Setenv("SIDECAR_GRPC_LISTEN", "127.0.0.1:0")
	server := djangotest.Postgres(t)
	db := server.Database(t)
	rig := &gatewayRig{store: djangotest.NewFaultProxy(t, server.Addr())}
	rig.database = db.URLAt(server.Addr())
	t.Setenv("DATABASE_URL", db.URLAt(rig.store.Addr()))
	django := djangotest.StartDjango(t, djangotest.Project{
		Version: "6.1", Settings: map[string]any{"SECRET_KEY": oracleSecret}, Database: db.Django(),
	})
	rig.django = django
	const columns = "password, username, email, is_staff, is_superuser, is_active, first_name, last_name, date_joined"
	for _, statement := range []string{
		"INSERT INTO auth_user (id, " + columns + ") VALUES (1, 'p1', 'ada', 'ada@example.com', true, false, true, '', '', now())",
		"INSERT INTO auth_user (id, " + columns + ") VALUES (2, 'p2', 'bob', '', false, false, true, '', '', now())",
		"INSERT INTO auth_user (id, " + columns + ") VALUES (3, 'p3', 'eve', '', false, false, true, '', '', now())",
		"INSERT INTO auth_group (id, name) VALUES (1, 'editors'), (2, 'writers')",
		"INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1), (1, 2)",
	} {
		django.Execute(statement)
	}
	rig.ada, rig.bob, rig.loggedOut = django.Login("1"), django.Login("2"), django.Login("3")
	django.Execute("UPDATE auth_user SET is_active = false WHERE id = 3")
	at := listenersForTest(t)
	rig.at = at
	rig.sidecar = []*djangotest.FaultProxy{djangotest.NewFaultProxy(t, at.Public.Addr().String()), djangotest.NewFaultProxy(t, at.GRPC.Addr().String())}
	rig.route = djangotest.GatewayRoute{
		Sidecar: rig.sidecar[0].Addr(), SidecarGRPC: rig.sidecar[1].Addr(), Application: djangotest.StartGatewayApplication(t, "6.1").Addr,
	}
	return rig
}

// cookie is the header of a session; "" is none.
func gatewayCookie(key string) string {
	if key == "" {
		return ""
	}
	return "Cookie: sessionid=" + key + "\r\n"
}

// seen is how many requests have reached the application.
func (r *gatewayRig) seen(t *testing.T) int {
	t.Helper()
	answer := exchange(t, r.route.Application, "GET /-/seen HTTP/1.1\r\nHost: application\r\n\r\n")
	var count struct{ Seen int }
	if err := json.Unmarshal([]byte(answer.body), &count); err != nil {
		t.Fatal(err)
	}
	return count.Seen
}

// gatewayAnswer is an answer that came through a gateway.
type gatewayAnswer struct {
	status int
	header http.Header
	body   string
	// err says that there was none: the gateway has hung up.
	err error
}

// reached is what the application shows of a request, nil if it has not been there.
func (a gatewayAnswer) reached(t *testing.T) *gatewayRequest {
	t.Helper()
	if a.header.Get("X-Application") == "" {
		return nil
	}
	shown := new(gatewayRequest)
	if a.body == "" { // HEAD
		return shown
	}
	if err := json.Unmarshal([]byte(a.body), shown); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return shown
}

// gatewayRequest is a request as the application got it.
type gatewayRequest struct {
	Meta     map[string]string
	Host     string
	Secure   bool
	Trailers []string
	Body     int `json:"body_bytes"`
}

// identity is what the application would believe about the user: all that any server could fold into an identity header.
func (r *gatewayRequest) identity() map[string]string {
	found := map[string]string{}
	for name, value := range r.Meta {
		folded := strings.Map(func(c rune) rune {
			if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
				return c
			}
			return '_'
		}, strings.ToUpper(name))
		if strings.HasPrefix(folded, "HTTP_REMOTE_") || strings.HasPrefix(folded, "REMOTE_") {
			if value != "" { // an empty one says that there is none
				found[name] = value
			}
		}
	}
	return found
}

// exchange sends bytes as they are, on a connection of their own, and reads one answer.
func exchange(t *testing.T, addr, request string) gatewayAnswer {
	t.Helper()
	conn := dialGateway(t, addr)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, request) // it fails where the request is refused early
	}()
	method, _, _ := strings.Cut(request, " ")
	answer := readAnswer(bufio.NewReader(conn), method)
	_ = conn.Close() // the rest need not be sent
	<-sent
	return answer
}

// dialGateway connects, for a minute at most, until the test ends.
func dialGateway(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func readAnswer(reader *bufio.Reader, method string) gatewayAnswer {
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		return gatewayAnswer{err: err}
	}
	if response.StatusCode == http.StatusContinue { // a word in between
		return readAnswer(reader, method)
	}
	body, err := io.ReadAll(response.Body)
	err = errors.Join(err, response.Body.Close())
	return gatewayAnswer{status: response.StatusCode, header: response.Header, body: string(body), err: err}
}

// get is a plain request. The headers end their own lines.
func get(path, headers string) string { return requestOf("GET", path, headers) }

func requestOf(method, path, headers string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: example.com\r\n%s\r\n", method, path, headers)
}
