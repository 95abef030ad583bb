package tus_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// beside is another process on the directories of a site. Something happens meanwhile at its n-th look at the clock,
// which follows a reading of the upload's state.
func (s *site) beside(n int, meanwhile func()) *site {
	s.tb.Helper()
	other := &site{tb: s.tb, root: s.root, state: s.state, sessions: s.sessions, options: s.options}
	other.owner = other.cookieOwner
	other.options.Name, other.options.Published = other.name, other.publish
	looks, started := 0, false
	other.options.Now = func() time.Time {
		if started {
			looks++
		}
		if looks == n {
			looks++
			meanwhile()
		}
		return s.now()
	}
	other.restart()
	started = true
	s.tb.Cleanup(func() { other.server.Close() })
	return other
}

// TestNameOfAnother: one process tries the next name and publishes, after another has read that the first one was tried.
// That is somebody else's by now, and nobody is told that it is the upload.
func TestNameOfAnother(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(3, "a.txt")
	in := filepath.Join(s.root, "up")
	if err := os.WriteFile(in, nil, 0o600); err != nil { // something is in the way
		t.Fatal(err)
	}
	if a := s.patch(path, 0, []byte("abc")); a.StatusCode < 400 {
		t.Fatalf("PATCH: %d", a.StatusCode)
	}
	err := errors.Join(os.Remove(in), os.Mkdir(in, 0o755), os.WriteFile(in+"/a.txt", []byte("Django's"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	other := s.beside(2, func() { s.do("HEAD", path, nil, nil).want(t, 200) })
	for _, at := range []*site{other, s} {
		if name := at.do("HEAD", path, nil, nil).want(t, 200).Header.Get("Upload-Name"); name != "up/2_a.txt" {
			t.Errorf("a client is told of %q", name)
		}
	}
	for _, u := range append(s.told(), other.told()...) {
		if u.Name != "up/2_a.txt" {
			t.Errorf("Django is told of %q", u.Name)
		}
	}
}

// TestPublishedMeanwhile: one process publishes an upload, and dies of it, after another has read its state, for
// whatever that was. The client comes again, and learns what has become of it. So does Django.
func TestPublishedMeanwhile(t *testing.T) {
	for method, h := range map[string]headers{"HEAD": nil, "PATCH": patchHeaders(3), "DELETE": nil} {
		t.Run(method, func(t *testing.T) {
			s := newSite(t, nil)
			path := s.complete("a.txt")
			s.failing = errors.New("killed")
			other := s.beside(2, func() { s.do("HEAD", path, nil, nil).want(t, http.StatusLocked) })
			other.do(method, path, h, nil).want(t, http.StatusLocked)
			if name := other.do("HEAD", path, nil, nil).want(t, 200).Header.Get("Upload-Name"); name != "up/a.txt" {
				t.Errorf("the client is told of %q", name)
			}
			if got := other.told(); len(got) != 1 || got[0].Name != "up/a.txt" {
				t.Errorf("Django is told of %v", got)
			}
		})
	}
}

// complete makes an upload of three bytes that all have come, and for which no name has been tried.
func (s *site) complete(filename string) (path string) {
	s.tb.Helper()
	path = s.create(3, filename)
	name := s.options.Name
	s.options.Name = func(string) (func() (string, error), error) { return nil, errors.New("not now") }
	s.restart()
	s.patch(path, 0, []byte("abc")).want(s.tb, http.StatusServiceUnavailable)
	s.options.Name = name
	s.restart()
	return path
}

// TestRemovedMeanwhile: one process removes an upload after another has read its state. There is none then, and none
// that is damaged.
func TestRemovedMeanwhile(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(3, "a.txt")
	other := s.beside(2, func() { s.do("DELETE", path, nil, nil).want(t, 204) })
	other.patch(path, 0, []byte("abc")).want(t, 404)
}

// TestExpiredNoMore: an upload goes on in one process after another has read when it expires.
func TestExpiredNoMore(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(6, "a.txt")
	other := s.beside(1, func() {
		s.with(func() { s.later = 59 * time.Minute })
		s.patch(path, 0, []byte("abc")).want(t, 204)
		s.with(func() { s.later = 61 * time.Minute })
	})
	if err := other.handler.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.offset(path); got != 3 {
		t.Errorf("%d bytes count", got)
	}
}
