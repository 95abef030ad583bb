//go:build live && clock

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// clockMachine is a machine whose wall clock may be set.
var clockMachine = djangotest.Machine{
	Test: "TestClockJumps", Tags: "live,clock", Memory: "512M",
	Prepare: func(string) error {
		return errors.Join(os.MkdirAll("/dev/shm", 0o755), unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777"))
	},
	Env: []string{"HOME=/dev/shm", "TMPDIR=/dev/shm", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
}

func init() { clockMachine.AddTo(roles) }

// TestClockJumps sets the wall clock of the machine on which PostgreSQL and the sidecar run, under load.
func TestClockJumps(t *testing.T) {
	if djangotest.InMachine() == "" {
		clockMachine.Run(t, roles)
		return
	}
	jumpClock(t)
}

// setClock moves the wall clock.
func setClock(t *testing.T, by time.Duration) {
	t.Helper()
	to := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
	if err := unix.Settimeofday(&to); err != nil {
		t.Fatal(err)
	}
}

// jumpClock: sessions end by the clock that was set, as Django's do, whether their verdicts are kept or not. Nothing else
// follows it: each answer comes, and in time.
func jumpClock(t *testing.T) {
	r := newRig(t, 10*time.Second, nil)
	keeps := r.another(t, map[string]string{"SIDECAR_CACHE_TTL": "5m"})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	want := func(when string, want int) { // of a session that lives for an hour
		t.Helper()
		for _, r := range []*rig{r, keeps} {
			waitFor(t, time.Minute, fmt.Sprint(when, ": ", want), func() bool { return r.status(t, client, r.live[0]) == want })
		}
	}
	want("at first", http.StatusOK)
	setClock(t, 2*time.Hour)
	want("two hours later", http.StatusUnauthorized)
	setClock(t, -2*time.Hour)
	want("two hours earlier", http.StatusOK)
	keeps.stop()
	r.live = r.live[:3] // the machine is slow
	l := r.load(t)
	defer l.running.Wait()
	defer l.stop()
	for _, by := range []time.Duration{-30 * time.Minute, 30 * time.Minute} {
		l.endure(t, fault{by.String(), func(t *testing.T, _ *rig) func() {
			setClock(t, by)
			return nil
		}, false, false}, time.Second)
	}
}
