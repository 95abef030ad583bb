//go:build live

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestResumableUploadsSurviveKills: the sidecar is killed in place of a call that changes something while it publishes a resumable
// upload, in each way to give a file its name. The next one goes on with it, and there is one whole file. Package media's tests try
// each call.
func TestResumableUploadsSurviveKills(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	program, s := sidecarProgram(t), newRefusedSite(t)
	for way, calls := range map[string]map[string]syscall.Errno{
		"a link": nil, "a rename": {"link": syscall.EPERM}, "a reservation": {"link": syscall.EPERM, "noreplace": syscall.EINVAL},
	} {
		s.disk.Tell(t, djangotest.Refusals{Refuse: calls})
		killed := 0
		for n := 3; s.killedAt(t, program, way, calls, n); n += 4 {
			killed++
		}
		if t.Logf("%s: killed %d times", way, killed); killed < 3 {
			t.Error("these are not all")
		}
	}
}

// killedAt kills a sidecar in place of its nth call, and looks at what it has left and at how the next one goes on. It is false where the
// upload has come to its end before.
func (s *refusedSite) killedAt(t *testing.T, program, way string, calls map[string]syscall.Errno, n int) bool {
	t.Helper()
	admin := filepath.Join(t.TempDir(), "admin.sock")
	start := func() (end func()) {
		addr := djangotest.FreeAddr(t)
		process := startServing(t, program, addr, admin)
		s.url = "http://" + addr
		s.pid = process.Pid()
		return func() {
			_ = process.Signal(syscall.SIGKILL) // it may have ended
			<-process.Exited()
		}
	}
	end := start()
	path := s.begin(t)
	s.disk.Tell(t, djangotest.Refusals{Refuse: calls, Kill: &djangotest.KillAt{PID: s.pid, At: n}})
	// FUSE gives back the lock of a file a moment after it has been closed, and a slow store is 503. A client tries again.
	status := 0 // where it was killed
	waitFor(t, time.Minute, fmt.Sprintf("%s: the end of an upload, or of the sidecar at call %d", way, n), func() bool {
		status, _ = s.resume(t, path)
		return status == http.StatusNoContent || status == 0
	})
	end()
	s.disk.Tell(t, djangotest.Refusals{Refuse: calls})
	defer func() {
		if err := os.RemoveAll(filepath.Join(s.root, "uploads")); err != nil {
			t.Fatal(err)
		}
	}()
	switch status {
	case http.StatusNoContent:
		return false
	case 0:
	default:
		t.Errorf("%s, to be killed at call %d: it says %d", way, n, status)
		return false
	}
	for name, bytes := range filesBelow(t, s.root) {
		if bytes != 7 && (way != "a reservation" || bytes != 0) {
			t.Errorf("%s, killed at call %d: %s has %d bytes", way, n, name, bytes)
		}
	}
	end = start()
	waitFor(t, time.Minute, fmt.Sprintf("%s, killed at call %d: the end of an upload", way, n), func() bool {
		status, header := s.resume(t, path)
		return status == http.StatusNoContent && header.Get("Upload-Name") != ""
	})
	end()
	// The sweep at a start leaves what is locked still. The next one comes after ten minutes, or at the next start.
	waitFor(t, 2*time.Minute, fmt.Sprintf("%s, killed at call %d: one whole file", way, n), func() bool {
		defer start()()
		for range 100 {
			if left := filesBelow(t, s.root); len(left) == 1 && slices.Contains(slices.Collect(maps.Values(left)), 7) {
				return true
			}
			during(50 * time.Millisecond)
		}
		return false
	})
	return true
}
