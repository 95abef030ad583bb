package config_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the machine under test may have no zones of its own

	"django-sidecar/internal/config"
)

const (
	goodKey = "k3y-for-tests-only-0123456789-abcdefghijklmnopqrstuv"
	goodURL = "postgres://sidecar:pa55word@db.example:5432/shop"
)

// env is an environment; "" sets an empty variable.
type env map[string]string

// required is the least that is no fault.
func required() env { return env{"DJANGO_SECRET_KEY": goodKey, "DATABASE_URL": goodURL} }

// with is required and more.
func with(more env) env {
	e := required()
	maps.Copy(e, more)
	return e
}

// load reads the settings from e and nothing else: what the machine itself has set is hidden until the test ends.
func load(t *testing.T, e env) (*config.Config, error) {
	t.Helper()
	hide := map[string]bool{}
	for _, s := range config.Settings() {
		plain := strings.TrimPrefix(s.Name, "DJANGO_")
		hide[s.Name], hide[plain], hide["DJANGO_"+plain] = true, true, true
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "SIDECAR_") {
			hide[name] = true
		}
	}
	for name := range hide {
		t.Setenv(name, "") // so that it is restored
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range e {
		t.Setenv(name, text)
	}
	return config.FromProcess()
}

// mustLoad is load where no fault is expected.
func mustLoad(t *testing.T, e env) *config.Config {
	t.Helper()
	c, err := load(t, e)
	if err != nil {
		t.Fatalf("unexpected faults:\n%v", err)
	}
	return c
}

// faultsOf is load where faults are expected.
func faultsOf(t *testing.T, e env) []config.Fault {
	t.Helper()
	c, err := load(t, e)
	var faults *config.Error
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want a *config.Error", err)
	}
	if c != nil {
		t.Error("there is a Config beside the error")
	}
	return faults.Faults
}

// wantFault expects one fault, with that name and a problem and example that hold these texts.
func wantFault(t *testing.T, e env, name, problem, example string) {
	t.Helper()
	faults := faultsOf(t, e)
	if len(faults) != 1 {
		t.Fatalf("got %d faults, want 1: %v", len(faults), faults)
	}
	f := faults[0]
	if f.Name != name || !strings.Contains(f.Problem, problem) || !strings.Contains(f.Example, example) || f.Example == "" {
		t.Errorf("got  %v\nwant name %q, problem with %q, example with %q", f, name, problem, example)
	}
}

// wantWarning expects one warning that holds the text.
func wantWarning(t *testing.T, c *config.Config, text string) {
	t.Helper()
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], text) {
		t.Errorf("got the warnings %q, want one with %q", c.Warnings, text)
	}
}

// write makes a file in a new folder, and yields its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	overwrite(t, path, content)
	return path
}

func overwrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reveal is the texts of secrets.
func reveal(secrets []config.Secret) []string {
	var texts []string
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

func quoteJSON(t *testing.T, text string) string {
	t.Helper()
	raw, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// isRead tells whether there is a setting of that name.
func isRead(name string) bool {
	return slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Name == name })
}
