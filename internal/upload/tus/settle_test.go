package tus_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDiedPublishing: each state that package media says a process can leave behind, found by a client and by Sweep.
func TestDiedPublishing(t *testing.T) {
	finders := map[string]func(s *site, path string){
		"by the client": func(s *site, path string) {
			if a := s.do("HEAD", path, nil, nil).want(s.tb, 200); a.Header.Get("Upload-Name") != "up/a.txt" {
				s.tb.Errorf("HEAD: %v", a.Header)
			}
		},
		"by Sweep": func(s *site, _ string) {
			if err := s.handler.Sweep(s.tb.Context()); err != nil {
				s.tb.Error(err)
			}
		},
	}
	for name, find := range finders {
		for state, prepare := range map[string]func(s *site, path string){
			"a state without a part": func(*site, string) {},
			"a part with two names": func(s *site, path string) {
				if err := os.Link(filepath.Join(s.root, "up/a.txt"), s.part(path)); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(state+" "+name, func(t *testing.T) {
				s := newSite(t, nil)
				path := s.create(3, "a.txt")
				s.with(func() { s.failing = errors.New("killed") })
				s.patch(path, 0, []byte("abc")).want(t, 503)
				prepare(s, path)
				s.with(func() { s.failing, s.reports = nil, nil })
				for range 2 {
					find(s, path)
				}
				if got := s.told(); len(got) != 1 || got[0].Name != "up/a.txt" {
					t.Errorf("told of %v", got)
				}
				if err := s.handler.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(s.part(path)); !os.IsNotExist(err) {
					t.Errorf("the part: %v", err)
				}
				if found := files(t, s.root); len(found) != 1 || found["up/a.txt"] != "abc" {
					t.Errorf("MEDIA_ROOT has %v", found)
				}
				s.expectNoReports()
			})
		}
	}
}

// TestDiedUnmounted: nobody is told of a file that a dead process has published while its name cannot be written to the
// disk.
func TestDiedUnmounted(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(3, "a.txt")
	s.with(func() { s.failing = errors.New("killed") })
	s.patch(path, 0, []byte("abc")).want(t, 503)
	s.with(func() { s.failing = nil })
	if err := os.Rename(s.root, s.root+".away"); err != nil {
		t.Fatal(err)
	}
	s.do("HEAD", path, nil, nil).want(t, 423)
	if err := os.Rename(s.root+".away", s.root); err != nil || len(s.told()) != 0 {
		t.Fatal(err, s.told())
	}
	s.do("HEAD", path, nil, nil).want(t, 200)
	if got := s.told(); len(got) != 1 || got[0].Name != "up/a.txt" {
		t.Errorf("told of %v", got)
	}
}

// part is where the part of an upload of alice's is.
func (s *site) part(path string) string { return filepath.Join(s.state, s.idOf(path)+".part") }

// TestNotPublished: an upload whose name was saved and never made is published by the next request; until that works,
// nobody is told that it is there, and its offset is not told either.
func TestNotPublished(t *testing.T) {
	for name, obstacle := range map[string]struct{ put, remove func(root string) error }{
		"something is in the way": {
			func(root string) error { return os.WriteFile(filepath.Join(root, "up"), nil, 0o600) },
			func(root string) error { return os.Remove(filepath.Join(root, "up")) },
		},
		"MEDIA_ROOT is not mounted": {
			func(root string) error { return os.Rename(root, root+".away") },
			func(root string) error { return os.Rename(root+".away", root) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			path := s.create(3, "a.txt")
			if err := obstacle.put(s.root); err != nil {
				t.Fatal(err)
			}
			if a := s.patch(path, 0, []byte("abc")); a.StatusCode < 400 {
				t.Errorf("PATCH: %d", a.StatusCode)
			}
			if a := s.do("HEAD", path, nil, nil); a.StatusCode != 423 || a.Header.Get("Upload-Offset") != "" {
				t.Errorf("HEAD: %d %v", a.StatusCode, a.Header)
			}
			if err := s.handler.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			if got := s.told(); len(got) != 0 {
				t.Errorf("told of %v", got)
			}
			if err := obstacle.remove(s.root); err != nil {
				t.Fatal(err)
			}
			s.do("HEAD", path, nil, nil).want(t, 200)
			if got := s.told(); len(got) != 1 || files(t, s.root)["up/a.txt"] != "abc" {
				t.Errorf("told of %v", got)
			}
		})
	}
}

// TestOtherProcess: while another process has the upload, a request is told to come again, and nothing changes.
func TestOtherProcess(t *testing.T) {
	s := newSite(t, nil)
	path := s.create(6, "a.txt")
	s.patch(path, 0, []byte("abc")).want(t, 204)
	other, err := openMedia(t, s.root, s.state).OpenPart(s.idOf(path), -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	for method, h := range map[string]headers{"PATCH": patchHeaders(3), "DELETE": nil} {
		if a := s.do(method, path, h, nil).want(t, 423); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", method)
		}
	}
	if err := s.handler.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	s.patch(path, 3, []byte("def")).want(t, 204)
	if files(t, s.root)["up/a.txt"] != "abcdef" {
		t.Error("the file is another")
	}
}

// TestSweepOrphans: a part without a state is removed at once, and a state that nobody can read when it would have expired.
func TestSweepOrphans(t *testing.T) {
	s := newSite(t, nil)
	f, err := s.options.Media.CreatePart(strings.Repeat("0", 32), 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.handler.Sweep(t.Context()); err != nil || len(files(t, s.state)) != 1 {
		t.Errorf("a part that is open is swept: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.handler.Sweep(t.Context()); err != nil || len(files(t, s.state)) != 0 {
		t.Errorf("a part without a state stays: %v", err)
	}
	path := s.create(3, "a.txt")
	if err := s.options.Media.SaveState(s.idOf(path), []byte(`{"version":9}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.handler.Sweep(t.Context()); err == nil || len(files(t, s.state)) != 2 {
		t.Errorf("a state of another version is passed over, or removed: %v", err)
	}
	s.with(func() { s.later = 2 * time.Hour })
	if err := s.handler.Sweep(t.Context()); err != nil || len(files(t, s.state)) != 0 {
		t.Errorf("it stays for ever: %v", err)
	}
}
