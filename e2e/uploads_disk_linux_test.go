//go:build live

package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// chunkedUpload sends a form without its length, as far as it is read, and returns the answer.
func chunkedUpload(ctx context.Context, url, cookie, form string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, struct{ io.Reader }{strings.NewReader(form)})
	if err != nil {
		return 0, err
	}
	request.Header = http.Header{"Content-Type": {"multipart/form-data; boundary=+++++"}, "Cookie": {cookie}}
	client, closeIdle := newClient(30 * time.Second)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// TestUploadsOnAFullDisk: what has no room is refused and leaves nothing, and what has room is taken afterwards.
func TestUploadsOnAFullDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	disk := t.TempDir()
	djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, "size=16m")
	defer djangotest.Unmount(t, disk, unix.MNT_DETACH)
	site := newUploadSite(t, disk, uploadSettings())
	addr := site.serve(t)
	small, smallRest := uploadForm("small.txt", 1<<20)
	large, largeRest := uploadForm("large.txt", 32<<20)

	u := mustBegin(t, addr, site.cookie, large[:1000], len(large)+len(largeRest))
	if status, text, err := u.end(""); err != nil || status != http.StatusInsufficientStorage {
		t.Errorf("of a known length: got %d %s, %v", status, text, err)
	}
	site.wantNoUploads(t, "a known length")

	if status, err := chunkedUpload(t.Context(), "http://"+addr+"/upload", site.cookie, large+largeRest); err != nil || status != http.StatusInsufficientStorage {
		t.Errorf("of no known length: got %d, %v", status, err)
	}
	site.wantNoUploads(t, "no known length")

	u = mustBegin(t, addr, site.cookie, small, len(small)+len(smallRest)) // it has its room
	if err := os.WriteFile(disk+"/other", make([]byte, 32<<20), 0o600); err == nil {
		t.Error("the disk is not full")
	}
	status, text, err := u.end(smallRest)
	if err != nil || status != http.StatusInsufficientStorage && status != http.StatusCreated {
		t.Errorf("somebody else has filled the disk: got %d %s, %v", status, text, err)
	}
	t.Logf("an upload that was going on while somebody else filled the disk: %d", status)
	if status == http.StatusInsufficientStorage {
		site.wantNoUploads(t, "somebody else")
	}
	if err := os.Remove(disk + "/other"); err != nil {
		t.Fatal(err)
	}
	if status, text, err := mustBegin(t, addr, site.cookie, small, len(small)+len(smallRest)).end(smallRest); err != nil || status != http.StatusCreated {
		t.Errorf("afterwards: got %d %s, %v", status, text, err)
	}
}

// tusRequest sends a request without a body to /tus/, and returns the answer's status.
func tusRequest(t *testing.T, method, url, cookie string, header map[string]string) (status int, location string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Tus-Resumable", "1.0.0")
	request.Header.Set("Cookie", cookie)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	client, closeIdle := newClient(30 * time.Second)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode, response.Header.Get("Location")
}

// TestUploadsThatAreOnlyAnnounced: they take nothing of the disk, and nothing of what another user needs.
func TestUploadsThatAreOnlyAnnounced(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	disk := t.TempDir()
	djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, "size=64m,nr_inodes=1000")
	defer djangotest.Unmount(t, disk, unix.MNT_DETACH)
	site := newUploadSite(t, disk, map[string]string{
		"SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER": "20", "SIDECAR_UPLOAD_MIN_FREE": "1MiB",
	})
	addr := site.serve(t)
	free := func() int64 {
		var s unix.Statfs_t
		if err := unix.Statfs(disk, &s); err != nil {
			t.Fatal(err)
		}
		return int64(s.Bavail) * s.Bsize
	}
	before := free()
	announce := func(length string, want int) {
		t.Helper()
		if status, _ := tusRequest(t, "POST", "http://"+addr+"/tus/", site.cookie, map[string]string{"Upload-Length": length}); status != want {
			t.Errorf("an upload of %s: %d, want %d", length, status, want)
		}
	}
	for range 5 {
		announce("12582912", http.StatusCreated)
	}
	announce("12582912", http.StatusInsufficientStorage) // more than the disk has
	announce("1099511627776", http.StatusRequestEntityTooLarge)
	for range 15 {
		announce("1", http.StatusCreated)
	}
	announce("1", http.StatusTooManyRequests)
	if taken := before - free(); taken > 1<<20 {
		t.Errorf("uploads without a byte take %d", taken)
	}
	form, rest := uploadForm("of-another.txt", 20<<20)
	if status, text, err := mustBegin(t, addr, site.other, form, len(form)+len(rest)).end(rest); err != nil || status != http.StatusCreated {
		t.Errorf("another user: got %d %s, %v", status, text, err)
	}
	if status, _ := tusRequest(t, "POST", "http://"+addr+"/tus/", site.other, map[string]string{"Upload-Length": "10000000"}); status != http.StatusCreated {
		t.Errorf("another user's resumable upload: got %d", status)
	}
}

// TestResumableUploadsAreCounted: what brings a body counts, however it is sent.
func TestResumableUploadsAreCounted(t *testing.T) {
	site := newUploadSite(t, t.TempDir(), map[string]string{"SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER": "1"})
	addr := site.serve(t)
	url := "http://" + addr
	_, location := tusRequest(t, "POST", url+"/tus/", site.cookie, map[string]string{"Upload-Length": "0"})
	if location == "" {
		t.Fatal("an upload without bytes is not created")
	}
	_, location = tusRequest(t, "POST", url+"/tus/", site.cookie, map[string]string{"Upload-Length": "10"})
	form, rest := uploadForm("slow.txt", 1<<20)
	u := mustEnter(t, addr, site.cookie, len(form)+len(rest))
	if status, _ := tusRequest(t, "PATCH", url+location, site.cookie, map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}); status != http.StatusTooManyRequests {
		t.Errorf("a second one of the same user: got %d", status)
	}
	if status, _ := tusRequest(t, "HEAD", url+location, site.cookie, nil); status != http.StatusOK {
		t.Errorf("HEAD brings no body: got %d", status)
	}
	if status, _ := tusRequest(t, "POST", url+"/tus/", site.other, map[string]string{"Upload-Length": "1"}); status != http.StatusCreated {
		t.Errorf("another user: got %d", status)
	}
	if status, text, err := u.end(form + rest); err != nil || status != http.StatusCreated {
		t.Errorf("the first: got %d %s, %v", status, text, err)
	}
	waitFor(t, 30*time.Second, "counting it no more", func() bool {
		status, _ := tusRequest(t, "PATCH", url+location, site.cookie, map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
		return status == http.StatusNoContent
	})
}

// TestUploadsOnAReadOnlyDisk: MEDIA_ROOT becomes read-only while a file comes, and is again as it was.
func TestUploadsOnAReadOnlyDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	disk := t.TempDir()
	djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, "size=64m")
	defer djangotest.Unmount(t, disk, unix.MNT_DETACH)
	site := newUploadSite(t, disk, uploadSettings())
	addr := site.serve(t)
	first, rest := uploadForm("file.txt", 1<<20)
	length := len(first) + len(rest)
	u := mustBegin(t, addr, site.cookie, first, length)
	djangotest.Mount(t, site.root, site.root, "", unix.MS_BIND, "")
	djangotest.Mount(t, "", site.root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	if status, text, err := u.end(rest); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("one that was going on: got %d %s, %v", status, text, err)
	}
	if status, text, err := mustBegin(t, addr, site.cookie, first, length).end(rest); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("a new one: got %d %s, %v", status, text, err)
	}
	site.wantNoUploads(t, "a read-only disk")
	djangotest.Unmount(t, site.root, unix.MNT_DETACH)
	if status, text, err := mustBegin(t, addr, site.cookie, first, length).end(rest); err != nil || status != http.StatusCreated {
		t.Errorf("afterwards: got %d %s, %v", status, text, err)
	}
}
