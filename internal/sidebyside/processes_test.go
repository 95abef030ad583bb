//go:build bench

package sidebyside

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// process is what /proc/<pid>/stat says of one.
type process struct {
	pid, parent, group int
	own, ended         time.Duration // processor time of its own, and of its children that have ended
}

// processes are all that there are.
func processes(t *testing.T) []process {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var all []process
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		number := func(field string) int {
			n, err := strconv.Atoi(field)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			return n
		}
		const tick = time.Second / 100                                            // on Linux
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // proc(5), from the third on
		all = append(all, process{
			pid: number(filepath.Base(filepath.Dir(path))), parent: number(fields[1]), group: number(fields[2]),
			own:   time.Duration(number(fields[11])+number(fields[12])) * tick,
			ended: time.Duration(number(fields[13])+number(fields[14])) * tick,
		})
	}
	return all
}

// serverTime is the processor time of a process and of all in its group.
func serverTime(t *testing.T, group int) time.Duration {
	t.Helper()
	var total time.Duration
	for _, p := range processes(t) {
		if p.group == group {
			total += p.own
		}
	}
	return total
}

// databaseTime is the processor time of a postmaster and its children, those included that have ended: where each
// request has a connection of its own, most have.
func databaseTime(t *testing.T, postmaster int) time.Duration {
	t.Helper()
	var total time.Duration
	for _, p := range processes(t) {
		switch {
		case p.pid == postmaster:
			total += p.own + p.ended
		case p.parent == postmaster:
			total += p.own
		}
	}
	return total
}

// residentMiB is what a group of processes has in memory, VmRSS, or has had at most, VmHWM. What several of them share is
// counted for each.
func residentMiB(t *testing.T, group int, field string) float64 {
	t.Helper()
	total := 0
	for _, p := range processes(t) {
		if p.group != group {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
		if match == nil {
			t.Fatalf("no %s in %s", field, status)
		}
		n, err := strconv.Atoi(string(match[1]))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return float64(total) / 1024
}
