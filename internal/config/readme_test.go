package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

// TestReadmeListsTheSettings holds README.md's table against what is read: names and defaults, both ways.
func TestReadmeListsTheSettings(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| name | default | meaning |\n|---|---|---|\n")
	if !found {
		t.Fatal("README.md has no table of settings")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	code := regexp.MustCompile("`([^`]+)`")
	defaults := map[string]string{}
	for row := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(row, " | ")
		names, values := code.FindAllStringSubmatch(cells[0], -1), code.FindAllStringSubmatch(cells[1], -1)
		for i, name := range names {
			defaults[name[1]] = ""
			if i < len(values) {
				defaults[name[1]] = values[i][1]
			}
		}
	}
	for _, s := range config.Settings() {
		if strings.HasSuffix(s.Name, "_FILE") {
			continue
		}
		got, ok := defaults[s.Name]
		if !ok {
			t.Errorf("README.md does not list %s", s.Name)
		} else if got != s.Default {
			t.Errorf("README.md says that %s is %q by default, and it is %q", s.Name, got, s.Default)
		}
		delete(defaults, s.Name)
	}
	for name := range defaults {
		t.Errorf("README.md lists %s, which nothing reads", name)
	}
}
