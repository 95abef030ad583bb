//go:build bench

package sidebyside

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// curves are the measurements of TestCurves.
type curves struct {
	*bench

	lastPort int
}

// firstPort is below the ports that kernels give to connections: with a hundred sidecars one would be taken otherwise.
const firstPort = 10_000

func (c *curves) address(t *testing.T) string {
	t.Helper()
	for c.lastPort++; c.lastPort < firstPort+5000; c.lastPort++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(c.lastPort))
		if listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr); err == nil {
			if err := listener.Close(); err != nil {
				t.Fatal(err)
			}
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// running is a server that answers.
type running struct {
	*djangotest.Process

	addr, admin string
}

func (r running) url() string { return "http://" + r.addr + sidecarPath }

// start starts a server on the core of the servers.
func (c *curves) start(t *testing.T, cmd *exec.Cmd, addr string) running {
	t.Helper()
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append([]string{"taskset", "-c", *serverCore, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = taskset
	process := djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	return running{Process: process, addr: addr}
}

func (c *curves) startSidecar(t *testing.T, more ...string) running {
	t.Helper()
	addr, admin := c.address(t), c.address(t)
	r := c.start(t, c.sidecarServer(c.sidecar, append(more, "SIDECAR_ADMIN_LISTEN="+admin)...)(addr), addr)
	r.admin = admin
	return r
}

func (r running) stop(t *testing.T) {
	t.Helper()
	if err := r.Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// metric is what a sidecar says of itself.
func (r running) metric(t *testing.T, name string) float64 {
	t.Helper()
	response, err := http.Get("http://" + r.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// awaitMetric asks until a metric has a value.
func (r running) awaitMetric(t *testing.T, name string, want float64) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); r.metric(t, name) != want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, not %v", name, r.metric(t, name), want)
		}
	}
}

// mix is what is asked for.
type mix struct {
	sessions, base int     // in the table, and of these in the first block; see curveKey
	warm           int     // how many are asked for again and again
	chance         float64 // that one of these is asked for
	asked          int     // how many others were asked for before
	connections    int
	seconds        float64
}

// wrkMix is bench.wrk for a mix.
func (c *curves) wrkMix(t *testing.T, url string, m mix) sample {
	t.Helper()
	cmd := exec.Command("taskset", "-c", *loadCore, "wrk", "--threads=1", fmt.Sprintf("--connections=%d", m.connections),
		fmt.Sprintf("--duration=%d", int(m.seconds)), "--timeout=10", "--script="+filepath.Join(testdata(t), "curves.lua"), url, "--",
		strconv.Itoa(m.sessions), strconv.Itoa(m.base), strconv.Itoa(m.warm), fmt.Sprint(m.chance), strconv.Itoa(m.asked))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	match := measured.FindSubmatch(out)
	if match == nil {
		t.Fatalf("wrk said\n%s", out)
	}
	var n [7]int
	for i := 1; i < len(n); i++ {
		if n[i], err = strconv.Atoi(string(match[i])); err != nil {
			t.Fatal(err)
		}
	}
	if n[1] == 0 || n[5] != 0 || n[6] != 0 {
		t.Fatalf("wrk had %d answers, %d of them with another status than 2xx, and %d connections broke", n[1], n[5], n[6])
	}
	return sample{
		requests: n[1], seconds: float64(n[2]) / 1e6, p50: time.Duration(n[3]) * time.Microsecond, p99: time.Duration(n[4]) * time.Microsecond,
		load: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}
}

// underLoad is wrkMix with the processor time of the server and of the database.
func (c *curves) underLoad(t *testing.T, r running, m mix) sample {
	t.Helper()
	server, database := processorTime(t, r.Pid()), c.databaseTime(t)
	s := c.wrkMix(t, r.url(), m)
	s.server, s.database = processorTime(t, r.Pid())-server, c.databaseTime(t)-database
	return s
}

// checkOne asks for a session whose user is known.
func (c *curves) checkOne(t *testing.T, r running, n, base int) {
	t.Helper()
	want := strconv.Itoa(sessionUser((n-1)%base+1, *users))
	if answer := ask(t, r.url(), curveKey(n, base)); answer.status != http.StatusOK || answer.user(t) != want {
		t.Fatalf("session %d: got %d %s, want user %s", n, answer.status, answer.text, want)
	}
}

// curveKey is the key of session n. Where there are more than base, those after them are the same people's once more:
// their keys are of another block.
func curveKey(n, base int) string {
	place := ((n-1)%base + 1) * 611_953 % prime
	return fmt.Sprintf("%09d%09d", 100_000_000+place*899+(n-1)/base, place*104_729%1_000_000_000)
}

// processorTime is that of a process, finer than the hundredths of a second that /proc has.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	var at unix.Timespec
	const scheduled = 2 // CPUCLOCK_SCHED, see clock_getcpuclockid(3)
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &at); err != nil {
		t.Fatalf("the processor time of process %d: %v", pid, err)
	}
	return time.Duration(at.Nano())
}

// databaseTime is that of PostgreSQL. What has ended meanwhile is counted as coarsely as /proc does.
func (c *curves) databaseTime(t *testing.T) time.Duration {
	t.Helper()
	postmaster := c.cluster.process.Pid()
	var total time.Duration
	for _, p := range processes(t) {
		switch {
		case p.pid == postmaster:
			total += processorTime(t, p.pid) + p.ended
		case p.parent == postmaster:
			var at unix.Timespec
			if err := unix.ClockGettime(int32(^p.pid<<3|2), &at); err == nil { // else it has just ended
				total += time.Duration(at.Nano())
			}
		}
	}
	return total
}

// stayOffServers keeps this process, which is the load now, off the core of the servers.
func stayOffServers(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("taskset", "--all-tasks", "--cpu-list", "--pid", *loadCore, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		t.Fatalf("taskset: %v\n%s", err, out)
	}
}
