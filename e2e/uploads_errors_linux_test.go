//go:build live

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// storageErrors are what the disk may say, and the status that a client is told.
var storageErrors = map[syscall.Errno]int{
	syscall.ENOSPC: 507, syscall.EDQUOT: 507, syscall.EFBIG: 507,
	syscall.EIO: 503, syscall.EROFS: 503, syscall.EACCES: 503, syscall.EPERM: 503, syscall.ESTALE: 503, syscall.ENOTCONN: 503, syscall.ETIMEDOUT: 503,
	syscall.ENOMEM: 503, syscall.ENODEV: 503, syscall.ENOTDIR: 503, syscall.EXDEV: 503, syscall.ENOENT: 503,
}

// refusedSite is a site whose files are on a file system that refuses what it is told to refuse.
type refusedSite struct {
	*uploadSite
	disk *djangotest.RefusingFS
	url  string
	pid  int // of the sidecar, where it is a process of its own
}

func newRefusedSite(t *testing.T) *refusedSite {
	t.Helper()
	disk := djangotest.NewRefusingFS(t)
	settings := uploadSettings()
	settings["DJANGO_MEDIA_ROOT"], settings["SIDECAR_UPLOAD_STATE_DIR"] = filepath.Join(disk.Dir, "media"), filepath.Join(disk.Dir, "state")
	if err := os.Mkdir(settings["DJANGO_MEDIA_ROOT"], 0o755); err != nil {
		t.Fatal(err)
	}
	s := &refusedSite{uploadSite: newUploadSite(t, t.TempDir(), settings), disk: disk}
	s.root, s.state = settings["DJANGO_MEDIA_ROOT"], settings["SIDECAR_UPLOAD_STATE_DIR"]
	return s
}

// do sends a request, and returns its status and its headers; 0 where nobody answers.
func (s *refusedSite) do(t *testing.T, method, path, body string, header map[string]string) (int, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", s.cookie)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	client, closeIdle := newClient(30 * time.Second)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		return 0, nil
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header
}

// upload sends a file at once.
func (s *refusedSite) upload(t *testing.T) (int, http.Header) {
	t.Helper()
	return s.do(t, "POST", "/upload", "content", map[string]string{"Content-Type": "text/plain", "Content-Disposition": `attachment; filename="a.txt"`})
}

// begin creates a resumable upload, and returns its URL.
func (s *refusedSite) begin(t *testing.T) string {
	t.Helper()
	status, header := s.do(t, "POST", "/tus/", "", map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "7", "Upload-Metadata": "filename YS50eHQ="})
	if status != http.StatusCreated {
		t.Fatalf("creating an upload: %d", status)
	}
	return header.Get("Location")
}

// resume sends what is missing of a resumable upload.
func (s *refusedSite) resume(t *testing.T, path string) (int, http.Header) {
	t.Helper()
	status, header := s.do(t, "HEAD", path, "", map[string]string{"Tus-Resumable": "1.0.0"})
	if status != http.StatusOK {
		return status, header
	}
	offset, err := strconv.Atoi(header.Get("Upload-Offset"))
	if err != nil {
		t.Fatal(err)
	}
	return s.do(t, "PATCH", path, "content"[offset:], map[string]string{
		"Tus-Resumable": "1.0.0", "Upload-Offset": strconv.Itoa(offset), "Content-Type": "application/offset+octet-stream",
	})
}

// TestStorageErrors: whatever the disk says at whichever call, a client is told the same by both ways to upload, and can go on
// when the disk does.
func TestStorageErrors(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	s := newRefusedSite(t)
	s.url = "http://" + s.serve(t)
	for number, want := range storageErrors {
		s.refuse(t, map[string]syscall.Errno{"write": number}, number, want)
	}
	for _, number := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for _, call := range []string{"fsync", "fsyncdir", "link"} {
			s.refuse(t, map[string]syscall.Errno{call: number}, number, storageErrors[number])
		}
	}
	for _, number := range []syscall.Errno{syscall.ENAMETOOLONG, syscall.EILSEQ} {
		s.refuse(t, map[string]syscall.Errno{"link": number}, number, http.StatusBadRequest)
	}
	nowhere := map[string]syscall.Errno{"link": syscall.EPERM, "noreplace": syscall.EINVAL, "rename": syscall.EIO}
	s.refuse(t, nowhere, syscall.EIO, http.StatusServiceUnavailable)
}

// TestWebhookWithoutLocks: Django is told of an upload on a file system that has no locks, or locks only what may be written to.
func TestWebhookWithoutLocks(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	told := make(chan string, 1)
	application := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.URL.Path }))
	t.Cleanup(application.Close)
	t.Setenv("SIDECAR_UPLOAD_WEBHOOK", application.URL+"/hook")
	for name, refusals := range map[string]djangotest.Refusals{
		"none":              {Refuse: map[string]syscall.Errno{"flock": syscall.ENOLCK}},
		"for who may write": {WriteToLock: true}, // as NFS has it
	} {
		t.Run(name, func(t *testing.T) {
			s := newRefusedSite(t)
			s.disk.Tell(t, refusals)
			s.url = "http://" + s.serve(t)
			if status, _ := s.upload(t); status != http.StatusCreated {
				t.Fatalf("an upload: %d", status)
			}
			select {
			case path := <-told:
				if path != "/hook" {
					t.Errorf("Django is told at %s", path)
				}
			case <-time.After(30 * time.Second):
				t.Error("Django is told of nothing")
			}
		})
	}
}

// refuse has one upload of each kind refused.
func (s *refusedSite) refuse(t *testing.T, calls map[string]syscall.Errno, number syscall.Errno, want int) {
	t.Helper()
	what := fmt.Sprintf("%v (%v)", calls, number)
	begun := s.begin(t)
	before := len(filesBelow(t, s.root))
	s.disk.Tell(t, djangotest.Refusals{Refuse: calls})
	for endpoint, send := range map[string]func() (int, http.Header){
		"/upload": func() (int, http.Header) { return s.upload(t) },
		"/tus/":   func() (int, http.Header) { return s.resume(t, begun) },
	} {
		status, header := send()
		if status != want || (header.Get("Retry-After") != "") != (want == http.StatusServiceUnavailable) {
			t.Errorf("%s, %s: %d, to be tried again after %q; want %d", what, endpoint, status, header.Get("Retry-After"), want)
		}
	}
	if after := len(filesBelow(t, s.root)); after != before {
		t.Errorf("%s: there are %d files, and were %d", what, after, before)
	}
	s.disk.Tell(t, djangotest.Refusals{})
	if status, _ := s.resume(t, begun); status != http.StatusNoContent {
		t.Errorf("%s: afterwards /tus/ says %d", what, status)
	}
	if status, _ := s.upload(t); status != http.StatusCreated {
		t.Errorf("%s: afterwards /upload says %d", what, status)
	}
	if after := len(filesBelow(t, s.root)); after != before+2 {
		t.Errorf("%s: there are %d files, and were %d", what, after, before)
	}
}
