//go:build live

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/settingsscript"
)

// compareByScript has settings-script find out what the test knows of the deployment. A sidecar with these settings
// alone must give Django's verdicts.
func (p profile) compareByScript(t *testing.T, django *djangotest.Django, cookies []djangotest.Cookie, want []djangotest.GetUserResult) {
	t.Helper()
	dir := t.TempDir()
	program, err := settingsscript.Program(settingsscript.Options{Format: "dotenv", Directory: dir, PlainSecret: true})
	if err != nil {
		t.Fatal(err)
	}
	printed, code := django.Run(program)
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if last := lines[len(lines)-1]; code != 0 || !strings.HasPrefix(last, "ready") {
		t.Errorf("settings-script: code %d\n%s", code, printed)
		return
	}
	onlyWritten(t, dir)
	sidecar := startSidecar(t)
	const most = 60
	for i, c := range cookies[:min(most, len(cookies))] {
		if user, status := sidecar.ask(t, c.Raw); text(user) != text(want[i].User) || status >= 500 {
			t.Errorf("%s: with the settings of settings-script %s (status %d), Django %s says %s\n%s",
				c.Note, text(user), status, django.Django, text(want[i].User), printed)
		}
	}
}

// onlyWritten sets the environment to what settings-script has written into a folder, and to nothing else.
func onlyWritten(t *testing.T, dir string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DJANGO_") || strings.HasPrefix(name, "DATABASE_URL") || strings.HasPrefix(name, "SIDECAR_CACHE") {
			t.Setenv(name, "")
		}
	}
	written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(written)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("no setting: %q", line)
		}
		t.Setenv(name, value)
	}
}
