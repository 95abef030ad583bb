// Package kubernetes_test runs the sidecar as django-sidecar.yaml tells Kubernetes to.
package kubernetes_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exitUsage is what the program ends with where its settings are wrong.
const exitUsage = 2

// at follows keys, and in a sequence the names of its items.
func at(tb testing.TB, node any, path ...string) any {
	tb.Helper()
	for i, key := range path {
		var ok bool
		switch n := node.(type) {
		case mapping:
			node, ok = n[key]
		case sequence:
			found := slices.IndexFunc(n, func(item any) bool {
				m, isMapping := item.(mapping)
				return isMapping && m["name"] == key
			})
			if ok = found >= 0; ok {
				node = n[found]
			}
		}
		if !ok {
			tb.Fatalf("the manifest has no %s", strings.Join(path[:i+1], "."))
		}
	}
	return node
}

func text(tb testing.TB, node any, path ...string) string {
	tb.Helper()
	s, ok := at(tb, node, path...).(string)
	if !ok {
		tb.Fatalf("%s is not a text", strings.Join(path, "."))
	}
	return s
}

func items(tb testing.TB, node any, path ...string) sequence {
	tb.Helper()
	s, ok := at(tb, node, path...).(sequence)
	if !ok {
		tb.Fatalf("%s is not a sequence", strings.Join(path, "."))
	}
	return s
}

// manifest is what the file says.
type manifest struct {
	kinds          map[string]mapping
	pod, container any // of the sidecar
}

func read(tb testing.TB) manifest {
	tb.Helper()
	raw, err := os.ReadFile("django-sidecar.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	m := manifest{kinds: documents(tb, string(raw))}
	m.pod = at(tb, m.kinds["Deployment"], "spec", "template", "spec")
	m.container = at(tb, m.pod, "initContainers", "django-sidecar")
	return m
}

// environment is the container's, with the secrets in a directory of the test and free ports for the ones it names.
func (m manifest) environment(tb testing.TB, secrets string) []string {
	tb.Helper()
	mount := text(tb, m.container, "volumeMounts", "django-secrets", "mountPath")
	var environ []string
	for _, variable := range items(tb, m.container, "env") {
		name, value := text(tb, variable, "name"), text(tb, variable, "value")
		if file, ok := strings.CutPrefix(value, mount+"/"); ok {
			at(tb, m.kinds["Secret"], "stringData", file)
			value = filepath.Join(secrets, file)
		}
		if strings.HasSuffix(name, "LISTEN") {
			host, _, err := net.SplitHostPort(value)
			if err != nil {
				tb.Fatalf("%s: %v", name, err)
			}
			value = net.JoinHostPort(host, "0")
		}
		environ = append(environ, name+"="+value)
	}
	return environ
}

// setting is the value of one of the container's variables.
func (m manifest) setting(tb testing.TB, name string) string {
	tb.Helper()
	return text(tb, m.container, "env", name, "value")
}

func (m manifest) command(tb testing.TB, program string, environ []string) *exec.Cmd {
	tb.Helper()
	var args []string
	for _, arg := range items(tb, m.container, "args") {
		args = append(args, fmt.Sprint(arg))
	}
	cmd := exec.CommandContext(tb.Context(), program, args...)
	cmd.Env = environ
	return cmd
}

// probe asks as the kubelet does, and returns the status.
func (m manifest) probe(tb testing.TB, name, adminAddress string) int {
	tb.Helper()
	return status(tb, "http://"+adminAddress+text(tb, m.container, name, "httpGet", "path"), "")
}

// TestSidecarRunsAsTheManifestSays starts the sidecar before its database, as a pod may, and gives it the database then.
func TestSidecarRunsAsTheManifestSays(t *testing.T) {
	m, program := read(t), build(t)
	d := newDjango(t)
	s := start(t, m.command(t, program, m.environment(t, d.secrets)))

	if got := m.probe(t, "startupProbe", s.admin); got != http.StatusOK {
		t.Errorf("startup without a database: got %d, want 200, so that Django may start and make it", got)
	}
	if got := m.probe(t, "readinessProbe", s.admin); got != http.StatusServiceUnavailable {
		t.Errorf("readiness without a database: got %d, want 503", got)
	}
	if got := m.probe(t, "livenessProbe", s.admin); got != http.StatusOK {
		t.Errorf("liveness without a database: got %d, want 200", got)
	}
	visits := d.makeDatabase(t)
	eventually(t, "ready", func() bool { return m.probe(t, "readinessProbe", s.admin) == http.StatusOK })
	for _, v := range visits {
		want := http.StatusUnauthorized
		if v.Alive {
			want = http.StatusOK
		}
		if got := status(t, "http://"+s.public+"/authenticate", v.Cookie); got != want {
			t.Errorf("%s: got %d, want %d", v.Title, got, want)
		}
	}
	s.stop(t)
}

func TestAMisspeltSettingIsRefused(t *testing.T) {
	m, program := read(t), build(t)
	d := newDjango(t)
	d.makeDatabase(t)
	cmd := m.command(t, program, append(m.environment(t, d.secrets), "SIDECAR_ADMIN_LISTENS=0.0.0.0:0"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		t.Fatalf("got %v, want exit code %d", err, exitUsage)
	}
	if !strings.Contains(stderr.String(), "SIDECAR_ADMIN_LISTENS") {
		t.Errorf("got %q, want the name of the setting", &stderr)
	}
}

// TestPorts follows each port from who asks for it to the listener.
func TestPorts(t *testing.T) {
	m := read(t)
	port := func(name string) string { return text(t, m.container, "ports", name, "containerPort") }
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		if got, want := "0.0.0.0:"+port(text(t, m.container, probe, "httpGet", "port")), m.setting(t, "SIDECAR_ADMIN_LISTEN"); got != want {
			t.Errorf("%s asks %s, the admin listener is %s", probe, got, want)
		}
	}
	target := text(t, m.kinds["Service"], "spec", "ports", "auth", "targetPort")
	if got, want := "0.0.0.0:"+port(target), m.setting(t, "SIDECAR_LISTEN"); got != want {
		t.Errorf("the Service leads to %s, the public listener is %s", got, want)
	}
	var open []string
	for _, rule := range items(t, m.kinds["NetworkPolicy"], "spec", "ingress") {
		for _, p := range items(t, rule, "ports") {
			open = append(open, text(t, p, "port"))
		}
	}
	if diff := cmp.Diff([]string{"http", "auth"}, open); diff != "" {
		t.Errorf("the NetworkPolicy opens (-want +got):\n%s", diff)
	}
}

// TestStopFitsItsTime adds up what a stop may take: the kubelet ends with SIGKILL what is left then.
func TestStopFitsItsTime(t *testing.T) {
	m := read(t)
	seconds := func(node any, path ...string) time.Duration {
		d, err := time.ParseDuration(text(t, node, path...) + "s")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	asleep := seconds(m.container, "lifecycle", "preStop", "sleep", "seconds")
	djangoAsleep := seconds(at(t, m.pod, "containers", "django"), "lifecycle", "preStop", "sleep", "seconds")
	drain, err := time.ParseDuration(m.setting(t, "SIDECAR_DRAIN_DELAY"))
	if err != nil {
		t.Fatal(err)
	}
	for what, d := range map[string]time.Duration{"the sidecar's sleep": asleep, "Django's sleep": djangoAsleep, "SIDECAR_DRAIN_DELAY": drain} {
		if d < 2*time.Second {
			t.Errorf("%s is %v: gateways take longer to hear of a pod's end", what, d)
		}
	}
	const gunicorn, uploads = 30 * time.Second, time.Minute // graceful_timeout, and SIDECAR_UPLOAD_DRAIN by default
	// Both sleep at once, and the sidecar stops when Django has.
	if needs, has := max(asleep, djangoAsleep+gunicorn)+drain+uploads, seconds(m.pod, "terminationGracePeriodSeconds"); has < needs {
		t.Errorf("the pod has %v to stop, and may need %v", has, needs)
	}
}

// TestPodIsConfined pins what a reviewer of the pod looks for.
func TestPodIsConfined(t *testing.T) {
	m := read(t)
	for path, want := range map[string]string{
		"restartPolicy":                            "Always", // a native sidecar
		"securityContext.runAsUser":                "65532",  // the Dockerfile's
		"securityContext.allowPrivilegeEscalation": "false",
		"securityContext.readOnlyRootFilesystem":   "true",
	} {
		if got := text(t, m.container, strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"enableServiceLinks":                  "false",
		"securityContext.runAsNonRoot":        "true",
		"securityContext.seccompProfile.type": "RuntimeDefault",
	} {
		if got := text(t, m.pod, strings.Split(path, ".")...); got != want {
			t.Errorf("the pod's %s is %s, not %s", path, got, want)
		}
	}
	if diff := cmp.Diff(sequence{"ALL"}, items(t, m.container, "securityContext", "capabilities", "drop")); diff != "" {
		t.Errorf("capabilities dropped (-want +got):\n%s", diff)
	}
}
