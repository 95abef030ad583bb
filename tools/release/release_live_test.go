//go:build live

package release_test

import (
	"debug/elf"
	"encoding/json"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	root       = "../.."
	maintainer = "MAINTAINER=Ada Lovelace <ada@example.org>"
)

// output is what a program prints in a folder; it has to end well.
func output(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PLATFORMS=linux/amd64 linux/arm64", maintainer)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// clone is one of the last commit, in which 1.2.3 is ready to be released.
func clone(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	output(t, root, "git", "clone", "-q", ".", dir)
	log := filepath.Join(dir, "CHANGELOG.md")
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, []byte(strings.Replace(string(raw), "## Unreleased", "## 1.2.3", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	git := []string{"-c", "user.name=test", "-c", "user.email=test@example.com"}
	output(t, dir, "git", append(git, "commit", "-qam", "Release 1.2.3")...)
	output(t, dir, "git", append(git, "tag", "-m", "1.2.3", "v1.2.3")...)
	return dir
}

// release makes the release in a clone, and returns its checksums.
func release(t *testing.T, dir string) string {
	t.Helper()
	output(t, dir, "tools/release.sh", "v1.2.3")
	sums, err := os.ReadFile(filepath.Join(dir, "dist", "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(sums)
}

// TestRelease makes a release in two clones, and looks at what came out as those who install it do.
func TestRelease(t *testing.T) {
	first := clone(t)
	sums := release(t, first)
	again := filepath.Join(t.TempDir(), "elsewhere")
	output(t, first, "git", "clone", "-q", ".", again)
	if got := release(t, again); got != sums {
		t.Errorf("a second clone gives other bytes:\n%s\n%s", sums, got)
	}
	dist := filepath.Join(first, "dist")
	output(t, dist, "sha256sum", "--strict", "-c", "SHA256SUMS")

	t.Run("deb", func(t *testing.T) {
		to := t.TempDir()
		if err := os.MkdirAll(filepath.Join(to, "var/lib/dpkg"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, "var/lib/dpkg/status"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		output(t, dist, "dpkg", "--root="+to, "--force-script-chrootless", "--force-not-root", "-i", "django-sidecar_1.2.3-1_amd64.deb")
		if got := output(t, dist, "dpkg-deb", "--field", "django-sidecar_1.2.3-1_amd64.deb", "Maintainer"); "MAINTAINER="+got != maintainer+"\n" {
			t.Errorf("the package's maintainer is %q", got)
		}
		if got := output(t, to, "usr/bin/django-sidecar", "version"); !strings.HasPrefix(got, "django-sidecar v1.2.3 (commit ") {
			t.Errorf("what is installed says %q", got)
		}
		for path, mode := range map[string]os.FileMode{
			"usr/lib/systemd/system/django-sidecar.service": 0o644, "usr/share/man/man1/django-sidecar.1.gz": 0o644, "usr/bin/django-sidecar": 0o755,
			"usr/share/bash-completion/completions/django-sidecar": 0o644, "usr/share/zsh/vendor-completions/_django-sidecar": 0o644,
			"usr/share/fish/vendor_completions.d/django-sidecar.fish": 0o644, "usr/share/doc/django-sidecar/copyright": 0o644,
			"etc/django-sidecar": os.ModeDir | 0o755, "etc/django-sidecar/django-sidecar-secrets": os.ModeDir | 0o700,
		} {
			if info, err := os.Stat(filepath.Join(to, path)); err != nil || info.Mode() != mode {
				t.Errorf("%s is %v (%v), want the mode %v", path, info, err, mode)
			}
		}
		output(t, dist, "dpkg", "--root="+to, "--force-script-chrootless", "--force-not-root", "--purge", "django-sidecar")
		if _, err := os.Stat(filepath.Join(to, "usr/bin/django-sidecar")); err == nil {
			t.Error("the program is there after the package was removed")
		}
	})
	t.Run("rpm", func(t *testing.T) {
		const file = "django-sidecar-1.2.3-1.x86_64.rpm"
		output(t, dist, "rpm", "-K", "--nosignature", file)
		to := t.TempDir()
		output(t, dist, "rpm", "--root="+to, "-i", "--nodeps", "--noscripts", file)
		if got := output(t, to, "usr/bin/django-sidecar", "version"); !strings.HasPrefix(got, "django-sidecar v1.2.3 (commit ") {
			t.Errorf("what is installed says %q", got)
		}
		for path, mode := range map[string]os.FileMode{
			"usr/lib/systemd/system/django-sidecar.service": 0o644, "usr/bin/django-sidecar": 0o755,
			"usr/share/zsh/site-functions/_django-sidecar": 0o644, "etc/django-sidecar/django-sidecar-secrets": os.ModeDir | 0o700,
		} {
			if info, err := os.Stat(filepath.Join(to, path)); err != nil || info.Mode() != mode {
				t.Errorf("%s is %v (%v), want the mode %v", path, info, err, mode)
			}
		}
		output(t, dist, "rpm", "--root="+to, "-e", "--noscripts", "django-sidecar")
		if _, err := os.Stat(filepath.Join(to, "usr/bin/django-sidecar")); err == nil {
			t.Error("the program is there after the package was removed")
		}
	})
	t.Run("arm64", func(t *testing.T) {
		deb, rpm := "django-sidecar_1.2.3-1_arm64.deb", "django-sidecar-1.2.3-1.aarch64.rpm"
		if got := output(t, dist, "dpkg-deb", "--field", deb, "Architecture"); got != "arm64\n" {
			t.Errorf("the deb is for %q", got)
		}
		if got := output(t, dist, "rpm", "-qp", "--nosignature", "--queryformat", "%{NAME} %{VERSION} %{ARCH}", rpm); got != "django-sidecar 1.2.3 aarch64" {
			t.Errorf("the rpm is %q", got)
		}
		to := t.TempDir()
		output(t, dist, "dpkg-deb", "-x", deb, filepath.Join(to, "deb"))
		output(t, dist, "rpm", "--root="+filepath.Join(to, "rpm"), "-i", "--nodeps", "--noscripts", "--ignorearch", rpm)
		output(t, dist, "tar", "xf", "django-sidecar_1.2.3_linux_arm64.tar.gz", "-C", to)
		for _, path := range []string{"deb/usr/bin/django-sidecar", "rpm/usr/bin/django-sidecar", "django-sidecar_1.2.3_linux_arm64/django-sidecar"} {
			program, err := elf.Open(filepath.Join(to, path))
			if err != nil {
				t.Error(err)
				continue
			}
			if program.Machine != elf.EM_AARCH64 {
				t.Errorf("%s is for %v", path, program.Machine)
			}
			if err := program.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("archive", func(t *testing.T) {
		files := output(t, dist, "tar", "tf", "django-sidecar_1.2.3_linux_amd64.tar.gz")
		for _, file := range []string{"django-sidecar", "django-sidecar.1", "django-sidecar.service", "LICENSE", "README.md", "bom.cdx.json", "completions/_django-sidecar"} {
			if !strings.Contains(files, "django-sidecar_1.2.3_linux_amd64/"+file+"\n") {
				t.Errorf("the archive has no %s:\n%s", file, files)
			}
		}
	})
	t.Run("materials", func(t *testing.T) {
		raw, err := os.ReadFile(filepath.Join(dist, "bom-linux-amd64.cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var bom struct {
			BOMFormat, SpecVersion, SerialNumber string
			Metadata                             struct {
				Component struct{ Name, Version string }
			}
			Components []struct{ Name, Version string }
		}
		if err := json.Unmarshal(raw, &bom); err != nil {
			t.Fatal(err)
		}
		// What actions/attest takes for a list of CycloneDX (src/sbom.ts, v4.2.2: checkIsCycloneDX), and the form that CycloneDX wants.
		serial := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$`)
		if bom.BOMFormat != "CycloneDX" || bom.SpecVersion == "" || !serial.MatchString(bom.SerialNumber) {
			t.Errorf("the list of materials is of %q %q, with the serial number %q", bom.BOMFormat, bom.SpecVersion, bom.SerialNumber)
		}
		listed := map[string]string{}
		for _, c := range bom.Components {
			listed[c.Name] = c.Version
		}
		// What the compiler has written into the program.
		program := filepath.Join(t.TempDir(), "program")
		output(t, dist, "sh", "-c", `tar xOf django-sidecar_1.2.3_linux_amd64.tar.gz django-sidecar_1.2.3_linux_amd64/django-sidecar >"$1"`, "sh", program)
		modules := 0
		for line := range strings.Lines(output(t, dist, "go", "version", "-m", program)) {
			if field := strings.Fields(line); len(field) >= 3 && field[0] == "dep" {
				modules++
				if listed[field[1]] != field[2] {
					t.Errorf("the list of materials has %s %q, and the program %s", field[1], listed[field[1]], field[2])
				}
			}
		}
		if modules < 20 || bom.Metadata.Component.Version != "v1.2.3" {
			t.Errorf("%d modules, of version %q", modules, bom.Metadata.Component.Version)
		}
	})
	t.Run("chart", func(t *testing.T) {
		chart := output(t, dist, "tar", "xOf", "django-sidecar-chart-1.2.3.tgz", "django-sidecar/Chart.yaml")
		for _, line := range []string{"version: 1.2.3\n", "appVersion: \"1.2.3\"\n"} {
			if !strings.Contains(chart, "\n"+line) {
				t.Errorf("the chart does not say %q:\n%s", line, chart)
			}
		}
	})
}

// TestReleaseIsRefused: a release is of a commit with a tag, and of nothing besides.
func TestReleaseIsRefused(t *testing.T) {
	dir := clone(t)
	for version, fault := range map[string]string{"1.2.3": "a version looks like v1.2.3", "v1.2.4": "v1.2.4 is no tag of this commit", "": "a version looks like"} {
		cmd := exec.CommandContext(t.Context(), "tools/release.sh", version)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), fault) {
			t.Errorf("%q: %v, %s, want %q", version, err, out, fault)
		}
	}
	for _, who := range []string{"", "Ada", "ada@example.org", "Ada <ada>", "Ada <ada@example.org"} {
		cmd := exec.CommandContext(t.Context(), "tools/release.sh", "v1.2.3")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "MAINTAINER="+who)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "MAINTAINER says who answers") {
			t.Errorf("maintainer %q: %v, %s", who, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tools/release.sh", "v1.2.3")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "not committed: ") {
		t.Errorf("a changed file: %v, %s", err, out)
	}
}

// TestWorkflows: actionlint has nothing to say against the public workflows, and each of their actions is named by a commit and its
// version. actionlint knows the inputs of actions by their versions, and gets these.
func TestWorkflows(t *testing.T) {
	action, pinned := regexp.MustCompile(`uses: .*`), regexp.MustCompile(`^(uses: [\w/-]+)@[0-9a-f]{40} # (v[0-9]+)(?:\.[0-9]+){2}$`)
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	args := []string{"tool", "actionlint", "-shellcheck="}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := action.ReplaceAllStringFunc(string(raw), func(uses string) string {
			parts := pinned.FindStringSubmatch(uses)
			if parts == nil {
				t.Errorf("%s: %s names no commit with its version", filepath.Base(file), uses)
				return uses
			}
			return parts[1] + "@" + parts[2]
		})
		copied := filepath.Join(t.TempDir(), filepath.Base(file))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, copied)
	}
	output(t, ".", "go", args...)
}

// TestToolchainCompilesEachModule: the workflows have the Go that go.mod names as its toolchain, and no newer one by themselves
// (actions/setup-go v6.5.0 sets GOTOOLCHAIN=local). No module here asks for a newer one.
func TestToolchainCompilesEachModule(t *testing.T) {
	file := regexp.MustCompile(`(?m)^(go|toolchain go) ?(1\.\S+)$`)
	versions := func(path string) map[string]string {
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, line := range file.FindAllStringSubmatch(string(raw), -1) {
			found[line[1]] = "go" + line[2]
		}
		return found
	}
	toolchain := versions("go.mod")["toolchain go"]
	modules := strings.Fields(output(t, root, "git", "ls-files", "*go.mod"))
	if !version.IsValid(toolchain) || len(modules) < 5 {
		t.Fatalf("toolchain %q, modules %q", toolchain, modules)
	}
	for _, module := range modules {
		if wants := versions(module)["go"]; version.Compare(wants, toolchain) > 0 {
			t.Errorf("%s asks for %s, and go.mod's toolchain is %s", module, wants, toolchain)
		}
	}
}
