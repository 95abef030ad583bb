package pages_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestCommandsPage: docs/commands.md has the commands that the binary has, and the flags of each.
func TestCommandsPage(t *testing.T) {
	binary := build(t)
	help, err := exec.CommandContext(t.Context(), binary, "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range rowsOf(readFile(t, "docs/commands.md"), "| command | does | exit code |") {
		rows[strings.TrimPrefix(strings.Trim(row[0], "`"), "django-sidecar ")] = row[1]
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) `).FindAllStringSubmatch(string(help), -1)
	if len(commands) < 8 {
		t.Fatalf("only %d commands:\n%s", len(commands), help)
	}
	for _, found := range commands {
		name := found[1]
		row, listed := rows[name]
		if !listed {
			t.Errorf("docs/commands.md does not list %s", name)
		}
		delete(rows, name)
		usage, err := exec.CommandContext(t.Context(), binary, name, "-h").CombinedOutput()
		if err != nil {
			t.Fatalf("%s -h: %v\n%s", name, err, usage)
		}
		for _, option := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(usage), -1) {
			if !strings.Contains(row, "`-"+option[1]) {
				t.Errorf("docs/commands.md does not tell of %s -%s", name, option[1])
			}
		}
	}
	for name := range rows {
		t.Errorf("docs/commands.md lists %s, and there is no such command", name)
	}
}
