package tus_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/upload/tus"
)

// TestPublished: what a client and Published are told of a file, by each way in which an upload is completed.
func TestPublished(t *testing.T) {
	content := []byte("%PDF-1.7 world")
	metadata := meta("wörld/a b.pdf") + ",filetype " + base64.StdEncoding.EncodeToString([]byte("application/pdf")) + ",album NDI="
	body := headers{"Content-Type", octets}
	ways := map[string]func(s *site) (path string, last answer){
		"by the last PATCH": func(s *site) (string, answer) {
			path := s.do("POST", "/tus/", headers{"Upload-Length", "14", "Upload-Metadata", metadata}, nil).want(t, 201).Header.Get("Location")
			s.patch(path, 0, content[:5]).want(t, 204)
			return path, s.patch(path, 5, content[5:]).want(t, 204)
		},
		"by the PATCH that tells the length": func(s *site) (string, answer) {
			a := s.do("POST", "/tus/", append(headers{"Upload-Defer-Length", "1", "Upload-Metadata", metadata}, body...), bytes.NewReader(content[:5])).want(t, 201)
			path := a.Header.Get("Location")
			if h := s.do("HEAD", path, nil, nil).want(t, 200).Header; h.Get("Upload-Defer-Length") != "1" || h.Get("Upload-Length") != "" {
				t.Errorf("HEAD of an upload without a length: %v", h)
			}
			s.patch(path, 5, content[5:]).want(t, 204)
			if n := len(files(t, s.root)); n != 0 {
				t.Error("it is published before its length is known")
			}
			s.patch(path, 14, nil, "Upload-Length", "13").want(t, 400)
			return path, s.patch(path, 14, nil, "Upload-Length", "14").want(t, 204)
		},
		"by its creation": func(s *site) (string, answer) {
			a := s.do("POST", "/tus/", append(headers{"Upload-Length", "14", "Upload-Metadata", metadata}, body...), bytes.NewReader(content)).want(t, 201)
			return a.Header.Get("Location"), a
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			path, last := way(s)
			sum, err := hex.DecodeString(sha256Hex(content))
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range []answer{last, s.do("HEAD", path, nil, nil).want(t, 200), s.patch(path, 14, nil).want(t, 204)} {
				for name, want := range map[string]string{
					"Upload-Offset": "14", "Upload-Length": "14", "Upload-Defer-Length": "", "Upload-Name": "up/a%20b.pdf",
					"Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":",
				} {
					if got := a.Header.Get(name); got != want {
						t.Errorf("answer %d, %s: got %q, want %q", i, name, got, want)
					}
				}
				expires, err := http.ParseTime(a.Header.Get("Upload-Expires"))
				if until := time.Until(expires); err != nil || until < 58*time.Minute || until > time.Hour {
					t.Errorf("Upload-Expires: %v, %v", expires, err)
				}
			}
			if got := s.do("HEAD", path, nil, nil).Header.Get("Upload-Metadata"); got != metadata {
				t.Errorf("Upload-Metadata: got %q", got)
			}
			s.patch(path, 14, []byte("x")).want(t, 413)
			s.patch(path, 13, []byte("x")).want(t, 409)
			want := []tus.Upload{{
				ID: s.idOf(path), Owner: "1", Name: "up/a b.pdf", OriginalName: "wörld/a b.pdf", ContentType: "application/pdf",
				DetectedType: "application/pdf", Size: 14, SHA256: sha256Hex(content),
				Metadata: map[string]string{"filename": "wörld/a b.pdf", "filetype": "application/pdf", "album": "42"},
			}}
			if diff := cmp.Diff(want, s.told()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]string{"up/a b.pdf": string(content)}, files(t, s.root)); diff != "" {
				t.Error(diff)
			}
			s.do("DELETE", path, nil, nil).want(t, 204)
			s.do("HEAD", path, nil, nil).want(t, 404)
			if len(files(t, s.root)) != 1 || len(files(t, s.state)) != 0 {
				t.Error("DELETE of a published upload leaves the file and nothing else")
			}
			s.expectNoReports()
		})
	}
}

func TestEmptyFile(t *testing.T) {
	s := newSite(t, nil)
	a := s.do("POST", "/tus/", headers{"Upload-Length", "0", "Upload-Metadata", meta("a.txt")}, nil).want(t, 201)
	if a.Header.Get("Upload-Name") != "up/a.txt" || a.Header.Get("Upload-Offset") != "0" || len(files(t, s.root)) != 1 {
		t.Errorf("got %v", a.Header)
	}
	if u := s.told()[0]; u.Size != 0 || u.SHA256 != sha256Hex(nil) {
		t.Errorf("got %+v", u)
	}
}

// TestNames: the next name is taken where there is something, and a name that is refused publishes nothing.
func TestNames(t *testing.T) {
	s := newSite(t, nil)
	for _, want := range []string{"up/a.txt", "up/2_a.txt", "up/3_a.txt"} {
		path := s.create(1, "a.txt")
		if got, err := url.PathUnescape(s.patch(path, 0, []byte("x")).want(t, 204).Header.Get("Upload-Name")); got != want || err != nil {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	path := s.create(1, "unnameable")
	s.patch(path, 0, []byte("x")).want(t, 400)
	s.do("HEAD", path, nil, nil).want(t, 400)
	s.do("DELETE", path, nil, nil).want(t, 204)
	if len(files(t, s.root)) != 3 {
		t.Error("something was published")
	}
	s.expectNoReports()
}

// TestInspect: what is refused when it is complete is removed.
func TestInspect(t *testing.T) {
	s := newSite(t, func(o *tus.Options) {
		o.MaxOpenPerUser = 1
		o.Inspect = func(u tus.Upload, content io.ReaderAt) error {
			b := make([]byte, u.Size)
			if n, err := content.ReadAt(b, 0); n != 4 || err != nil && !errors.Is(err, io.EOF) || string(b) != "GIF8" || u.SHA256 == "" {
				t.Errorf("Inspect has %q of %+v, %v", b, u, err)
			}
			return errType
		}
	})
	for range 2 {
		path := s.create(4, "a.txt")
		s.patch(path, 0, []byte("GIF8")).want(t, 415)
		s.do("HEAD", path, nil, nil).want(t, 404)
	}
	if len(files(t, s.root))+len(files(t, s.state)) != 0 {
		t.Error("something stays")
	}
	s.expectNoReports()
}

// TestPublishedFails: a file that nobody could be told of is told of later, under the same name and id.
func TestPublishedFails(t *testing.T) {
	for _, by := range []string{"HEAD", "PATCH", "DELETE", "a sweep", "a restart"} {
		t.Run("then "+by, func(t *testing.T) {
			s := newSite(t, nil)
			path := s.create(3, "a.txt")
			s.with(func() { s.failing = errors.New("the queue is full") })
			s.patch(path, 0, []byte("abc")).want(t, 503)
			s.do("HEAD", path, nil, nil).want(t, 423)
			if s.handler.Sweep(t.Context()) == nil {
				t.Error("Sweep keeps it to itself")
			}
			s.with(func() { s.failing, s.reports = nil, nil })
			switch by {
			case "HEAD":
				s.do(by, path, nil, nil).want(t, 200)
			case "PATCH":
				s.patch(path, 3, nil).want(t, 204)
			case "DELETE":
				s.do(by, path, nil, nil).want(t, 204)
			case "a sweep":
				if err := s.handler.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			default:
				s.restart()
			}
			if got := s.told(); len(got) != 1 || got[0].Name != "up/a.txt" || got[0].ID != s.idOf(path) {
				t.Errorf("told of %v", got)
			}
			if found := files(t, s.root); len(found) != 1 {
				t.Errorf("%d files", len(found))
			}
			s.expectNoReports()
		})
	}
}

// TestDigestAfterRestart: the hash goes on where it was; without its state the bytes are read again.
func TestDigestAfterRestart(t *testing.T) {
	content := random(3, tus.BufferBytes+5000)
	for name, forget := range map[string]bool{"kept": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			path := s.create(len(content), "a.bin")
			s.patch(path, 0, content[:3000]).want(t, 204)
			s.restart()
			if forget {
				if had, err := s.handler.Forget(s.idOf(path), "1"); !had || err != nil {
					t.Fatal(had, err)
				}
			}
			s.patch(path, 3000, content[3000:]).want(t, 204)
			if got := s.told(); len(got) != 1 || got[0].SHA256 != sha256Hex(content) {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("not wanted", func(t *testing.T) {
		s := newSite(t, func(o *tus.Options) { o.Digest = false })
		path := s.create(3, "a.bin")
		a := s.patch(path, 0, []byte("abc")).want(t, 204)
		if got := s.told(); got[0].SHA256 != "" || a.Header.Get("Repr-Digest") != "" {
			t.Errorf("got %+v, %v", got, a.Header)
		}
	})
}

// TestExpiry: what has expired is gone, at once for its owner and soon from the disk; what is still in use is not.
func TestExpiry(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxOpenPerUser = 3 })
	unfinished, finished, used := s.create(10, "a.txt"), s.create(1, "b.txt"), s.create(10, "c.txt")
	s.patch(finished, 0, []byte("x")).want(t, 204)
	s.with(func() { s.later = 50 * time.Minute })
	s.patch(used, 0, []byte("0123")).want(t, 204)
	s.with(func() { s.later = 70 * time.Minute })
	for _, path := range []string{unfinished, finished} {
		s.do("HEAD", path, nil, nil).want(t, 410)
		s.patch(path, 0, []byte("x")).want(t, 410)
		s.do("HEAD", path, headers{"Cookie", "sessionid=bob"}, nil).want(t, 404)
	}
	last := s.create(10, "d.txt")
	s.create(1, "e.txt") // the expired one counts no more
	s.do("POST", "/tus/", headers{"Upload-Length", "1"}, nil).want(t, 429)
	if err := s.handler.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/tus/", headers{"Upload-Length", "1"}, nil).want(t, 429)
	for _, path := range []string{unfinished, finished} {
		s.do("HEAD", path, nil, nil).want(t, 404)
	}
	if got := s.offset(used); got != 4 || s.offset(last) != 0 {
		t.Errorf("the offset is %d", got)
	}
	if n := len(files(t, s.root)); n != 1 {
		t.Errorf("%d files are published", n)
	}
	s.expectNoReports()
}

// TestExpiryOfAClockThatWasAhead: what was begun while the clock was years ahead expires an hour after that was mended, and is not
// its user's for years.
func TestExpiryOfAClockThatWasAhead(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxOpenPerUser = 2 })
	at := func(later time.Duration) {
		s.with(func() { s.later = later })
		if err := s.handler.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	at(10 * 365 * 24 * time.Hour)
	finished := s.create(1, "a.txt")
	s.patch(finished, 0, []byte("x")).want(t, 204)
	unfinished, used := s.create(10, "b.txt"), s.create(10, "c.txt")
	s.patch(used, 0, []byte("0123")).want(t, 204)
	at(0)
	s.do("POST", "/tus/", headers{"Upload-Length", "1"}, nil).want(t, 429)
	at(50 * time.Minute)
	s.patch(used, 4, []byte("4")).want(t, 204)
	at(70 * time.Minute)
	for _, path := range []string{unfinished, finished} {
		s.do("HEAD", path, nil, nil).want(t, 404)
	}
	if got := s.offset(used); got != 5 {
		t.Errorf("the offset is %d", got)
	}
	s.create(1, "d.txt")
	s.expectNoReports()
}

// TestSweepLeavesRunning: an upload that expires while its body comes is not swept.
func TestSweepLeavesRunning(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(6, "a.txt")
	p := s.start(path, 6)
	p.send([]byte("abc"))
	s.received(path, 3)
	s.with(func() { s.later = 2 * time.Hour })
	if err := s.handler.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.send([]byte("def"))
	p.wantStatus(204)
	if files(t, s.root)["up/a.txt"] != "abcdef" {
		t.Error("it is not published")
	}
}

// TestOpenPerUser: unfinished uploads are limited, for each user apart, across restarts.
func TestOpenPerUser(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxOpenPerUser = 2 })
	first, second := s.create(1, "a.txt"), s.create(1, "b.txt")
	full := func() { s.do("POST", "/tus/", headers{"Upload-Length", "1"}, nil).want(t, 429) }
	full()
	s.do("POST", "/tus/", headers{"Upload-Length", "1", "Cookie", "sessionid=bob"}, nil).want(t, 201)
	s.restart()
	full()
	s.patch(first, 0, []byte("x")).want(t, 204)
	third := s.create(1, "c.txt")
	full()
	s.do("DELETE", second, nil, nil).want(t, 204)
	s.do("DELETE", third, nil, nil).want(t, 204)
	s.do("POST", "/tus/", headers{"Upload-Length", "2", "Content-Type", octets}, bytes.NewReader([]byte("abc"))).want(t, 413)
	s.create(1, "d.txt")
	s.create(1, "e.txt")
	full()
}

// TestTooLongInChunks: bytes beyond the length are refused as soon as they come, and those before them do not count.
func TestTooLongInChunks(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxBytes = 1 << 20 })
	endless := io.LimitReader(zeros{}, 1<<40)
	path := s.create(-1, "a.bin")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, s.server.URL+path, endless)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Cookie": {"sessionid=alice"}, "Content-Type": {octets}, "Upload-Offset": {"0"}}
	if a, err := s.server.Client().Do(r); err == nil { // the client may only see that the connection ends
		_ = a.Body.Close()
		if a.StatusCode != 413 {
			t.Errorf("got %d", a.StatusCode)
		}
	}
	if got := s.offset(path); got != 0 {
		t.Errorf("the offset is %d", got)
	}
	s.expectNoReports()
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestDamaged: a part that lost bytes, or is not there, is of no use, and is never published.
func TestDamaged(t *testing.T) {
	s := newSite(t, nil)
	for _, damage := range []func(part string) error{
		func(part string) error { return os.Truncate(part, 3) },
		os.Remove,
	} {
		path := s.create(10, "a.txt")
		s.patch(path, 0, []byte("01234")).want(t, 204)
		if err := damage(filepath.Join(s.state, s.idOf(path)+".part")); err != nil {
			t.Fatal(err)
		}
		s.patch(path, 5, []byte("56789")).want(t, 410)
		s.do("DELETE", path, nil, nil).want(t, 204)
	}
	if len(files(t, s.root)) != 0 || len(s.told()) != 0 {
		t.Error("something was published")
	}
	if len(files(t, s.state)) != 0 {
		t.Error("something stays")
	}
}

// TestNoSpace: an upload that the disk has no room for is refused before its first byte.
func TestNoSpace(t *testing.T) {
	s := newSite(t, func(o *tus.Options) { o.MaxBytes = 1 << 60 })
	s.do("POST", "/tus/", headers{"Upload-Length", "1152921504606846976"}, nil).want(t, 507)
	if len(files(t, s.state)) != 0 {
		t.Error("something stays")
	}
	s.with(func() { s.reports = nil })
}

// TestLong: what a long request has brought counts before it ends.
func TestLong(t *testing.T) {
	s := newSite(t, nil)
	content := random(4, tus.SyncBytes+tus.BufferBytes)
	path := s.create(len(content), "a.bin")
	p := s.start(path, len(content))
	p.send(content[:len(content)-1])
	s.received(path, len(content)-1)
	document, err := os.ReadFile(filepath.Join(s.state, s.idOf(path)+".json"))
	if err != nil || bytes.Contains(document, []byte(`"offset":0,`)) {
		t.Errorf("%s, %v", document, err)
	}
	p.send(content[len(content)-1:])
	p.wantStatus(204)
	if got := s.told(); len(got) != 1 || got[0].SHA256 != sha256Hex(content) {
		t.Errorf("got %+v", got)
	}
}

// TestSlowAndLong: so does what a slow one has brought, and while bytes come the upload does not expire.
func TestSlowAndLong(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(4, "a.bin")
	p := s.start(path, 4)
	for i := range 3 {
		s.with(func() { s.later += 40 * time.Minute })
		p.send([]byte{'x'})
		want := fmt.Sprintf(`"offset":%d,`, i+1)
		for deadline := time.Now().Add(20 * time.Second); ; {
			document, err := s.options.Media.LoadState(s.idOf(path))
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("byte %d does not count: %v", i, err)
			}
			if strings.Contains(string(document), want) {
				break
			}
		}
	}
	p.send([]byte{'x'})
	p.wantStatus(204)
}

func TestOptions(t *testing.T) {
	s := newSite(t, nil)
	for _, change := range []func(*tus.Options){
		func(o *tus.Options) { o.Media = nil },
		func(o *tus.Options) { o.Name = nil },
		func(o *tus.Options) { o.Published = nil },
		func(o *tus.Options) { o.Now = nil },
		func(o *tus.Options) { o.MaxBytes = 0 },
		func(o *tus.Options) { o.Expiry = 0 },
		func(o *tus.Options) { o.MinRate = -1 },
		func(o *tus.Options) { o.BasePath = "tus" },
	} {
		o := s.options
		change(&o)
		if _, err := tus.New(o); err == nil {
			t.Error("New accepts what is incomplete")
		}
	}
}
