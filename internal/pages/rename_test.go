package pages_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRenameModule: tools/rename-module.sh gives the module another path in imports, go.mod files, import rules and
// pages, and nowhere else: the program has the module's name, and says it to databases and web servers.
func TestRenameModule(t *testing.T) {
	const old, renamed = "django-sidecar", "example.org/sites/sidecar"
	dir := copyOfTheTree(t)
	runIn(t, dir, filepath.Join(dir, "tools", "rename-module.sh"), renamed)

	// go list fails where an import leads nowhere.
	packages := strings.Fields(runIn(t, dir, "go", "list", "-test", "-deps", "-tags", "live,gateways,browser,bench", "./..."))
	for _, path := range packages {
		if path == old || strings.HasPrefix(path, old+"/") {
			t.Errorf("%s is a package still", path)
		}
	}
	// Those of the other modules are looked for, since their dependencies may not be here.
	stays := regexp.MustCompile(`(^|[^\w./-])` + old + `/(djangosite|djangosession|signing|handlers|internal|cmd)\b|(?m:^(module|require|replace|\t)\s*` + old + `[ /])`)
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch name := d.Name(); {
		case strings.HasSuffix(name, ".go") && name != "rename_test.go", strings.HasSuffix(name, ".md"), name == "go.mod", name == ".golangci.yml":
			text, err := os.ReadFile(at)
			if found := stays.Find(text); found != nil {
				t.Errorf("%s has %q", strings.TrimPrefix(at, dir), found)
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"docs/library.md":                              `"` + renamed + `/djangosite"`,
		"examples/service/go.mod":                      "replace " + renamed + " => ../..",
		"tools/release/go.mod":                         "module " + renamed + "/tools/release",
		"internal/upload/webhook/post.go":              `"User-Agent", "` + old + `"`,
		"internal/database/postgres.go":                `"` + old + `",`,
		"internal/config/settings_own.go":              `otherwise:"` + old + `"`,
		"internal/djangotest/refusingfs.go":            `"` + old + `/mfusepy"`,
		"internal/upload/webhook/options.go":           `"` + old + `.upload"`,
		"djangosite/api_test.go":                       `"` + renamed + `/"`,
		"deploy/kustomize/overlays/django/django.yaml": old + `/inject`,
	} {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, and no %s", path, err, want)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "docs/library.md"))
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile(filepath.Join(dir, "examples/service/main.go"))
	if err != nil || !strings.Contains(string(page), string(main)) {
		t.Errorf("docs/library.md does not show the example: %v", err)
	}
}

// copyOfTheTree copies what the repository consists of, without its history and what was built.
func copyOfTheTree(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, at)
		switch {
		case err != nil:
			return err
		case name == ".git" && !d.IsDir():
			return nil
		case name == ".git" || name == "bin" || name == "dist" || d.Name() == "node_modules" || d.Name() == "__pycache__":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o750)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// runIn returns what a program prints that is run in a folder.
func runIn(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%.2000s", program, args, err, errors.String())
	}
	return string(out)
}
