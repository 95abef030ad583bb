package handlers_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/naming"
)

// uploading gives a handler /upload, into a directory of the test's.
func uploading(t *testing.T, change ...func(*handlers.UploadOptions)) (root string, option func(*handlers.Options)) {
	t.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	root = filepath.Join(base, "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := media.Open(media.Config{Root: root, StateDir: filepath.Join(base, "state"), Version: version})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := naming.New(naming.Config{Version: version, UploadTo: "up", Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	uploads := &handlers.UploadOptions{Receiver: upload.New(upload.Config{
		Media: dir, Rules: rules, MaxBytes: 1 << 20, Digest: true, MediaURL: "/media/", Now: time.Now,
	})}
	for _, set := range change {
		set(uploads)
	}
	return root, func(o *handlers.Options) { o.Uploads = uploads }
}

const (
	cordovaBody = "--+++++\r\nContent-Disposition: form-data; name=\"value1\"\r\n\r\ntest\r\n" +
		"--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file.txt\"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--+++++--\r\n"
	storedBody = `{"result":true,"message":"Stored.","files":[{"field":"file","name":"up/file.txt","original_name":"file.txt","size":3,` +
		`"content_type":"text/plain","detected_type":"text/plain; charset=utf-8","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","url":"/media/up/file.txt"}]}`
)

var cordovaHeader = http.Header{"Content-Type": {"multipart/form-data; boundary=+++++"}, "Cookie": {"sessionid=" + sessionKey}}

func TestUpload(t *testing.T) {
	stop := map[string]string{"Connection": "close"}
	plain := map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}
	both, origin := map[string]string{"Vary": "Cookie, Origin"}, map[string]string{"Vary": "Origin"}
	verdict := headers(challenge, stop, both)
	refused := func(more ...map[string]string) map[string]string {
		return headers(append(more, plain, stop, origin)...)
	}
	says := func(message string) string { return `{"result":false,"message":"` + message + `"}` }
	with := func(more http.Header) http.Header { return requestHeader(cordovaHeader, more) }
	trusting := func(u *handlers.UploadOptions) {
		u.TrustedOrigins = func(o string) bool { return o == "https://app.example" }
	}
	stored := headers(plain, origin)
	shared := map[string]string{
		"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Credentials": "true",
		"Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate",
	}
	for _, tt := range []struct {
		httpTest

		verifier verifierFunc
		change   func(*handlers.UploadOptions)
		kept     bool // the file is there
	}{
		{httpTest: httpTest{Name: "a form", Code: 201, WantHeader: stored, WantBody: storedBody}, kept: true},
		{httpTest: httpTest{Name: "a form by PUT", Method: "PUT", Code: 201, WantHeader: stored, WantBody: storedBody}, kept: true},
		{httpTest: httpTest{Name: "no session", Code: 401, Body: unreadable{t}, WantHeader: verdict, WantBody: endedBody}, verifier: ended(djangosession.Expired)},
		{httpTest: httpTest{Name: "a store that is down", Code: 503, Body: unreadable{t}, WantHeader: headers(later, stop, both), WantBody: unavailableBody}, verifier: saying(djangosession.Verdict{}, errors.New("down"))},
		{httpTest: httpTest{Name: "another site", Header: with(http.Header{"Sec-Fetch-Site": {"cross-site"}}), Body: unreadable{t}, Code: 403, WantHeader: refused(), WantBody: says("Uploads from another site are refused.")}},
		{httpTest: httpTest{Name: "another origin", Header: with(http.Header{"Origin": {"https://evil.example"}}), Body: unreadable{t}, Code: 403, WantHeader: refused(), WantBody: says("Uploads from another site are refused.")}, change: trusting},
		{httpTest: httpTest{Name: "the same origin", Header: with(http.Header{"Origin": {"http://example.com"}}), Code: 201, WantHeader: stored, WantBody: storedBody}, kept: true},
		{httpTest: httpTest{Name: "an origin that is trusted", Header: with(http.Header{"Origin": {"https://app.example"}, "Sec-Fetch-Site": {"cross-site"}}), Code: 201, WantHeader: headers(stored, shared), WantBody: storedBody}, change: trusting, kept: true},
		{httpTest: httpTest{Name: "no session, from an origin that is trusted", Header: with(http.Header{"Origin": {"https://app.example"}}), Body: unreadable{t}, Code: 401, WantHeader: headers(verdict, shared), WantBody: endedBody}, change: trusting, verifier: ended(djangosession.Expired)},
		{httpTest: httpTest{Name: "an encoded body", Header: with(http.Header{"Content-Encoding": {"gzip"}}), Body: unreadable{t}, Code: 415, WantHeader: refused(), WantBody: says("An encoded body is not understood: send it without Content-Encoding.")}},
		{httpTest: httpTest{Name: "no form", Body: strings.NewReader("x"), Code: 400, WantHeader: refused(), WantBody: says("The form is cut short.")}},
		{httpTest: httpTest{Name: "a raw body that is too large", Header: with(http.Header{"Content-Type": {"image/png"}}), Body: strings.NewReader(strings.Repeat("x", 1<<20+1)), Code: 413, WantHeader: refused(), WantBody: says("The file is too large.")}},
		{httpTest: httpTest{Name: "GET", Method: "GET", Code: 405, WantHeader: errorHeader405, WantBody: says("Method Not Allowed.")}},
	} {
		t.Run(tt.Name, func(t *testing.T) {
			if tt.change == nil {
				tt.change = func(*handlers.UploadOptions) {}
			}
			root, option := uploading(t, tt.change)
			if tt.verifier == nil {
				tt.verifier = saying(ada(), nil)
			}
			tt.Handler = newHandler(tt.verifier, option)
			tt.Path = "/upload"
			if tt.Method == "" {
				tt.Method = "POST"
			}
			if tt.Header == nil {
				tt.Header = cordovaHeader
			}
			if tt.Body == nil {
				tt.Body = strings.NewReader(cordovaBody)
			}
			tt.run(t)
			content, err := os.ReadFile(filepath.Join(root, "up/file.txt"))
			if tt.kept && (err != nil || string(content) != "abc") {
				t.Errorf("%q, %v", content, err)
			}
			if left, err := os.ReadDir(root); !tt.kept && (err != nil || len(left) > 0) {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
	tt := httpTest{Method: "POST", Path: "/upload", Body: strings.NewReader(cordovaBody), Header: cordovaHeader, Handler: newHandler(saying(ada(), nil)), Code: 404, WantHeader: errorHeader, WantBody: says("Not Found.")}
	t.Run("uploads that are off", tt.run)
}

// TestCSRFToken: where it is demanded, the field or the header must have it, in the order of Django.
func TestCSRFToken(t *testing.T) {
	const secret, other = "abcdefghijklmnopqrstuvwxyzABCDEF", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	form := func(token string) string {
		return "--+++++\r\nContent-Disposition: form-data; name=\"csrfmiddlewaretoken\"\r\n\r\n" + token + "\r\n" + cordovaBody
	}
	for _, tt := range []struct {
		name, method, kind, cookie, header, body string
		want                                     int
	}{
		{name: "in the header", cookie: secret, header: secret, body: cordovaBody, want: 201},
		{name: "in the form", cookie: secret, body: form(secret), want: 201},
		{name: "in both, and the form's is wrong", cookie: secret, header: secret, body: form(other), want: 403},
		{name: "in both, and the header's is wrong", cookie: secret, header: other, body: form(secret), want: 201},
		{name: "an empty field", cookie: secret, header: secret, body: form(""), want: 201},
		{name: "nowhere", cookie: secret, body: cordovaBody, want: 403},
		{name: "no cookie", header: secret, body: form(secret), want: 403},
		{name: "a wrong one", cookie: secret, header: other, body: cordovaBody, want: 403},
		{name: "in two lines of the header, which WSGI joins", cookie: secret, header: secret + "\n" + secret, body: cordovaBody, want: 403},
		{name: "PUT, in the header", method: "PUT", cookie: secret, header: secret, body: cordovaBody, want: 201},
		{name: "PUT, in the form alone", method: "PUT", cookie: secret, body: form(secret), want: 403},
		{name: "a raw body", kind: "image/png", cookie: secret, header: secret, body: "x", want: 201},
		{name: "a raw body without", kind: "image/png", cookie: secret, body: "x", want: 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, option := uploading(t, func(u *handlers.UploadOptions) {
				u.CSRFToken = &handlers.CSRFToken{CookieName: "ct", HeaderName: "X-CSRFToken"}
			})
			r := httptest.NewRequestWithContext(t.Context(), cmp.Or(tt.method, "POST"), "/upload", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", cmp.Or(tt.kind, "multipart/form-data; boundary=+++++"))
			r.Header.Set("Cookie", "sessionid="+sessionKey+"; ct="+tt.cookie)
			r.Header["X-Csrftoken"] = strings.Split(tt.header, "\n")
			w := httptest.NewRecorder()
			newHandler(saying(ada(), nil), option).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("status %d, want %d: %s", w.Code, tt.want, w.Body)
			}
			if left, err := os.ReadDir(root); err != nil || (len(left) > 0) != (tt.want == 201) {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// errorHeader405 says what methods there are.
var errorHeader405 = map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Allow": "OPTIONS, POST, PUT"}

// TestLoggedOutMeanwhile: the session is looked at again before anything is published.
func TestLoggedOutMeanwhile(t *testing.T) {
	for name, second := range map[string]djangosession.Verdict{
		"nobody": {Reason: djangosession.NotFound}, "somebody else": {User: &djangosession.User{ID: "43"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, option := uploading(t)
			asked := 0
			h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
				if asked++; asked == 1 {
					return ada(), nil
				}
				return second, nil
			}), option)
			tt := httpTest{
				Method: "POST", Path: "/upload", Header: cordovaHeader, Body: strings.NewReader(cordovaBody), Handler: h, Code: 401,
				WantHeader: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Connection": "close", "Www-Authenticate": "Cookie", "Vary": "Origin"}, WantBody: endedBody,
			}
			tt.run(t)
			if left, err := os.ReadDir(root); err != nil || len(left) > 0 || asked != 2 {
				t.Errorf("left: %v, %v; asked %d times", left, err, asked)
			}
		})
	}
}

// serveUploads runs a handler as the sidecar does, and returns its address.
func serveUploads(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 20*time.Second, 20*time.Second // uploads have their own
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// send writes a request as it is, and reads the answer.
func send(t *testing.T, addr string, parts ...string) (status int, closed bool, body string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	for _, part := range parts {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Close, string(text)
}

// TestCordova sends what cordova-plugin-file-transfer sends on the wire, byte for byte (src/android/FileTransfer.java and
// src/ios/CDVFileTransfer.m of 2.0.0): in chunks and with a length, by POST and PUT, as a form and as a raw body.
func TestCordova(t *testing.T) {
	head := func(method, more string) string {
		return method + " /upload HTTP/1.1\r\nCookie: sessionid=" + sessionKey + "\r\nConnection: close\r\nUser-Agent: Dalvik/2.1.0 (Linux; U; Android 14)\r\nHost: sidecar\r\nAccept-Encoding: gzip\r\n" + more + "\r\n"
	}
	android := cordovaBody
	ios := strings.ReplaceAll(strings.Replace(cordovaBody, "Content-Type: text/plain\r\n", "Content-Type: text/plain\r\nContent-Length: 3\r\n", 1), "+++++", "+++++org.apache.cordova.formBoundary")
	for name, tt := range map[string]struct{ request, want string }{
		"Android, with a length": {head("POST", fmt.Sprintf("Content-Type: multipart/form-data; boundary=+++++\r\nContent-Length: %d\r\n", len(android))) + android, storedBody},
		"Android, in chunks":     {head("POST", "Content-Type: multipart/form-data; boundary=+++++\r\nTransfer-Encoding: chunked\r\n") + fmt.Sprintf("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", 40, android[:40], len(android)-40, android[40:]), storedBody},
		"iOS":                    {head("POST", fmt.Sprintf("Content-Type: multipart/form-data; boundary=+++++org.apache.cordova.formBoundary\r\nContent-Length: %d\r\n", len(ios))) + ios, storedBody},
		"PUT":                    {head("PUT", fmt.Sprintf("Content-Type: multipart/form-data; boundary=+++++\r\nContent-Length: %d\r\n", len(android))) + android, storedBody},
		"a raw body":             {head("PUT", "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=file.txt\r\nContent-Length: 3\r\n") + "abc", storedBody},
		"a raw body in chunks":   {head("POST", "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=file.txt\r\nTransfer-Encoding: chunked\r\n") + "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", storedBody},
	} {
		t.Run(name, func(t *testing.T) {
			_, option := uploading(t)
			status, closed, body := send(t, serveUploads(t, newHandler(saying(ada(), nil), option)), tt.request)
			if status != http.StatusCreated || body != tt.want || !closed {
				t.Errorf("status %d, closed %v: %s", status, closed, gocmp.Diff(tt.want, body))
			}
		})
	}
}

// TestARefusalIsNotKeptWaiting: the answer comes although the body never does.
func TestARefusalIsNotKeptWaiting(t *testing.T) {
	_, option := uploading(t)
	addr := serveUploads(t, newHandler(ended(djangosession.Expired), option))
	for _, length := range []string{"Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 10\r\nExpect: 100-continue\r\n"} {
		status, closed, body := send(t, addr, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=+++++\r\n"+length+"\r\n")
		if status != http.StatusUnauthorized || body != endedBody || !closed {
			t.Errorf("%q: status %d, closed %v: %s", length, status, closed, body)
		}
	}
}

// TestTooManyAtOnce: of one user, and of all.
func TestTooManyAtOnce(t *testing.T) {
	_, option := uploading(t, func(u *handlers.UploadOptions) { u.MaxAtOnce, u.MaxAtOncePerUser = 2, 1 })
	var user atomic.Value
	user.Store("1")
	h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
		id, _ := user.Load().(string)
		return djangosession.Verdict{User: &djangosession.User{ID: id}}, nil
	}), option)
	begin := func(id string) (finish func() int) {
		user.Store(id)
		reader, writer := io.Pipe()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/upload", reader)
		r.Header = cordovaHeader.Clone()
		w, done := httptest.NewRecorder(), make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(w, r)
		}()
		if _, err := io.WriteString(writer, cordovaBody[:20]); err != nil { // it has been let in, and reads
			t.Fatal(err)
		}
		return func() int {
			user.Store(id)
			if _, err := io.WriteString(writer, cordovaBody[20:]); err != nil {
				t.Fatal(err)
			}
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			<-done
			return w.Code
		}
	}
	refused := func(id string) int {
		user.Store(id)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/upload", unreadable{t})
		r.Header = cordovaHeader.Clone()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return w.Code
	}
	first := begin("1")
	if got := refused("1"); got != http.StatusTooManyRequests {
		t.Errorf("a second one of a user: status %d", got)
	}
	second := begin("2")
	if got := refused("3"); got != http.StatusTooManyRequests {
		t.Errorf("a third one: status %d", got)
	}
	if got := first(); got != http.StatusCreated {
		t.Errorf("the first: status %d", got)
	}
	if got := begin("3")(); got != http.StatusCreated {
		t.Errorf("the third, later: status %d", got)
	}
	if got := second(); got != http.StatusCreated {
		t.Errorf("the second: status %d", got)
	}
}

// TestAFailingStoreIsLogged: a store that fails at the end of an upload, or in its middle, answers with the client's
// sentence; its own error is in the log.
func TestAFailingStoreIsLogged(t *testing.T) {
	for name, every := range map[string]time.Duration{"at the end": 0, "in the middle": 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			root, option := uploading(t)
			asked, log := 0, &strings.Builder{}
			h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
				if asked++; asked > 1 {
					return djangosession.Verdict{}, errors.New("the database is down")
				}
				return ada(), nil
			}), option, func(o *handlers.Options) { o.Logger = slog.New(slog.NewJSONHandler(log, nil)) })
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/upload", strings.NewReader(cordovaBody))
			r.Header = cordovaHeader.Clone()
			w := deadlines{httptest.NewRecorder(), &slowBody{every: every}}
			if every > 0 {
				r.Body, r.ContentLength = w.body, -1
				r.Header.Set("Content-Type", "image/png")
			}
			h.ServeHTTP(w, r)
			var event struct{ Outcome, Error string }
			if err := json.Unmarshal([]byte(log.String()), &event); err != nil {
				t.Fatal(err, log)
			}
			if event.Error != "the database is down" || event.Outcome != "unavailable" {
				t.Errorf("%s: the log says %s", name, log)
			}
			if w.Code != http.StatusServiceUnavailable || w.Body.String() != unavailableBody || asked != 2 {
				t.Errorf("%s: status %d, asked %d times: %s", name, w.Code, asked, w.Body)
			}
			if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
				t.Errorf("%s: left %v, %v", name, left, err)
			}
		})
	}
}

// slowBody has one byte more each time it is asked, after a while; and ends when its deadline comes.
type slowBody struct {
	every    time.Duration
	deadline time.Time
}

func (b *slowBody) Read(p []byte) (int, error) {
	if wait := time.Until(b.deadline); wait < b.every {
		<-time.After(wait)
		return 0, os.ErrDeadlineExceeded
	}
	<-time.After(b.every)
	p[0] = 'x'
	return 1, nil
}

// Close implements io.Closer.
func (*slowBody) Close() error { return nil }

// deadlines is a ResponseWriter whose connection has a slowBody.
type deadlines struct {
	*httptest.ResponseRecorder

	body *slowBody
}

// SetReadDeadline is what http.ResponseController asks for.
func (d deadlines) SetReadDeadline(at time.Time) error {
	d.body.deadline = at
	return nil
}

// TestPace: who is slower than the rate is cut off after the grace, and who is not may take as long as it takes; in both
// cases the session is looked at again now and then.
func TestPace(t *testing.T) {
	for _, tt := range []struct {
		every      time.Duration
		rate       int64
		logout     time.Duration
		code       int
		ended      time.Duration // when the answer comes
		askedAbout int
	}{
		{every: time.Second, rate: 240, code: 408, ended: 10 * time.Second, askedAbout: 1},
		{every: 4 * time.Millisecond, rate: 240, logout: 5 * time.Minute, code: 401, ended: 5 * time.Minute, askedAbout: 11},
		{every: time.Second, rate: 0, logout: time.Hour, code: 401, ended: time.Hour, askedAbout: 121},
		{every: 61 * time.Second, rate: 0, code: 408, ended: time.Minute, askedAbout: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			root, option := uploading(t, func(u *handlers.UploadOptions) { u.MinRate = tt.rate })
			start, asked := time.Now(), 0
			h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
				asked++
				if tt.logout > 0 && time.Since(start) >= tt.logout {
					return djangosession.Verdict{Reason: djangosession.NotFound}, nil
				}
				return ada(), nil
			}), option)
			body := &slowBody{every: tt.every}
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/upload", nil)
			r.Body, r.ContentLength = body, -1
			r.Header = http.Header{"Content-Type": {"image/png"}, "Cookie": cordovaHeader["Cookie"]}
			w := deadlines{httptest.NewRecorder(), body}
			h.ServeHTTP(w, r)
			took := time.Since(start)
			if w.Code != tt.code || took < tt.ended-time.Second || took > tt.ended+time.Second || asked != tt.askedAbout {
				t.Errorf("%v: status %d after %v, asked %d times: %s", tt, w.Code, took, asked, w.Body)
			}
			var reply struct{ Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || reply.Message == "" {
				t.Errorf("%v: %s", err, w.Body)
			}
			if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
