//go:build live && gateways

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// earlyCase is a request that is refused before its body has come, and the answer.
type earlyCase struct {
	name, path string
	headers    []string
	status     int
	message    string
}

func earlyCases(site *uploadSite, ended int) []earlyCase {
	cookie := "Cookie: " + site.cookie
	return []earlyCase{
		{"no session", "/upload", nil, ended, "Your login session has ended."},
		{"no session, tus", "/tus/", []string{"Tus-Resumable: 1.0.0", "Upload-Length: 50000000", "Content-Type: application/offset+octet-stream"}, 401, "Your login session has ended."},
		{"another site", "/upload", []string{cookie, "Sec-Fetch-Site: cross-site"}, 403, "Uploads from another site are refused."},
		{"encoded", "/upload", []string{cookie, "Content-Encoding: gzip"}, 415, "An encoded body is not understood: send it without Content-Encoding."},
		{"no such path", "/nowhere", []string{cookie}, 404, "Not Found."},
		{"too large", "/upload", []string{cookie, "Content-Type: application/octet-stream"}, 413, "The file is too large."},
		{"no such question", "/auth", nil, 404, "Not Found."},
		{"a question", "/authenticate", nil, ended, "Your login session has ended."},
		{"a gateway's question", "/auth/nginx", nil, 401, ""},
	}
}

// earlyQuestion is one request of one client.
type earlyQuestion struct {
	earlyCase

	url     string
	size    int
	framing string // fixed or chunked
	closes  bool   // Connection: close
}

func (q earlyQuestion) line() string {
	headers := append([]string{q.url + q.path, strconv.Itoa(q.size), q.framing}, q.headers...)
	if q.closes {
		headers = append(headers, "Connection: close")
	}
	return strings.Join(headers, "\t")
}

// earlyClient asks, and returns "status TAB body", or "error TAB" and why.
type earlyClient struct {
	name     string
	framings []string
	// statusOnly says that the client gives no body of a 401.
	statusOnly bool
	ask        func(t *testing.T, q earlyQuestion) string
}

// TestGatewaysPassEarlyAnswersOn has clients that write everything before they read anything refused before their bodies have come.
func TestGatewaysPassEarlyAnswersOn(t *testing.T) {
	clients := []earlyClient{
		{"HttpURLConnection", []string{"fixed", "chunked"}, true, lineClient(t, "java",
			"-Dsun.net.http.allowRestrictedHeaders=true", "-Xmx64m", filepath.Join(djangotest.RepositoryPath(), "testdata/clients/Streaming.java"))},
		{"http.client", []string{"fixed", "chunked"}, false, lineClient(t, djangotest.Python(t, "5.2"), filepath.Join(djangotest.RepositoryPath(), "testdata/clients/streaming.py"))},
		{"curl", []string{"fixed", "chunked"}, false, askByCurl},
		{"a blocking socket", []string{"fixed"}, false, askBySocket},
		{"a socket that waits for a 100", []string{"fixed"}, false, askBySocket100},
	}
	for _, ended := range []int{401, 200} {
		site := newUploadSite(t, t.TempDir(), map[string]string{
			"SIDECAR_ENDED_STATUS": strconv.Itoa(ended), "SIDECAR_UPLOAD_MAX_BYTES": "900",
		})
		sidecar := site.serve(t)
		routes := []earlyRoute{
			{"direct", sidecar, false},
			{"through nginx", djangotest.NginxPlain(t, sidecar, true).Addr, false},
			{"through nginx, not buffered", djangotest.NginxPlain(t, sidecar, false).Addr, false},
		}
		if ended == http.StatusUnauthorized {
			for _, g := range gatewaysUnderTest() {
				gateway := g.start(t, djangotest.GatewayRoute{Sidecar: sidecar, SidecarGRPC: sidecar, Application: nobodyListens})
				routes = append(routes, earlyRoute{"through " + g.name + " as deployed", gateway.Addr, true})
			}
		}
		for _, route := range routes {
			for _, client := range clients {
				t.Run(fmt.Sprintf("%s/%s/%d", route.name, client.name, ended), func(t *testing.T) {
					for _, c := range earlyCases(site, ended) {
						if (ended == http.StatusUnauthorized || c.status == ended) && route.leads(c.path) {
							client.check(t, route, c)
						}
					}
				})
			}
		}
		site.wantNoUploads(t, "refusals")
	}
}

// earlyRoute is a way to the sidecar. One with a configuration of deploy/ leads to what the sidecar takes itself, and nowhere else.
type earlyRoute struct {
	name, addr string
	deployed   bool
}

func (r earlyRoute) leads(path string) bool {
	return !r.deployed || path == "/upload" || path == "/tus/" || path == "/authenticate"
}

// sizes are those of the bodies: few where there are many routes.
func (r earlyRoute) sizes(c earlyCase) []int {
	switch {
	case c.name == "no session":
		return []int{1000, 200_000, 5_000_000, 40_000_000}
	case r.deployed:
		return []int{5_000_000}
	default:
		return []int{1000, 200_000, 5_000_000}
	}
}

// check asks with bodies of all sizes.
func (client earlyClient) check(t *testing.T, route earlyRoute, c earlyCase) {
	t.Helper()
	for _, size := range route.sizes(c) {
		for _, framing := range client.framings {
			for _, closes := range []bool{false, true} {
				want := fmt.Sprintf("%d\t{\"result\":false,\"message\":%q}", c.status, c.message)
				if c.message == "" || client.statusOnly && c.status == http.StatusUnauthorized {
					want = fmt.Sprintf("%d\t", c.status)
				}
				got := client.ask(t, earlyQuestion{c, "http://" + route.addr, size, framing, closes})
				if strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s, %d bytes, %s, closing %v: got %.200q, want %q", c.name, size, framing, closes, got, want)
				}
			}
		}
	}
}

// lineClient starts a program that answers a line with a line.
func lineClient(t *testing.T, program string, args ...string) func(*testing.T, earlyQuestion) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...) // it ends with its stdin
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Errorf("%s: %v\n%.2000s", program, err, stderr.String())
		}
	})
	lines := bufio.NewReader(out)
	return func(t *testing.T, q earlyQuestion) string {
		t.Helper()
		if _, err := fmt.Fprintln(in, q.line()); err != nil {
			t.Fatal(err)
		}
		answer, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v\n%.2000s", err, stderr.String())
		}
		return strings.TrimSuffix(answer, "\n")
	}
}

// askByCurl sends a body of which curl knows the length, or not.
func askByCurl(t *testing.T, q earlyQuestion) string {
	t.Helper()
	args := []string{"-sS", "-w", "\t%{http_code}", "-H", "Expect:", "-X", "POST", "--max-time", "60"}
	headers := q.headers
	if q.closes {
		headers = append(headers, "Connection: close")
	}
	if q.framing == "fixed" {
		file := filepath.Join(t.TempDir(), "body")
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, int64(q.size))); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-T", file)
	} else {
		args = append(args, "-T", "-")
	}
	for _, h := range headers {
		args = append(args, "-H", h)
	}
	cmd := exec.CommandContext(t.Context(), "curl", append(args, q.url+q.path)...)
	cmd.Stdin = io.LimitReader(zeros{}, int64(q.size))
	out, err := cmd.Output()
	body, status, found := strings.Cut(string(out), "\t")
	// 55 is "failed sending": the answer is there all the same, or the comparison says so.
	if exit := new(exec.ExitError); !found || err != nil && !errors.As(err, &exit) {
		return fmt.Sprintf("error\t%v %s", err, out)
	}
	return status + "\t" + strings.TrimSpace(body)
}

// zeros is an endless body.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// askBySocket writes the request to its end, and then reads.
func askBySocket(t *testing.T, q earlyQuestion) string {
	t.Helper()
	return askOn(t, q, false)
}

// askBySocket100 waits for a 100 before it writes the body. An answer in its place is the answer.
func askBySocket100(t *testing.T, q earlyQuestion) string {
	t.Helper()
	q.headers = append([]string{"Expect: 100-continue"}, q.headers...)
	return askOn(t, q, true)
}

func askOn(t *testing.T, q earlyQuestion, waits bool) string {
	t.Helper()
	u, err := url.Parse(q.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(context.WithoutCancel(t.Context()), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the answer is there, or the error that says why not
	headers := append([]string{"POST " + q.path + " HTTP/1.1", "Host: sidecar", fmt.Sprintf("Content-Length: %d", q.size)}, q.headers...)
	if q.closes {
		headers = append(headers, "Connection: close")
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	in, body := bufio.NewReader(conn), strings.Repeat("\x00", q.size)
	start := strings.Join(headers, "\r\n") + "\r\n\r\n"
	if !waits {
		start, body = start+body, ""
	}
	if _, err = io.WriteString(conn, start); err != nil {
		return "error\twriting: " + err.Error()
	}
	response, err := http.ReadResponse(in, nil)
	if err == nil && response.StatusCode == http.StatusContinue {
		if _, err = io.WriteString(conn, body); err != nil {
			return "error\twriting after a 100: " + err.Error()
		}
		response, err = http.ReadResponse(in, nil)
	}
	if err != nil {
		return "error\treading: " + err.Error()
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return "error\treading: " + err.Error()
	}
	return fmt.Sprintf("%d\t%s", response.StatusCode, strings.TrimSpace(string(text)))
}
