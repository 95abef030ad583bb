//go:build live && gateways

package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// nobodyListens is the application of gateways whose requests all are for the sidecar.
const nobodyListens = "127.0.0.1:1"

// TestGatewaysTakeUploads: each gateway sends on to the sidecar what the sidecar takes itself: whole, as it comes, and as nobody's
// word but the client's.
func TestGatewaysTakeUploads(t *testing.T) {
	content := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // it never fails
	site := newUploadSite(t, memoryDir(t), map[string]string{"SIDECAR_TRUSTED_PROXIES": "127.0.0.1/32", "SIDECAR_UPLOAD_MIN_FREE": "0"})
	watch := new(uploadWatch)
	sidecar := djangotest.NewFaultProxy(t, site.serveWrapped(t, watch.around))
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			gateway := g.start(t, djangotest.GatewayRoute{Sidecar: sidecar.Addr(), SidecarGRPC: sidecar.Addr(), Application: nobodyListens})
			client, closeIdle := newClient(time.Minute)
			t.Cleanup(closeIdle)
			through := uploadsThrough{gatewayUnderTest: g, site: site, watch: watch, client: client, addr: gateway.Addr, content: content}
			t.Run("form", func(t *testing.T) { through.form(t, content, false) })
			t.Run("form in chunks", func(t *testing.T) { through.form(t, content[:32<<20], true) })
			t.Run("resumed", through.resumed)
			t.Run("no session", through.refused)
			t.Run("own site", through.ownSite)
			t.Run("forgeries", through.forgeries)
			t.Run("other paths", through.otherPaths)
			t.Run("no sidecar", func(t *testing.T) {
				sidecar.SetMode(djangotest.Refuse())
				defer sidecar.SetMode(djangotest.Pass())
				if answer := through.do(t, through.request(t, "POST", "/upload", strings.NewReader("abc"))); answer.status/100 != 5 {
					t.Errorf("status %d", answer.status)
				}
			})
		})
	}
}

// uploadWatch sees what reaches the sidecar.
type uploadWatch struct {
	body atomic.Int64 // bytes

	mu       sync.Mutex
	requests []*http.Request
}

func (w *uploadWatch) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.requests = append(w.requests, r.Clone(r.Context()))
		w.mu.Unlock()
		r.Body = &countedBody{r.Body, &w.body}
		next.ServeHTTP(rw, r)
	})
}

// take returns the requests since the last call.
func (w *uploadWatch) take() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.requests = nil }()
	return w.requests
}

type countedBody struct {
	io.ReadCloser

	count *atomic.Int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count.Add(int64(n))
	return n, err
}

type uploadsThrough struct {
	gatewayUnderTest

	site    *uploadSite
	watch   *uploadWatch
	client  *http.Client
	addr    string
	content []byte
}

func (u uploadsThrough) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+u.addr+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", u.site.cookie)
	return request
}

func (u uploadsThrough) do(t *testing.T, request *http.Request) gatewayAnswer {
	t.Helper()
	response, err := u.client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL.Path, err)
	}
	body, err := io.ReadAll(response.Body)
	return gatewayAnswer{status: response.StatusCode, header: response.Header, body: string(body), err: errors.Join(err, response.Body.Close())}
}

// form sends a form, the second half of it when the sidecar has some of the first.
func (u uploadsThrough) form(t *testing.T, content []byte, chunked bool) {
	u.watch.take()
	const head = "--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	const tail = "\r\n--+++++--\r\n"
	half, before := len(content)/2, u.watch.body.Load()
	reader, writer := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := errors.New("the rest was not sent")
		defer func() { sent <- errors.Join(err, writer.CloseWithError(err)) }() // waitFor ends the goroutine
		_, err = io.Copy(writer, io.MultiReader(strings.NewReader(head), bytes.NewReader(content[:half])))
		if err == nil {
			// Sockets hold some megabytes. Whoever stores a body first has passed nothing on.
			waitFor(t, 30*time.Second, "the body at the sidecar", func() bool { return u.watch.body.Load()-before >= int64(half)/4 })
			_, err = io.Copy(writer, io.MultiReader(bytes.NewReader(content[half:]), strings.NewReader(tail)))
		}
	}()
	request := u.request(t, "POST", "/upload", reader)
	request.Header.Set("Content-Type", "multipart/form-data; boundary=+++++")
	if !chunked {
		request.ContentLength = int64(len(head) + len(content) + len(tail))
	}
	answer := u.do(t, request)
	if err := <-sent; err != nil || answer.status != http.StatusCreated || answer.header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %s, %v: %.300s", answer.status, answer.header.Get("Content-Type"), err, answer.body)
	}
	var stored struct{ Files []struct{ Name string } }
	if err := json.Unmarshal([]byte(answer.body), &stored); err != nil || len(stored.Files) != 1 {
		t.Fatalf("%v: %.300s", err, answer.body)
	}
	u.wantFile(t, stored.Files[0].Name, content)
	for _, r := range u.watch.take() {
		if r.URL.Path != "/upload" {
			t.Errorf("the sidecar was asked %s, and judges uploads itself", r.RequestURI)
		}
	}
}

func (u uploadsThrough) wantFile(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(u.site.root, name)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(content) {
		t.Errorf("%s has %d bytes of %d, or others", name, len(got), len(content))
	}
	if err := os.Remove(path); err != nil { // it is in memory
		t.Error(err)
	}
}

// resumed sends a file by tus, cuts the connection in the middle, and goes on.
func (u uploadsThrough) resumed(t *testing.T) {
	content := u.content[:16<<20]
	tus := func(method, path string, body io.Reader, headers ...string) *http.Request {
		request := u.request(t, method, path, body)
		request.Header.Set("Tus-Resumable", "1.0.0")
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		return request
	}
	creation := tus("POST", "/tus/", http.NoBody, "Upload-Length", strconv.Itoa(len(content)), "Upload-Metadata", "filename YS5iaW4=")
	created := u.do(t, creation)
	location, err := url.Parse(created.header.Get("Location"))
	if err != nil || created.status != http.StatusCreated {
		t.Fatalf("status %d, %v: %s", created.status, err, created.body)
	}
	upload := creation.URL.ResolveReference(location)
	if upload.Host != u.addr || upload.Scheme != "http" || !strings.HasPrefix(upload.Path, "/tus/") {
		t.Fatalf("a client of http://%s is sent to %s", u.addr, upload)
	}
	u.cutPatch(t, upload.Path, content[:6<<20])
	patch := func(offset int, body []byte) gatewayAnswer {
		return u.do(t, tus("PATCH", upload.Path, bytes.NewReader(body), "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream"))
	}
	var offset int
	var last gatewayAnswer
	waitFor(t, 30*time.Second, "the rest", func() bool {
		head := u.do(t, tus("HEAD", upload.Path, http.NoBody))
		if offset, err = strconv.Atoi(head.header.Get("Upload-Offset")); err != nil || head.status != http.StatusOK {
			t.Fatalf("HEAD: status %d, %v", head.status, err)
		}
		last = patch(offset, content[offset:])
		return last.status != http.StatusConflict // more had been on its way
	})
	if offset == 0 || offset > 6<<20 || last.status != http.StatusNoContent || last.header.Get("Upload-Offset") != strconv.Itoa(len(content)) {
		t.Fatalf("resumed at %d: status %d, Upload-Offset %s: %s", offset, last.status, last.header.Get("Upload-Offset"), last.body)
	}
	name, err := url.PathUnescape(last.header.Get("Upload-Name"))
	if err != nil {
		t.Fatal(err)
	}
	u.wantFile(t, name, content)
}

// cutPatch sends the first bytes of a longer PATCH, and resets the connection when the sidecar has some of them.
func (u uploadsThrough) cutPatch(t *testing.T, path string, first []byte) {
	t.Helper()
	before := u.watch.body.Load()
	conn := dialGateway(t, u.addr)
	_, err := fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", path, u.addr, u.site.cookie, 16<<20, first)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, 30*time.Second, "the body at the sidecar", func() bool { return u.watch.body.Load() > before })
	(&slowUpload{conn: conn}).cut()
}

// refused: the sidecar's own answers arrive, and no page to sign in takes their place.
func (u uploadsThrough) refused(t *testing.T) {
	for _, path := range []string{"/authenticate", "/upload", "/tus/"} {
		request := u.request(t, "POST", path, strings.NewReader("abc"))
		request.Header = http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Tus-Resumable": {"1.0.0"}, "Upload-Length": {"3"}}
		answer := u.do(t, request)
		if answer.status != http.StatusUnauthorized || !strings.HasPrefix(answer.body, `{"result":false,"message":"Your login session has ended."`) {
			t.Errorf("%s: status %d: %.200s", path, answer.status, answer.body)
		}
	}
	// A client that waits for a 100 gets the final answer in its place, and nobody waits for a body.
	for name, cookie := range map[string]string{"no session": "", "a session that is none": "Cookie: sessionid=0123456789abcdefghijklmnopqrstuv\r\n"} {
		conn := dialGateway(t, u.addr)
		if _, err := io.WriteString(conn, requestOf("POST", "/upload", cookie+"Content-Length: 100000000\r\nExpect: 100-continue\r\n")); err != nil {
			t.Fatal(err)
		}
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.Body.Close() != nil ||
			response.StatusCode != http.StatusUnauthorized && (u.passesExpect || response.StatusCode != http.StatusContinue) {
			t.Errorf("Expect: 100-continue, %s: %v, %v", name, response, err)
		}
	}
}

// ownSite: pages of the site that the client knows may upload, and no client says what site that is.
func (u uploadsThrough) ownSite(t *testing.T) {
	for origin, status := range map[string]int{"http://shop.example": http.StatusCreated, "http://evil.example": http.StatusForbidden} {
		request := u.request(t, "PUT", "/upload", strings.NewReader("abc"))
		request.Host = "shop.example"
		request.Header.Set("Content-Disposition", "attachment; filename=a.bin")
		request.Header.Set("Origin", origin)
		request.Header.Set("X-Forwarded-Host", "evil.example")
		request.Header.Set("Forwarded", "host=evil.example")
		if answer := u.do(t, request); answer.status != status {
			t.Errorf("%s: status %d, want %d: %.200s", origin, answer.status, status, answer.body)
		}
	}
}

// forgeries: what only a gateway may say does not come from a client.
func (u uploadsThrough) forgeries(t *testing.T) {
	names, families := identityNames(t)
	if u.name != "nginx" { // it knows no families
		names = append(names, families...)
	}
	names = append(names, "Remote_User", "X_Forwarded_Host", "Remote.User")
	u.watch.take()
	for some := range slices.Chunk(names, 40) { // HAProxy takes 101 headers
		request := u.request(t, "GET", "/authenticate", http.NoBody)
		for _, name := range some {
			request.Header[name] = []string{"forged"}
		}
		if answer := u.do(t, request); answer.status != http.StatusOK {
			t.Errorf("status %d: %.200s", answer.status, answer.body)
		}
	}
	seen := u.watch.take()
	if len(seen) != (len(names)+39)/40 {
		t.Errorf("%d requests have reached the sidecar of %d names", len(seen), len(names))
	}
	for _, r := range seen {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, ","), "forged") {
				t.Errorf("a client says %s: %s", name, values)
			}
		}
		if host, _, _ := net.SplitHostPort(u.addr); !strings.HasPrefix(r.Host, host) || r.Header.Get("X-Forwarded-Proto") != "http" {
			t.Errorf("the sidecar is told %s://%s", r.Header.Get("X-Forwarded-Proto"), r.Host)
		}
	}
}

// otherPaths: nothing else that the sidecar answers can be had through the gateway.
func (u uploadsThrough) otherPaths(t *testing.T) {
	paths := []string{
		"/uploads", "/upload/", "/UPLOAD", "/Tus/", "/tus", "/tusk/", "/authenticate/", "/authenticate.json", "/auth/nginx", "/auth/forward", "/auth/envoy/x", "/x/upload", "/x/tus/",
	}
	refused, _ := djangotest.DocumentedPaths(t)
	for _, path := range refused {
		if u.name != "traefik" || !unreserved.MatchString(path) {
			paths = append(paths, "/tus"+path, "/upload"+path)
		}
	}
	u.watch.take()
	for _, path := range paths {
		exchange(t, u.addr, get(path+"?of=client", "")) // whoever is signed in gets no further
		for _, r := range u.watch.take() {
			// What a gateway asks has its own address, and its own query.
			if strings.HasSuffix(r.RequestURI, "?of=client") && !strings.HasPrefix(r.RequestURI, "/auth/envoy/") || strings.HasPrefix(path, "/auth/envoy") && strings.HasPrefix(r.RequestURI, path) {
				t.Errorf("%s: the sidecar gets %s", path, r.RequestURI)
			}
		}
	}
}
