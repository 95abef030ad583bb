package tus_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwnership: whoever has no session is told that on every URL; whoever has somebody else's is told what anybody is told
// of what never was, byte for byte; and nothing changes.
func TestOwnership(t *testing.T) {
	s := newSite(t, nil)
	s.with(func() { s.sessions["expired"] = "" })
	path := s.create(10, "a.txt")
	s.patch(path, 0, []byte("0123")).want(t, 204)
	finished := s.create(1, "b.txt")
	s.patch(finished, 0, []byte("x")).want(t, 204)
	unknown := "/tus/" + strings.Repeat("0f", 16)
	before := files(t, s.state)

	requests := map[string]headers{
		http.MethodHead: nil, http.MethodPatch: patchHeaders(4), http.MethodDelete: nil, http.MethodGet: nil,
		http.MethodOptions: nil, http.MethodPost: {"Upload-Length", "-"},
	}
	for method, h := range requests {
		for _, cookie := range []string{"", "sessionid=", "sessionid=nobody", "sessionid=expired"} {
			for _, p := range []string{path, finished, unknown, "/tus/"} {
				a := s.do(method, p, append(headers{"Cookie", cookie}, h...), strings.NewReader("abc"))
				if a.StatusCode != 401 || a.Header.Get("Www-Authenticate") != "Cookie" {
					t.Errorf("%s %s with %q: got %d", method, p, cookie, a.StatusCode)
				}
			}
		}
		stranger := func(p string) string {
			a := s.do(method, p, append(headers{"Cookie", "sessionid=bob"}, h...), strings.NewReader("abc"))
			a.Header.Del("Date")
			return fmt.Sprintf("%d %v %q", a.StatusCode, a.Header, a.body)
		}
		want := stranger(unknown)
		for _, p := range []string{path, finished} {
			if got := stranger(p); got != want {
				t.Errorf("%s of a stranger's upload: got %s, of none %s", method, got, want)
			}
		}
		if _, one := map[string]bool{"HEAD": true, "PATCH": true, "DELETE": true}[method]; one && !strings.HasPrefix(want, "404 ") {
			t.Errorf("%s: got %s", method, want)
		}
	}
	if after := files(t, s.state); len(after) != len(before) {
		t.Errorf("there were %d files, and now %d", len(before), len(after))
	}
	for name, content := range files(t, s.state) {
		if before[name] != content {
			t.Errorf("%s has changed", name)
		}
	}
	// Another session of the same user is as good.
	s.do(http.MethodPatch, path, patchHeaders(4, "Cookie", "sessionid=alice2"), strings.NewReader("456789")).want(t, 204)
	s.do(http.MethodHead, finished, headers{"Cookie", "sessionid=alice2"}, nil).want(t, 200)
	s.do(http.MethodDelete, finished, headers{"Cookie", "sessionid=alice2"}, nil).want(t, 204)
	s.expectNoReports()
}

// TestOwnerInDocument: an upload whose document names no owner, or another one, is nobody's.
func TestOwnerInDocument(t *testing.T) {
	s := newSite(t, nil)
	for _, change := range []func(string) string{
		func(d string) string { return strings.Replace(d, `"owner":"1"`, `"owner":""`, 1) },
		func(d string) string { return strings.Replace(d, `"owner":"1",`, ``, 1) },
		func(d string) string { return strings.Replace(d, `"owner":"1"`, `"owner":"2"`, 1) },
		func(d string) string { return strings.Replace(d, `"version":1`, `"version":2`, 1) },
		func(d string) string { return strings.Replace(d, `"offset":0`, `"offset":11`, 1) },
		func(d string) string { return strings.Replace(d, `{`, `{"more":1,`, 1) },
		func(d string) string { return d + d },
		func(string) string { return "" },
	} {
		path := s.create(10, "a.txt")
		document := filepath.Join(s.state, s.idOf(path)+".json")
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		changed := change(string(text))
		if changed == string(text) {
			t.Fatalf("nothing to change in %s", text)
		}
		if err := os.WriteFile(document, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, cookie := range []string{"alice", "bob"} {
			for method, h := range map[string]headers{http.MethodHead: nil, http.MethodPatch: patchHeaders(0), http.MethodDelete: nil} {
				s.do(method, path, append(headers{"Cookie", "sessionid=" + cookie}, h...), nil).want(t, 404)
			}
		}
	}
}

// TestNoUser: a session of nobody's is a fault, and not a user.
func TestNoUser(t *testing.T) {
	s := newSite(t, nil)
	for i, owner := range []func(*http.Request) (string, error){noOwner, nil} { // nil: nobody says
		s.owner = owner
		s.do(http.MethodPost, "/tus/", headers{"Upload-Length", "3"}, nil).want(t, 503)
		s.with(func() {
			if len(s.reports) != i+1 {
				t.Errorf("reported: %v", s.reports)
			}
		})
	}
}

// TestLogoutMeanwhile: who is logged out during a request, or just before it ends, publishes nothing and loses nothing.
func TestLogoutMeanwhile(t *testing.T) {
	content := random(1, 1000)
	t.Run("before the last byte counts", func(t *testing.T) {
		s := newSite(t, nil)
		path := s.create(len(content), "a.txt")
		p := s.start(path, len(content))
		p.send(content[:500])
		s.with(func() { delete(s.sessions, "alice") })
		p.send(content[500:])
		p.wantStatus(401)
		if found := files(t, s.root); len(found) != 0 {
			t.Fatalf("MEDIA_ROOT has %d files", len(found))
		}
		s.with(func() { s.sessions["alice"] = "1" })
		if got := s.offset(path); got != len(content) { // which publishes it
			t.Errorf("the offset is %d", got)
		}
		if found := files(t, s.root); found["up/a.txt"] != string(content) || len(s.told()) != 1 {
			t.Errorf("MEDIA_ROOT has %d files", len(found))
		}
		s.expectNoReports()
	})
	t.Run("in the middle", func(t *testing.T) {
		s := newSite(t, nil)
		path := s.create(len(content), "a.txt")
		p := s.start(path, len(content))
		p.send(content[:100])
		s.with(func() {
			delete(s.sessions, "alice")
			s.later = 31e9 // RecheckInterval and a second
		})
		p.send(content[100:200])
		p.wantStatus(401)
		s.with(func() { s.sessions["alice"] = "1" })
		got := s.offset(path)
		if got < 100 || got > 200 {
			t.Errorf("the offset is %d", got)
		}
		s.patch(path, got, content[got:]).want(t, 204)
		if found := files(t, s.root); found["up/a.txt"] != string(content) {
			t.Error("the file is another")
		}
		s.expectNoReports()
	})
	t.Run("and is another user then", func(t *testing.T) {
		s := newSite(t, nil)
		path := s.create(len(content), "a.txt")
		p := s.start(path, len(content))
		p.send(content[:500])
		s.with(func() { s.sessions["alice"] = "2" })
		p.send(content[500:])
		p.wantStatus(404)
		if found := files(t, s.root); len(found) != 0 {
			t.Fatalf("MEDIA_ROOT has %d files", len(found))
		}
	})
	t.Run("at creation", func(t *testing.T) {
		s := newSite(t, nil)
		s.with(func() { s.later = 0 })
		s.handler.Name = func(string) (func() (string, error), error) {
			s.with(func() { delete(s.sessions, "alice") })
			return s.name("a.txt")
		}
		s.do(http.MethodPost, "/tus/", headers{"Upload-Length", "3", "Content-Type", octets}, bytes.NewReader([]byte("abc"))).want(t, 401)
		if n := len(files(t, s.state)) + len(files(t, s.root)); n != 0 {
			t.Errorf("%d files stay", n)
		}
	})
}
