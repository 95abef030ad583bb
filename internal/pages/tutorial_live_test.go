//go:build live && gateways

package pages_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestGatewaysTutorial runs every command of docs/tutorial.md in its order, in one shell, and expects the output that the page shows.
func TestGatewaysTutorial(t *testing.T) {
	blocks := blocksOf(readFile(t, "docs/tutorial.md"))
	if len(blocks) < 15 {
		t.Fatalf("the page has only %d blocks of commands", len(blocks))
	}
	runBlocks(t, blocks)
}

// TestGatewaysFiveMinutes runs the commands of README.md in the project that the tutorial makes, with the session of its login.
func TestGatewaysFiveMinutes(t *testing.T) {
	_, readme, found := strings.Cut(readFile(t, "README.md"), "\n## Five minutes with your own Django\n")
	readme, _, ended := strings.Cut(readme, "\n## ")
	if !found || !ended {
		t.Fatal("README.md has no five minutes")
	}
	own := blocksOf(readme)
	if len(own) != 5 {
		t.Fatalf("README.md has %d blocks of commands", len(own))
	}
	blocks := projectWithALogin(t)
	own[0].commands = "cd " + djangotest.RepositoryPath() + "\n" + own[0].commands + "cd ~/sidecar-tutorial\n"
	own[3].commands = strings.Replace(own[3].commands, "read -r SESSIONID\n", "read -r SESSIONID <<< \"$SESSIONID\"\n", 1) // as if pasted
	own[4].shown = []string{"HTTP/1.1 200 OK", `"username":"ada"`}
	blocks = append(append(blocks, own...), block{commands: "kill $(jobs -p)\n"})
	runBlocks(t, blocks)
}

// TestGatewaysMigration runs the commands of docs/migrate-from-a-view.md in the project that the tutorial makes: nginx asks a view, both, a share, the sidecar, and the view again.
func TestGatewaysMigration(t *testing.T) {
	own := blocksOf(readFile(t, "docs/migrate-from-a-view.md"))
	if len(own) != 9 {
		t.Fatalf("the page has %d blocks of commands", len(own))
	}
	build := block{commands: "cd " + djangotest.RepositoryPath() + "\nmake build\nexport PATH=$PWD/bin:$PATH\ncd ~/sidecar-tutorial\n"}
	blocks := append(projectWithALogin(t), build)
	for _, b := range own {
		if b.section == "4. The sidecar for everybody, the view as a spare" {
			b.count = map[string]int{"Hello, ada!": 2}
		}
		blocks = append(blocks, b)
	}
	runBlocks(t, blocks)
}

// projectWithALogin are the commands of the tutorial that make a project and log in.
func projectWithALogin(t *testing.T) (blocks []block) {
	t.Helper()
	for _, b := range blocksOf(readFile(t, "docs/tutorial.md")) {
		if b.section == "2. Make a Django project" || strings.Contains(b.commands, "SESSIONID=$(") {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// block is commands of a page, with the lines that it shows as their output.
type block struct {
	section, commands string
	shown             []string
	count             map[string]int // how often the output has a text
}

func blocksOf(page string) []block {
	var blocks []block
	section, fence := "", ""
	for line := range strings.Lines(page) {
		text := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(text, "## ")
		case fence == "" && strings.HasPrefix(text, "```"):
			fence = text
			if fence == "```sh" {
				blocks = append(blocks, block{section: section})
			}
		case text == "```":
			fence = ""
		case fence == "```sh":
			last := &blocks[len(blocks)-1]
			last.commands += strings.TrimPrefix(line, "   ")
		case fence == "```text":
			last := &blocks[len(blocks)-1]
			last.shown = append(last.shown, text)
		}
	}
	return blocks
}

// runBlocks runs blocks in one shell, which begins in the repository. Ports and the home folder are the test's own.
func runBlocks(t *testing.T, blocks []block) {
	t.Helper()
	const marker = "@@ the end of block "
	// make build compiles everything anew, for minutes: here go build takes what other tests have compiled.
	script := "set -euo pipefail\nmake() { go build -buildvcs=false -o bin/django-sidecar ./cmd/django-sidecar; }\ncd " + djangotest.RepositoryPath() + "\n"
	for i, b := range blocks {
		script += b.commands + fmt.Sprintf("printf '\\n%s%d\\n'\n", marker, i)
	}
	environ := []string{"HOME=" + t.TempDir()}
	for _, port := range []string{"8000", "8080", "8100", "8101", "9000"} {
		_, free, _ := strings.Cut(djangotest.FreeAddr(t), ":")
		script = strings.ReplaceAll(strings.ReplaceAll(script, ":"+port, ":"+free), `"127.0.0.1", `+port, `"127.0.0.1", `+free)
		switch port {
		case "8100":
			environ = append(environ, "SIDECAR_LISTEN=127.0.0.1:"+free)
		case "8101":
			environ = append(environ, "SIDECAR_ADMIN_LISTEN=127.0.0.1:"+free)
		}
	}
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", path)
	cmd.Env = append(environ, environOfTutorial(t)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // what a failure has left running
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for i, b := range blocks {
		got, after, found := strings.Cut(rest, fmt.Sprintf("%s%d\n", marker, i))
		if !found {
			t.Fatalf("%s: block %d has not ended:\n%s", b.section, i, rest)
		}
		for _, line := range b.shown {
			if !shows(got, line) {
				t.Errorf("%s: the page shows %q, and the commands printed\n%s", b.section, line, got)
			}
		}
		for text, want := range b.count {
			if n := strings.Count(got, text); n != want {
				t.Errorf("%s: %q is there %d times:\n%s", b.section, text, n, got)
			}
		}
		rest = after
	}
}

// shows says whether the output has a line of the page, in which … stands for anything.
func shows(output, line string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
	return regexp.MustCompile(pattern).MatchString(output)
}

// environOfTutorial has no settings of the machine's. The Django that pip finds installed is the one of the tests: nothing is downloaded.
func environOfTutorial(t *testing.T) []string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(cache, "django-sidecar", "venv", "django-5.2", "bin", "python")
	packages, err := exec.CommandContext(t.Context(), python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").Output()
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{
		"PATH=" + filepath.Dir(python) + ":" + os.Getenv("PATH"), "PYTHONPATH=" + strings.TrimSpace(string(packages)),
		"PIP_NO_INDEX=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "LANG=C.UTF-8", "TMPDIR=" + t.TempDir(),
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"="+strings.TrimSpace(string(value)))
	}
	return environ
}
