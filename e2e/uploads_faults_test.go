//go:build live

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// newUploadRig is a rig that takes uploads, and its site.
func newUploadRig(t *testing.T) (*rig, *uploadSite) {
	t.Helper()
	base := t.TempDir()
	s := &uploadSite{root: filepath.Join(base, "media"), state: filepath.Join(base, "state")}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		t.Fatal(err)
	}
	return newRig(t, 6*time.Second, map[string]string{
		"DJANGO_MEDIA_ROOT": s.root, "SIDECAR_UPLOAD_STATE_DIR": s.state, "SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER": "0",
	}), s
}

func (r *rig) addr() string { return strings.TrimPrefix(r.url, "http://") }

func (r *rig) begin(t *testing.T, key, first string, length int) *slowUpload {
	t.Helper()
	u, err := beginUpload(t.Context(), r.addr(), "sessionid="+key, first, length)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// inFlight waits until so many uploads are going on, as the metrics have it.
func (r *rig) inFlight(t *testing.T, want int) {
	t.Helper()
	waitFor(t, 30*time.Second, fmt.Sprintf("%d uploads going on", want), func() bool {
		return strings.Contains(metricsOf(t, r.admin), fmt.Sprintf("\ndjango_sidecar_uploads_in_flight %d\n", want))
	})
}

// TestUploadsThatLoseTheirClient: one that goes at any byte leaves nothing.
func TestUploadsThatLoseTheirClient(t *testing.T) {
	r, site := newUploadRig(t)
	first, rest := uploadForm("file.txt", 300<<10)
	whole := first + rest
	for n := range 200 {
		at := rand.IntN(len(whole))
		if n%4 == 0 { // within the last boundary, where little is missing
			at = len(whole) - 1 - rand.IntN(20)
		}
		u := r.begin(t, r.live[n%len(r.live)], whole[:at], len(whole))
		if n%2 == 0 {
			u.cut()
		} else if status, text, err := endWriting(u); err != nil || status != http.StatusBadRequest {
			t.Errorf("after %d bytes of %d: %d %s, %v", at, len(whole), status, text, err)
		}
	}
	r.inFlight(t, 0)
	// A request that has come may not have been begun yet.
	waitFor(t, 30*time.Second, "nothing left", func() bool { return len(filesBelow(t, site.root))+len(filesBelow(t, site.state)) == 0 })
	site.wantNoUploads(t, "cut connections")
}

// TestUploadsThatLoseTheirSession: who is logged out while the file comes stores nothing, and is told so.
func TestUploadsThatLoseTheirSession(t *testing.T) {
	r, site := newUploadRig(t)
	for n, tt := range []struct {
		name   string
		during func(t *testing.T, key string)
		want   int
	}{
		{"logged out", func(t *testing.T, key string) {
			r.db.Exec(t, "DELETE FROM django_session WHERE session_key = '"+key+"'")
		}, 401},
		{"expired", func(t *testing.T, key string) {
			r.db.Exec(t, "UPDATE django_session SET expire_date = now() - interval '1 second' WHERE session_key = '"+key+"'")
		}, 401},
		{"password changed", func(t *testing.T, _ string) { r.db.Exec(t, "UPDATE auth_user SET password = 'another' WHERE id = 3") }, 401},
		{"deactivated", func(t *testing.T, _ string) { r.db.Exec(t, "UPDATE auth_user SET is_active = false WHERE id = 4") }, 401},
		{"removed", func(t *testing.T, _ string) { r.db.Exec(t, "DELETE FROM auth_user WHERE id = 5") }, 401},
		{"database down", func(*testing.T, string) { r.proxy.SetMode(djangotest.Refuse()) }, 503},
		{"database silent", func(*testing.T, string) { r.proxy.SetMode(djangotest.BlackHole()) }, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, rest := uploadForm("file.txt", 1<<20)
			u := r.begin(t, r.live[n], first, len(first)+len(rest))
			r.inFlight(t, 1)
			tt.during(t, r.live[n])
			status, text, err := u.end(rest)
			if err != nil || status != tt.want || !strings.Contains(text, `"result":false`) {
				t.Errorf("got %d %s, %v; want %d", status, text, err, tt.want)
			}
			r.proxy.SetMode(djangotest.Pass())
			site.wantNoUploads(t, tt.name)
		})
	}
	waitFor(t, 30*time.Second, "an upload after all that", func() bool {
		first, rest := uploadForm("file.txt", 1<<20)
		status, _, err := r.begin(t, r.live[10], first, len(first)+len(rest)).end(rest)
		return err == nil && status == http.StatusCreated
	})
}

// TestUploadsDuringAStop: an upload that ends in time is stored, and the sidecar waits for it; the others leave nothing.
func TestUploadsDuringAStop(t *testing.T) {
	r, site := newUploadRig(t)
	first, rest := uploadForm("file.txt", 1<<20)
	finished := r.begin(t, r.live[0], first, len(first)+len(rest))
	gone := r.begin(t, r.live[1], first, len(first)+len(rest))
	r.inFlight(t, 2)
	r.stop()
	waitFor(t, 30*time.Second, "a closed listener", func() bool {
		u, err := beginUpload(t.Context(), r.addr(), "", "", 0)
		if err == nil {
			u.cut()
		}
		return err != nil
	})
	status, text, err := finished.end(rest)
	if err != nil || status != http.StatusCreated && status != http.StatusServiceUnavailable {
		t.Errorf("got %d %s, %v", status, text, err)
	}
	t.Logf("an upload that went on during the stop got %d", status)
	gone.cut()
	<-r.stopped
	left := filesBelow(t, site.root)
	for name, size := range left {
		if status != http.StatusCreated || size != 1<<20 {
			t.Errorf("left: %s of %d bytes", name, size)
		}
	}
	if len(left) > 1 || len(filesBelow(t, site.state)) > 0 {
		t.Errorf("left: %v", left)
	}
}
