package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImageGetsThePackages: .dockerignore lets pass each folder that the program is compiled from, and no other.
func TestImageGetsThePackages(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var passed []string
	for line := range strings.Lines(string(ignored)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok && !strings.HasPrefix(name, "go.") {
			passed = append(passed, name)
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.Dir}}", "./cmd/django-sidecar")
	list.Dir = root
	packages, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var compiled []string
	for dir := range strings.FieldsSeq(string(packages)) {
		if inside, ok := strings.CutPrefix(dir, root+"/"); ok {
			folder, _, _ := strings.Cut(inside, "/")
			compiled = append(compiled, folder)
		}
	}
	slices.Sort(compiled)
	compiled = slices.Compact(compiled)
	slices.Sort(passed)
	if !slices.Equal(passed, compiled) {
		t.Errorf(".dockerignore lets %q pass, and the program is compiled from %q", passed, compiled)
	}
}
