//go:build bench

package sidebyside

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is one run of a peer.
type sample struct {
	requests         int
	seconds          float64
	p50, p99         time.Duration
	server, database time.Duration // processor time
	transactions     float64       // a request, from the server's start on
	load             time.Duration // of the load generator; 0 where it is the server
	rss, peak        float64       // MiB
}

func (s sample) rate() float64 { return float64(s.requests) / s.seconds }

// each is a time per request, in microseconds.
func (s sample) each(total time.Duration) float64 {
	return float64(total) / float64(time.Microsecond) / float64(s.requests)
}

var measured = regexp.MustCompile(`measured requests=(\d+) microseconds=(\d+) p50=(\d+) p99=(\d+) bad_status=(\d+) broken=(\d+)`)

// wrk asks url for so many different sessions, from a place in their order on, and refuses a run with anything but good
// answers. Where that is all sessions, each is asked for once before any is again.
func (b *bench) wrk(t *testing.T, url string, from, asked int, seconds float64) sample {
	t.Helper()
	cmd := exec.Command("taskset", "-c", *loadCore, "wrk", "--threads=1", fmt.Sprintf("--connections=%d", *connections),
		fmt.Sprintf("--duration=%d", int(seconds)), "--timeout=10", "--script="+filepath.Join(testdata(t), "load.lua"),
		url, "--", strconv.Itoa(from), strconv.Itoa(*sessions), strconv.Itoa(asked))
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

var (
	transactions = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	failed       = regexp.MustCompile(`number of failed transactions: (\d+)`)
	perSecond    = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
)

// pgbench asks the database alone, over so many connections. On the core of the servers it is one of them.
func (b *bench) pgbench(t *testing.T, core string, clients int) sample {
	t.Helper()
	dir := t.TempDir()
	run := func(limit, ofSession, ofUser string) (string, *os.ProcessState) {
		script := filepath.Join(dir, "script")
		if err := os.WriteFile(script, []byte(pgbenchScript(ofSession, ofUser)), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("taskset", "-c", core, filepath.Join(b.cluster.bin, "pgbench"), "--no-vacuum", "--protocol=prepared",
			fmt.Sprintf("--client=%d", clients), "--jobs=1", limit, "--file="+script, "--log", "--log-prefix="+filepath.Join(dir, "latency"),
			"--sampling-rate=0.1", "--random-seed=1", b.cluster.url())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("pgbench: %v\n%s", err, out)
		}
		return string(out), cmd.ProcessState
	}
	run("--transactions=100", "1 / count(*)", "1 / count(*)") // fails where there is no such row
	const ofSession, ofUser = "session_data, expire_date", "id, password, username, email, is_active, is_staff, is_superuser"
	run(fmt.Sprintf("--time=%d", warmUp), ofSession, ofUser)
	b.removeLogs(t, dir)
	before, transactionsBefore := databaseTime(t, b.cluster.process.Pid()), b.cluster.transactions(t)
	out, state := run(fmt.Sprintf("--time=%d", int(*seconds)), ofSession, ofUser)
	s := sample{database: databaseTime(t, b.cluster.process.Pid()) - before}
	if core == *serverCore {
		s.server = state.UserTime() + state.SystemTime()
	} else {
		s.load = state.UserTime() + state.SystemTime()
	}
	count, errors := transactions.FindStringSubmatch(out), failed.FindStringSubmatch(out)
	rate := perSecond.FindStringSubmatch(out)
	if count == nil || rate == nil || errors != nil && errors[1] != "0" {
		t.Fatalf("pgbench said\n%s", out)
	}
	var err error
	if s.requests, err = strconv.Atoi(count[1]); err != nil {
		t.Fatal(err)
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	s.seconds = float64(s.requests) / perSecond
	s.transactions = float64(b.cluster.transactions(t)-transactionsBefore) / float64(s.requests)
	s.p50, s.p99 = latencies(t, dir)
	b.removeLogs(t, dir)
	return s
}

func (b *bench) removeLogs(t *testing.T, dir string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "latency*"))
	for _, log := range logs {
		err = errors.Join(err, os.Remove(log))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// latencies are the percentiles of the transactions that pgbench has logged: a tenth of all.
func latencies(t *testing.T, dir string) (p50, p99 time.Duration) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "latency*"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("pgbench wrote %d logs, %v", len(logs), err)
	}
	f, err := os.Open(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it is read
	var all []int
	for lines := bufio.NewScanner(f); lines.Scan(); {
		n, err := strconv.Atoi(strings.Fields(lines.Text())[2])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	if len(all) == 0 {
		t.Fatal("pgbench logged nothing")
	}
	slices.Sort(all)
	return time.Duration(all[len(all)/2]) * time.Microsecond, time.Duration(all[len(all)*99/100]) * time.Microsecond
}
