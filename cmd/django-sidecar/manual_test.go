package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// scriptPatience is how long a shell may take on a busy machine.
const scriptPatience = 5 * time.Minute

// printed is what a command prints; it has to end well.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := run(t.Context(), args, stdio{out: &out, err: &err}); code != exitYes {
		t.Fatalf("%q: exit code %d\n%s", args, code, &err)
	}
	return out.String()
}

// bashCompletes is what bash offers for the last of some words, after it has split them as readline does.
func bashCompletes(t *testing.T, words ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptPatience)
	defer cancel()
	const ask = `
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_django_sidecar
printf '%s\n' "${COMPREPLY[@]}"`
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", "set -u\n" + printed(t, "completion", "bash") + ask, "bash", "django-sidecar"}, words...)...)
	cmd.Dir = "testdata"
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
	return strings.Fields(string(out))
}

func TestBashCompletes(t *testing.T) {
	for line, want := range map[string]string{
		"ch":                           "check",
		"nothing":                      "",
		"check -":                      "-against -cookie",
		"check --c":                    "--cookie",
		"check -against ":              "script",
		"check -against = ":            "script",
		"settings-script -format ":     "env dotenv secret configmap compose systemd",
		"settings-script -format =":    "env dotenv secret configmap compose systemd",
		"settings-script -format = c":  "configmap compose",
		"settings-script --format e":   "env",
		"settings-script -directory ":  "script",
		"settings-script -sample ":     "",
		"settings-script -format env ": "-accept -directory -format -plain-secret -replace -sample -uploads",
		"sql -database ":               "sessions users",
		"completion ":                  "bash zsh fish",
		"healthcheck ":                 "-live",
		"decode ":                      "",
		"nothing -":                    "",
	} {
		got := strings.Join(bashCompletes(t, strings.Split(line, " ")...), " ")
		if got != want {
			t.Errorf("%q: bash offers %q, want %q", line, got, want)
		}
	}
}

// flagsOfHelp are the flags that `-h` shows.
func flagsOfHelp(t *testing.T, command string) (names []string) {
	t.Helper()
	var help bytes.Buffer
	if code := run(t.Context(), []string{command, "-h"}, stdio{out: &help, err: &help}); code != exitYes {
		t.Fatalf("%s -h: exit code %d", command, code)
	}
	for _, found := range regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		names = append(names, found[1])
	}
	return names
}

// TestManualIsWhole: the completions and the man page have each command and each flag that the help has.
func TestManualIsWhole(t *testing.T) {
	page := strings.ReplaceAll(printed(t, "man"), `\-`, "-")
	found := 0
	for _, command := range regexp.MustCompile(`(?m)^  ([a-z-]+) `).FindAllStringSubmatch(printed(t, "help"), -1) {
		name := command[1]
		if !slices.Contains(bashCompletes(t, ""), name) {
			t.Errorf("bash does not complete %s", name)
		}
		section := regexp.MustCompile(`(?s)\n\.SS ` + name + `\b.*?\n\.S`).FindString(page)
		if section == "" {
			t.Errorf("the man page has no %s", name)
		}
		offered := bashCompletes(t, name, "-")
		for _, option := range flagsOfHelp(t, name) {
			found++
			if !slices.Contains(offered, option) {
				t.Errorf("bash completes no %s %s", name, option)
			}
			if !regexp.MustCompile(`\n\.BR ` + option + `\b`).MatchString(section) {
				t.Errorf("the man page does not tell of %s %s", name, option)
			}
			for _, shell := range []string{"zsh", "fish"} {
				if !regexp.MustCompile(`(-o |'-)` + option[1:] + `\b`).MatchString(printed(t, "completion", shell)) {
					t.Errorf("%s completes no %s %s", shell, name, option)
				}
			}
		}
	}
	if found < 12 {
		t.Errorf("only %d flags were compared", found)
	}
	for _, setting := range []string{"DJANGO_SECRET_KEY", "DATABASE_URL", "SIDECAR_LISTEN"} {
		if !strings.Contains(page, "\n.B "+setting+"\n") {
			t.Errorf("the man page does not tell of %s", setting)
		}
	}
}
