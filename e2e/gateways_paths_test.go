//go:build live && gateways

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestGatewaysPaths: however a request is spelt, no application serves it from a stricter place than the one whose rule the gateway
// has applied. GATEWAY_PATHS says how many spellings are tried that are put together at random.
func TestGatewaysPaths(t *testing.T) {
	rig := newGatewayRig(t)
	applications := append(djangotest.StartApplications(t), djangotest.Application{Name: "django", Addr: rig.route.Application})
	fan := newFan(t, applications)
	rig.route.Application = fan.addr
	spellings := pathSpellings()
	seed, count := uint64(14), 100
	if told, err := strconv.Atoi(os.Getenv("GATEWAY_PATHS")); err == nil {
		seed, count = rand.Uint64(), told
		t.Logf("seed %d", seed)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for range count {
		spellings = append(spellings, randomSpelling(r))
	}
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			through := pathsTest{gatewayTest: gatewayTest{rig: rig, addr: g.start(t, rig.route).Addr, gatewayUnderTest: g}, fan: fan}
			t.Run("plain", func(t *testing.T) { through.plain(t, len(applications)) })
			t.Run("refused", through.refused)
			t.Run("wide", through.wide)
			t.Run("spellings", func(t *testing.T) { through.spellings(t, spellings) })
		})
	}
}

type pathsTest struct {
	gatewayTest

	fan *fan
}

// plain: every application serves its places as they are meant.
func (p pathsTest) plain(t *testing.T, applications int) {
	for path, place := range map[string]string{
		"/static/x": "static", "/accounts/login/": "accounts", "/page": "other", "/admin/x": "admin", "/page?a=/../;//%2e": "other", "/static/x?a=%2f..%5c": "static",
	} {
		views := p.fan.viewsOf(t, p.do(t, get(path, gatewayCookie(p.rig.ada))))
		if len(views.places) != applications {
			t.Errorf("%s: seen by %d applications of %d", path, len(views.places), applications)
		}
		for name, got := range views.places {
			if got != place {
				t.Errorf("%s: %s serves it as %q, want %s", path, name, got, place)
			}
		}
	}
}

// wide: what is for staff is so in each spelling that some application folds into another.
func (p pathsTest) wide(t *testing.T) {
	if !p.requirements {
		return
	}
	for _, path := range []string{
		"/admin", "/admin/", "/admin?x=y", "/admin/x", "/ADMIN", "/Admin/", "/aDMIN/x", "/admin.json", "/admin.", "/ADMIN.xml?x", "/admin%20", "/admin%20/x", "/admin,x", "/admin%C2%A0/",
	} {
		for key, want := range map[string]int{"": http.StatusUnauthorized, p.rig.bob: http.StatusForbidden, p.rig.ada: http.StatusOK} {
			if answer := p.do(t, get(path, gatewayCookie(key))); answer.status != want {
				t.Errorf("%s: status %d %v, want %d", path, answer.status, answer.err, want)
			}
		}
	}
}

// unreserved matches the encodings that Traefik writes plainly before it looks at a path.
var unreserved = regexp.MustCompile(`(?i)%(2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])`)

// refused: each gateway refuses what docs/gateways/README.md says that all refuse, and passes on what it says that passes.
func (p pathsTest) refused(t *testing.T) {
	refused, passing := djangotest.DocumentedPaths(t)
	for _, path := range refused {
		for _, spelt := range []string{path, path + "?a=b", "/static" + path, "/admin" + path, "/page" + path + "/page"} {
			before := p.fan.count()
			answer := p.do(t, get(spelt, gatewayCookie(p.rig.ada)))
			if p.name == "traefik" && unreserved.MatchString(path) && answer.status == http.StatusOK {
				line, _, _ := strings.Cut(string(p.fan.viewsOf(t, answer).head), "\r\n")
				if unreserved.MatchString(line) {
					t.Errorf("%q: passed on as %q", spelt, line)
				}
			} else if answer.status != http.StatusBadRequest || p.fan.count() != before {
				t.Errorf("%q: status %d %v, want 400 of the gateway's own", spelt, answer.status, answer.err)
			}
		}
	}
	for _, path := range passing {
		for _, spelt := range []string{path, "/static" + path, "/admin" + path} {
			views := p.fan.viewsOf(t, p.do(t, get(spelt, gatewayCookie(p.rig.ada))))
			if views == nil {
				t.Errorf("%q: it has not reached the applications", spelt)
			} else if !strings.HasPrefix(string(views.head), "GET "+spelt+" HTTP/1.1\r\n") && (p.name != "traefik" || !unreserved.MatchString(spelt)) {
				t.Errorf("%q: passed on as %.200q", spelt, views.head)
			}
		}
	}
}

// rewriting are headers from which some servers take the path.
var rewriting = regexp.MustCompile(`(?i)\n(x.(original|rewrite|forwarded).(ur[il]|prefix)|script.name|path.info): /admin/`)

func (p pathsTest) spellings(t *testing.T, spellings []spelling) {
	arrived, served, refused := 0, 0, 0
	for _, s := range spellings {
		if s.version == overHTTP2 && !p.http2 {
			continue
		}
		for _, key := range []string{"", p.rig.bob} {
			request := s.request(gatewayCookie(key))
			before := p.fan.count()
			answer := p.send(t, s, key)
			if answer.status >= 500 && answer.status != http.StatusNotImplemented && answer.status != http.StatusHTTPVersionNotSupported {
				t.Errorf("%.200q: status %d", request, answer.status)
			}
			seen := p.fan.since(before)
			if len(seen) == 0 {
				refused++
			}
			for _, v := range seen {
				arrived++
				served += p.judge(t, request, key, v)
			}
		}
	}
	t.Logf("%d spellings: %d at the applications, %d answers of theirs, %d refused", len(spellings), arrived, served, refused)
	if arrived < 100 || served < 500 {
		t.Error("too few have reached the applications: too little has been tried")
	}
}

// send sends a request, by HTTP/2 where the spelling says so.
func (p pathsTest) send(t *testing.T, s spelling, key string) gatewayAnswer {
	t.Helper()
	if s.version == overHTTP2 {
		return gatewayAnswer{status: exchangeHTTP2(t, p.addr, s, key)}
	}
	return p.do(t, s.request(gatewayCookie(key)))
}

// judge compares the rule that has let a request through with the places that have served it, and counts these.
func (p pathsTest) judge(t *testing.T, request, key string, v *views) int {
	t.Helper()
	rule, user, served := "public", v.user(), 0
	if user != "" {
		rule = "user"
	}
	if key == "" && user != "" {
		t.Errorf("%.200q: nobody is %q", request, user)
	}
	for name, place := range v.places {
		if place != "" {
			served++
		}
		if place == "admin" && (rule == "public" || p.requirements) || place == "other" && rule == "public" {
			t.Errorf("%.200q: let through as %s, and %s serves it as %s: %.200q", request, rule, name, place, v.head)
		}
	}
	if found := rewriting.FindSubmatch(v.head); found != nil && key == "" {
		t.Errorf("%.200q: the application is told another path: %q", request, found[1])
	}
	return served
}

// views is what the applications made of a request.
type views struct {
	head   []byte            // as it left the gateway
	places map[string]string // by application; empty where none of its handlers has served it
}

// user is whom the gateway names.
func (v *views) user() string {
	for line := range strings.Lines(string(v.head)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Remote-User") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// fan stands behind a gateway in place of an application. It hands each request to every application, byte for byte, and keeps
// what they made of it.
type fan struct {
	addr         string
	applications []djangotest.Application

	mu   sync.Mutex
	seen []*views
}

// count is how many requests have come.
func (f *fan) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// since are the requests that came after the first so many.
func (f *fan) since(count int) []*views {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[count:]
}

// viewsOf is what was made of the request that has this answer; nil where it has not reached the applications.
func (f *fan) viewsOf(t *testing.T, answer gatewayAnswer) *views {
	t.Helper()
	told := answer.header.Get("X-Fan")
	if told == "" {
		return nil
	}
	i, err := strconv.Atoi(told)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[i]
}

func newFan(t *testing.T, applications []djangotest.Application) *fan {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fan{addr: listener.Addr().String(), applications: applications}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			running.Go(func() { f.serve(t, conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return f
}

// serve answers one request, and hangs up.
func (f *fan) serve(t *testing.T, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // a gateway may connect and say nothing
	head, err := readHead(bufio.NewReader(conn))
	if err != nil {
		return
	}
	v := &views{head: head, places: map[string]string{}}
	var all sync.WaitGroup
	places := make([]string, len(f.applications))
	for i, a := range f.applications {
		all.Go(func() { places[i] = placeOf(t, a.Addr, head) })
	}
	all.Wait()
	for i, a := range f.applications {
		v.places[a.Name] = places[i]
	}
	f.mu.Lock()
	f.seen = append(f.seen, v)
	told := strconv.Itoa(len(f.seen) - 1)
	f.mu.Unlock()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Fan: "+told+"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

func readHead(reader *bufio.Reader) ([]byte, error) {
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		head = append(head, line...)
	}
	return head, nil
}

// placeOf asks one application.
func placeOf(t *testing.T, addr string, head []byte) string {
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = conn.Close() }()
	method, _, _ := strings.Cut(string(head), " ")
	_, writeErr := conn.Write(head)
	deadlineErr := conn.SetDeadline(time.Now().Add(time.Minute))
	if err := errors.Join(writeErr, deadlineErr); err != nil {
		t.Error(err)
		return ""
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return "" // it has hung up on what it does not understand
	}
	_ = response.Body.Close()
	return response.Header.Get("X-Place")
}
