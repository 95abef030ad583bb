package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestLinksNoDriver: but for packages of django-sidecar, the program links the standard library alone.
func TestLinksNoDriver(t *testing.T) {
	for path := range strings.FieldsSeq(run(t, "list", "-deps", "main.go")) {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			t.Errorf("the program links %s", path)
		}
	}
}

// TestOneLineChanges: the same program reads the tables, with one line and its imports changed.
func TestOneLineChanges(t *testing.T) {
	asks, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	const ask = `guard.Ask("http://127.0.0.1:8100", guard.AskOptions{})`
	reads := strings.NewReplacer(
		ask, "djangosite.FromEnv(context.Background())",
		"import (", `import ("context"; "django-sidecar/djangosite"; `,
	).Replace(string(asks))
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(reads), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "vet", path)
	if !strings.Contains(run(t, "list", "-deps", path), "github.com/lib/pq\n") {
		t.Error("what reads the tables links no driver: the test changes nothing")
	}
}
