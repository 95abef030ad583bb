//go:build live

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// fillDisk moves the sessions to a disk of their own, and fills it to the last row. What it returns makes room again.
func (r *rig) fillDisk(t *testing.T) (makeRoom func()) {
	t.Helper()
	data := r.db.ExecAsSuperuser(t, "SHOW data_directory")
	owner, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(filepath.Dir(data), "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, "size=1m,mode=0700")
	t.Cleanup(func() { djangotest.Unmount(t, disk, unix.MNT_DETACH) })
	server, ok := owner.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("nobody owns %s", data)
	}
	if err := os.Chown(disk, int(server.Uid), int(server.Gid)); err != nil {
		t.Fatal(err)
	}
	// The rows are smaller than those of sessions, and no dead one is left: no page has room for another version of a session.
	r.db.ExecAsSuperuser(t, "CREATE TABLESPACE disk LOCATION '"+disk+`';
		ALTER TABLE django_session SET (autovacuum_enabled = off);
		ALTER TABLE django_session SET TABLESPACE disk;
		VACUUM FULL django_session;
		DO $$ BEGIN
			FOR n IN 1..1000000 LOOP
				INSERT INTO django_session VALUES ('filling' || n, '', now());
			END LOOP;
			RAISE 'the disk is not full';
		EXCEPTION WHEN disk_full THEN NULL;
		END $$`)
	return func() { djangotest.Mount(t, "tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=32m") }
}

// TestWritingOnAFullDisk: sessions that have no room are a 503, and nothing of them is written. Who only asks is answered
// at once, and who logs out is logged out: to delete takes no room.
func TestWritingOnAFullDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	r := newWritingRig(t, newCluster(t, 4*time.Second), nil)
	makeRoom := r.fillDisk(t)
	last := len(r.live) - 1
	const sessions = "SELECT session_key, expire_date FROM django_session WHERE session_key NOT LIKE 'filling%' ORDER BY 1"
	before := r.db.ExecAsSuperuser(t, sessions)
	for range 3 {
		if status, answer := r.post(t, "/touch", r.live[0], ""); status != http.StatusServiceUnavailable {
			t.Errorf("a touch: %d %s", status, answer)
		}
		if status, answer := r.post(t, "/login", "", sesame); status != http.StatusServiceUnavailable {
			t.Errorf("a login: %d %s", status, answer)
		}
		r.wantAnswersAtOnce(t)
	}
	if after := r.db.ExecAsSuperuser(t, sessions); after != before {
		t.Errorf("the sessions were\n%s\nand are\n%s", before, after)
	}
	if status, answer := r.post(t, "/logout", r.live[last], ""); status != http.StatusNoContent {
		t.Errorf("a logout: %d %s", status, answer)
	}
	if status, _ := r.post(t, "/touch", r.live[last], ""); status != http.StatusUnauthorized {
		t.Errorf("a touch after the logout: %d", status)
	}
	makeRoom()
	r.live = r.live[:last]
	if status, answer := r.post(t, "/touch", r.live[0], ""); status != http.StatusOK {
		t.Errorf("a touch afterwards: %d %s", status, answer)
	}
	if status, answer := r.post(t, "/login", "", sesame); status != http.StatusOK {
		t.Errorf("a login afterwards: %d %s", status, answer)
	}
	r.wantDrained(t)
}
