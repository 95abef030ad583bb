//go:build live

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beginPatch sends the first bytes of a resumable upload, of which more will follow.
func (s *refusedSite) beginPatch(t *testing.T, path, first string, length int) *slowUpload {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\nCookie: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n%s", path, s.cookie, length, first)
	if err := errors.Join(err, conn.SetReadDeadline(time.Now().Add(3*time.Minute))); err != nil {
		t.Fatal(err)
	}
	return &slowUpload{conn, bufio.NewReader(conn)}
}

// TestUploadsWhoseFoldersGo: MEDIA_ROOT or the state directory goes while files come, as a volume does that is unmounted. Whoever
// uploads is told so, nothing of it is published, and all goes on when the folder is back, or another is in its place.
func TestUploadsWhoseFoldersGo(t *testing.T) {
	r, site := newUploadRig(t)
	s := &refusedSite{uploadSite: site, url: r.url}
	s.cookie = "sessionid=" + r.live[0]
	first, rest := uploadForm("file.txt", 1<<20)
	want := func(what string, status, want int) {
		t.Helper()
		if status != want {
			t.Errorf("%s: %d, want %d", what, status, want)
		}
	}
	for name, dir := range map[string]string{"MEDIA_ROOT": s.root, "the state directory": s.state} {
		t.Run(name, func(t *testing.T) {
			path := s.begin(t)
			form, patch := r.begin(t, r.live[0], first, len(first)+len(rest)), s.beginPatch(t, path, "cont", 7)
			r.inFlight(t, 2)
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Fatal(err)
			}
			status, text, err := patch.end("ent")
			want("a PATCH that was going on", status, http.StatusServiceUnavailable)
			if err != nil || !strings.Contains(text, `"result":false`) {
				t.Errorf("%s, %v", text, err)
			}
			status, _ = s.resume(t, path)
			want("HEAD", status, http.StatusLocked) // which says to ask again: see docs/uploads.md
			forms := 0
			for what, send := range map[string]func() (int, string, error){
				"a form that was going on": func() (int, string, error) { return form.end(rest) },
				"a form that begins": func() (int, string, error) {
					return r.begin(t, r.live[0], first, len(first)+len(rest)).end(rest)
				},
			} {
				if status, text, err = send(); err == nil && status == http.StatusCreated && dir == s.state { // which forms do without
					forms++
				} else if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(text, `"result":false`) {
					t.Errorf("%s: %d %s, %v", what, status, text, err)
				}
			}
			if _, err := os.Lstat(dir); err == nil {
				t.Error("the folder is there again")
			}
			if err := os.Rename(dir+"-away", dir); err != nil {
				t.Fatal(err)
			}
			left := filesBelow(t, s.root)
			if len(left) != forms {
				t.Errorf("published: %v, want %d", left, forms)
			}
			status, _ = s.resume(t, path)
			want("going on afterwards", status, http.StatusNoContent)
			status, _ = s.upload(t)
			want("an upload afterwards", status, http.StatusCreated)
			if published := filesBelow(t, s.root); len(published) != forms+2 {
				t.Errorf("published: %v", published)
			}
			path = s.begin(t)
			for _, dir := range []string{s.root, s.state} {
				if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			status, _ = s.resume(t, path)
			want("one that has been lost with its folder", status, http.StatusNotFound)
			status, _ = s.upload(t)
			want("an upload to an empty folder", status, http.StatusCreated)
			if err := os.RemoveAll(filepath.Join(s.root, "uploads")); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, word := range []string{"MEDIA_ROOT", "the state directory is not there: " + s.state} {
		if !strings.Contains(r.log.String(), word) {
			t.Errorf("the log does not say %q", word)
		}
	}
}
