//go:build live

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs a program, with a file beside it, and fails unless it ends well.
func shell(t *testing.T, file, content, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "XDG_CONFIG_HOME="+cmd.Dir, "TERM=dumb", "LC_ALL=C.UTF-8")
	if err := os.WriteFile(filepath.Join(cmd.Dir, file), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// TestFishCompletes asks fish what it would offer.
func TestFishCompletes(t *testing.T) {
	program := printed(t, "completion", "fish")
	for line, want := range map[string]string{
		"ch": "check", "check -": "-against -cookie", "check -against ": "f.fish fish/", "settings-script -format c": "compose configmap",
		"settings-script -sample ": "", "completion ": "bash fish zsh", "healthcheck -": "-live", "decode ": "",
	} {
		out := shell(t, "f.fish", program, "fish", "--no-config", "-c", "source f.fish; complete -C 'django-sidecar "+line+"'")
		var got []string
		for offer := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: fish offers %q, want %q", line, got, want)
		}
	}
}

// TestZshCompletes types into a zsh of its own, and waits for what it makes of a Tab; whoever never sees it is ended by the time limit.
func TestZshCompletes(t *testing.T) {
	for _, way := range []string{"compinit -u -D; source ./_django-sidecar", "fpath=($PWD $fpath); compinit -u -D"} {
		shell(t, "_django-sidecar", printed(t, "completion", "zsh"), "zsh", "-f", "-c", `
zmodload zsh/zpty
zpty inner zsh -f -i
see() { local seen; zpty -r inner seen "*$1*" || exit 1 }
zpty -w inner 'PS1=; unset zle_bracketed_paste; autoload -U compinit; `+way+`; bindkey "^I" complete-word; echo is""ready'
see isready
for typed completed in 'ch' 'eck ' 'check -ag' 'ainst ' 'settings-script -format con' 'figmap ' 'completion f' 'ish ' 'healthcheck -l' 'ive '; do
	zpty -w -n inner "django-sidecar $typed"$'\t'
	see "django-sidecar $typed*$completed"
	zpty -w -n inner $'\025'
done`)
	}
}

// TestManPageIsRead: mandoc, groff and man have nothing to say against it, and show what it says.
func TestManPageIsRead(t *testing.T) {
	page := printed(t, "man")
	// A date would differ with each day that it is made.
	for _, program := range [][]string{{"sh", "-c", `mandoc -T lint -W warning "$1" | grep -v 'missing date' || true`, "sh"}, {"groff", "-ww", "-z", "-man", "-T", "utf8"}} {
		if said := shell(t, "django-sidecar.1", page, program[0], append(program[1:], "django-sidecar.1")...); said != "" {
			t.Errorf("%s says: %s", program[0], said)
		}
	}
	shown := shell(t, "django-sidecar.1", page, "mandoc", "-T", "utf8", "-O", "width=200", "django-sidecar.1")
	for _, want := range []string{"--cookie", `uploads/%Y/%m/%d/`, "Django's verdict"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the man page does not show %s", want)
		}
	}
}
