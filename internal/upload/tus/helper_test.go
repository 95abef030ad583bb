package tus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/tus"
)

var roles = djangotest.Roles{}

func TestMain(m *testing.M) {
	roles.Play()
	goleak.VerifyTestMain(m)
}

// site is a handler on a new MEDIA_ROOT, with the sessions of some users.
type site struct {
	tb          testing.TB
	root, state string
	options     tus.Options
	handler     *tus.Handler
	server      *httptest.Server

	mu        sync.Mutex
	sessions  map[string]string // cookie, user
	asked     int               // how often Owner was
	later     time.Duration     // how far the clock is put forward
	published []tus.Upload
	reports   []error
	enter     func(user string) (leave func(), err error) // nil counts none
	owner     func(r *http.Request) (user string, err error)
	// failing makes Published fail.
	failing error
}

const maxBytes = 100 << 20

var (
	errGone = reply.Ended.Because(nil)
	errType = reply.BadExtension
)

// newSite starts one; change may set what it likes in the options.
func newSite(tb testing.TB, change func(*tus.Options)) *site {
	tb.Helper()
	below := tb.TempDir()
	s := &site{
		tb: tb, root: filepath.Join(below, "media"), state: filepath.Join(below, ".django-sidecar"),
		sessions: map[string]string{"alice": "1", "alice2": "1", "bob": "2"},
	}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		tb.Fatal(err)
	}
	s.owner = s.cookieOwner
	s.options = tus.Options{
		Name: s.name, Published: s.publish, Now: s.now,
		MaxBytes: maxBytes, Expiry: time.Hour, Digest: true,
	}
	if change != nil {
		change(&s.options)
	}
	s.restart()
	tb.Cleanup(func() { s.server.Close() })
	return s
}

// ServeHTTP implements http.Handler: the site visits for each request.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := tus.Visit{Enter: s.enter, Report: s.report}
	if s.owner != nil {
		v.Owner = func() (string, error) { return s.owner(r) }
	}
	s.handler.Answer(w, r, v)
}

// restart makes another handler on the same directories, as a new process would.
func (s *site) restart() {
	s.tb.Helper()
	if s.server != nil {
		s.server.CloseClientConnections()
		s.server.Close()
	}
	s.options.Media = openMedia(s.tb, s.root, s.state)
	var err error
	if s.handler, err = tus.New(s.options); err != nil {
		s.tb.Fatal(err)
	}
	if err := s.handler.Sweep(s.tb.Context()); err != nil {
		s.tb.Fatal(err)
	}
	s.server = httptest.NewServer(s)
}

func openMedia(tb testing.TB, root, state string) *media.Dir {
	tb.Helper()
	d, err := openDir(root, state)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func openDir(root, state string) (*media.Dir, error) {
	mode := uint32(0o644)
	return media.Open(media.Config{
		Root: root, StateDir: state, FilePermissions: &mode,
		Version: djangosession.Version{Major: 5, Minor: 2, Patch: djangosession.LatestPatch},
	})
}

func (s *site) cookieOwner(r *http.Request) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	c, err := r.Cookie("sessionid")
	if err != nil || s.sessions[c.Value] == "" {
		return "", errGone
	}
	return s.sessions[c.Value], nil
}

// name offers up/<filename>, then the same with a number.
func (s *site) name(filename string) (func() (string, error), error) {
	if strings.HasSuffix(filename, ".exe") {
		return nil, errType
	}
	tries := 0
	return func() (string, error) {
		tries++
		if filename == "unnameable" {
			return "", reply.BadName
		}
		if tries == 1 {
			return "up/" + filepath.Base("/"+filename), nil
		}
		return fmt.Sprintf("up/%d_%s", tries, filepath.Base("/"+filename)), nil
	}, nil
}

func (s *site) publish(_ context.Context, u tus.Upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		return s.failing
	}
	s.published = append(s.published, u)
	return nil
}

func (s *site) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, err)
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.later)
}

// with does something to the site while nothing else looks.
func (s *site) with(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// told are the files that Published was told of.
func (s *site) told() []tus.Upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]tus.Upload(nil), s.published...)
}

// expectNoReports fails the test if a fault of ours was reported.
func (s *site) expectNoReports() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.reports {
		s.tb.Errorf("reported: %v", err)
	}
	s.reports = nil
}

// answer is an answer that has been read.
type answer struct {
	*http.Response
	body string
}

// headers are pairs of names and values. A name may be there twice; "-Tus-Resumable" leaves that one out.
type headers []string

// do sends a request of alice's, unless the headers have another cookie.
func (s *site) do(method, path string, h headers, body io.Reader) answer {
	s.tb.Helper()
	r, err := http.NewRequestWithContext(s.tb.Context(), method, s.server.URL+path, body)
	if err != nil {
		s.tb.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Cookie", "sessionid=alice")
	for i := 0; i < len(h); i += 2 {
		switch name := h[i]; {
		case name == "Cookie" && h[i+1] == "":
			r.Header.Del(name)
		case strings.HasPrefix(name, "-"):
			r.Header.Del(name[1:])
		case name == "Tus-Resumable" || name == "Cookie":
			r.Header.Set(name, h[i+1])
		default:
			r.Header.Add(name, h[i+1])
		}
	}
	response, err := s.server.Client().Do(r)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	a := answer{response, string(text)}
	if response.Header.Get("Tus-Resumable") != "1.0.0" || response.Header.Get("Cache-Control") != "no-store" {
		s.tb.Errorf("%s %s: every answer has Tus-Resumable and no-store: %v", method, path, response.Header)
	}
	return a
}

// want fails the test unless the answer has a status.
func (a answer) want(tb testing.TB, status int) answer {
	tb.Helper()
	if a.StatusCode != status {
		tb.Fatalf("%s: got %d %s, want %d", a.Request.Method, a.StatusCode, a.body, status)
	}
	return a
}

func meta(filename string) string {
	return "filename " + base64.StdEncoding.EncodeToString([]byte(filename))
}

// create makes an upload and returns its path.
func (s *site) create(length int, filename string) string {
	s.tb.Helper()
	h := headers{"Upload-Length", strconv.Itoa(length), "Upload-Metadata", meta(filename)}
	if length < 0 {
		h = headers{"Upload-Defer-Length", "1", "Upload-Metadata", meta(filename)}
	}
	a := s.do(http.MethodPost, "/tus/", h, nil).want(s.tb, http.StatusCreated)
	return a.Header.Get("Location")
}

// patchHeaders are those of a PATCH at an offset.
func patchHeaders(offset int, more ...string) headers {
	return append(headers{"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(offset)}, more...)
}

func (s *site) patch(path string, offset int, body []byte, more ...string) answer {
	s.tb.Helper()
	return s.do(http.MethodPatch, path, patchHeaders(offset, more...), bytes.NewReader(body))
}

// offset asks for an upload's offset.
func (s *site) offset(path string) int {
	s.tb.Helper()
	a := s.do(http.MethodHead, path, nil, nil).want(s.tb, http.StatusOK)
	n, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if err != nil {
		s.tb.Fatal(err)
	}
	return n
}

// idOf is the id of an upload of alice's.
func (s *site) idOf(path string) string {
	s.tb.Helper()
	id, err := tus.IDOf(strings.TrimPrefix(path, "/tus/"), "1")
	if err != nil {
		s.tb.Fatal(err)
	}
	return id
}

// files are the regular files below a directory, with their contents.
func files(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		found[name] = string(content)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// random are bytes that a seed makes.
func random(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
