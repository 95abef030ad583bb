package charts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helmCommand builds the program helm, of the version in go.mod, and returns what runs it: what it prints, and whether it has succeeded.
// It has a home of its own, and asks no cluster.
func helmCommand(t *testing.T) func(args ...string) (output string, ok bool) {
	t.Helper()
	home, program := t.TempDir(), filepath.Join(t.TempDir(), "helm")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "helm.sh/helm/v3/cmd/helm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return func(args ...string) (string, bool) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "KUBECONFIG=/nowhere")
		output, err := cmd.CombinedOutput()
		return string(output), err == nil
	}
}

// TestHelm: the program itself lints, renders and packs the charts, as Helm's packages do in the other tests.
func TestHelm(t *testing.T) {
	helm := helmCommand(t)
	must := func(args ...string) string {
		t.Helper()
		output, ok := helm(args...)
		if !ok {
			t.Errorf("helm %s:\n%s", strings.Join(args, " "), output)
		}
		return output
	}
	dir := t.TempDir()
	must("package", chart, "--version", "1.2.3", "--app-version", "4.5.6", "--destination", dir)
	packed := filepath.Join(dir, "django-sidecar-1.2.3.tgz")
	for name, v := range valueSets(t) {
		flags := []string{"--kube-version", kube}
		if name != "defaults" {
			flags = append(flags, "--values", chart+"/ci/"+name+"-values.yaml")
		}
		must(append([]string{"lint", "--strict", chart}, flags...)...)
		files, err := rendered(t, chart, v)
		if err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--namespace", "web")
		if diff := cmp.Diff(inOrder(stream(files)), inOrder(must(append([]string{"template", "shop", chart}, flags...)...))); diff != "" {
			t.Errorf("%s: helm template prints something else (-packages +program):\n%s", name, diff)
		}
		if output := must(append([]string{"template", "shop", packed}, flags...)...); name == "defaults" && !strings.Contains(output, `image: "django-sidecar:4.5.6"`) {
			t.Errorf("the packed chart does not have its version's image:\n%s", output)
		}
	}
	if output, ok := helm("template", "shop", chart, "--kube-version", kube, "--set", "replicas=two", "--set", "ports.public=80"); ok || !strings.Contains(output, "at '/replicas': got string, want integer") {
		t.Errorf("wrong values: %v\n%s", ok, output)
	}
	if output, ok := helm("template", "shop", chart, "--kube-version", kube, "--set", "adminLoopback=true"); ok || !strings.Contains(output, "set probes to exec") {
		t.Errorf("values that do not fit: %v\n%s", ok, output)
	}

	// The chart of a Django, with what `helm dependency build` makes.
	both := filepath.Join(t.TempDir(), "helm")
	if err := os.CopyFS(both, os.DirFS(filepath.Dir(chart))); err != nil {
		t.Fatal(err)
	}
	must("dependency", "build", filepath.Join(both, "django"))
	must("lint", "--strict", filepath.Join(both, "django"), "--kube-version", kube)
	if output := must("template", "shop", filepath.Join(both, "django"), "--kube-version", kube); !strings.Contains(output, "restartPolicy: Always") {
		t.Errorf("the chart of Django has no sidecar:\n%s", output)
	}
}

// inOrder are the manifests of a stream, sorted: helm prints them in the order of their installation, with where they come from.
func inOrder(stream string) (manifests []string) {
	for _, document := range documents(stream) {
		var lines []string
		for line := range strings.Lines(string(document)) {
			if !strings.HasPrefix(line, "# Source: ") {
				lines = append(lines, line)
			}
		}
		manifests = append(manifests, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.Join(lines, "")), "---")))
	}
	slices.Sort(manifests)
	return manifests
}
