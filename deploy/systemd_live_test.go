//go:build live

package deploy_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/config"
)

const unitFile = "systemd/django-sidecar.service"

// values are those of a key of the unit, one a line.
func valuesOfUnit(t *testing.T, key string) (values []string) {
	t.Helper()
	unit, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(string(unit), -1) {
		values = append(values, found[1])
	}
	if len(values) == 0 {
		t.Fatalf("%s has no %s", unitFile, key)
	}
	return values
}

func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "django-sidecar")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-C", "..", "-buildvcs=false", "-o", program, "./cmd/django-sidecar").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// TestUnit: systemd knows each line of the unit, and finds little that the service may do beyond its work.
func TestUnit(t *testing.T) {
	raw, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	// It is not installed here.
	unit := filepath.Join(t.TempDir(), "django-sidecar.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(raw, []byte("/usr/bin/django-sidecar"), []byte("/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, output)
	}
	// Tenths: of its ten points of exposure, 1.5 are too many.
	if output, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, output)
	}
}

// TestUnitStops: the unit waits for as long as a stop may take, and does not start wrong settings again and again.
func TestUnitStops(t *testing.T) {
	needs := 20 * time.Second // for what runs, besides uploads
	for _, s := range config.Settings() {
		if s.Name == "SIDECAR_DRAIN_DELAY" || s.Name == "SIDECAR_UPLOAD_DRAIN" {
			d, err := time.ParseDuration(s.Default)
			if err != nil {
				t.Fatal(err)
			}
			needs += d
		}
	}
	stop, err := time.ParseDuration(valuesOfUnit(t, "TimeoutStopSec")[0])
	if err != nil || stop <= needs {
		t.Errorf("TimeoutStopSec is %v (%v), and a stop may take %v", stop, err, needs)
	}
	cmd := exec.CommandContext(t.Context(), buildProgram(t), strings.Fields(valuesOfUnit(t, "ExecStart")[0])[1:]...)
	cmd.Env = []string{}
	if err := cmd.Run(); err == nil || valuesOfUnit(t, "RestartPreventExitStatus")[0] != "2" || cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("without settings it ends with %v, and the unit does not restart after %q", err, valuesOfUnit(t, "RestartPreventExitStatus"))
	}
}

// setOf are the system calls of a set of systemd's, those of the sets in it included.
func setOf(t *testing.T, name string) map[string]bool {
	t.Helper()
	if !strings.HasPrefix(name, "@") {
		return map[string]bool{name: true}
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "syscall-filter", name).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	calls := map[string]bool{}
	for _, line := range strings.Split(string(out), "\n")[1:] {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			maps.Copy(calls, setOf(t, line))
		}
	}
	return calls
}

// TestUnitAllowsSystemCalls: whatever the sidecar asks of the kernel while it starts, answers, takes a file and stops, the unit's filter lets through.
func TestUnitAllowsSystemCalls(t *testing.T) {
	allowed := setOf(t, "@default")
	for _, filter := range valuesOfUnit(t, "SystemCallFilter") {
		names, deny := strings.CutPrefix(filter, "~")
		for name := range strings.FieldsSeq(names) {
			for call := range setOf(t, name) {
				allowed[call] = !deny
			}
		}
	}
	used := systemCalls(t, buildProgram(t))
	if len(used) < 40 {
		t.Errorf("only %q were seen", used)
	}
	for _, call := range used {
		// What raises limits may be refused, and everything goes on with those that there are.
		if !allowed[call] && call != "prlimit64" && call != "setrlimit" {
			t.Errorf("the filter of the unit refuses %s", call)
		}
	}
}

// systemCalls are those of a demo that has been asked, has stored a file, and was stopped.
func systemCalls(t *testing.T, program string) (names []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	const script = `
trap 'kill $demo; wait $demo' EXIT
env SIDECAR_LISTEN=unix:$PWD/public SIDECAR_ADMIN_LISTEN=unix:$PWD/admin strace -D -f -o calls "$0" demo >printed 2>log & demo=$!
until [ "$("$0" healthcheck)" = ready ]; do sleep 0.1; done 2>/dev/null
cookie=$(sed -n "s/.*-H '\(Cookie: [^']*\)'.*/\1/p" printed | head -n 1)
curl -sS --fail --unix-socket public -H "$cookie" http://sidecar/authenticate
curl -sS --fail --unix-socket public -H "$cookie" -F file=@printed http://sidecar/upload`
	cmd := exec.CommandContext(ctx, "bash", "-euc", script, program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SIDECAR_ADMIN_LISTEN=unix:"+dir+"/admin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if output, err := cmd.CombinedOutput(); err != nil || strings.Count(string(output), `"result":true`) != 2 {
		t.Fatalf("%v\n%s", err, output)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^\d+ +([a-z_0-9]+)\(`).FindAllStringSubmatch(string(calls), -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
