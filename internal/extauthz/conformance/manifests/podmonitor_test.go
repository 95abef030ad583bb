package manifests_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// podMonitorOfChart is what the chart makes of podMonitor.enabled: TestKustomizeIsTheChart holds it.
const podMonitorOfChart = "../../../../deploy/kustomize/overlays/monitored/podmonitor.yaml"

// operatorSchemas are those of the Prometheus Operator. Its module is no dependency: nothing but this file of it is read.
func operatorSchemas(t *testing.T) schemas {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/prometheus-operator/prometheus-operator@v0.85.0").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(module.Dir, "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	known := schemas{}
	known.add(t, raw)
	return known
}

// TestPodMonitor: the operator's own schema takes what the chart makes, and would see what is wrong in it.
func TestPodMonitor(t *testing.T) {
	known := operatorSchemas(t)
	raw, err := os.ReadFile(podMonitorOfChart)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if faults := known.faults(t, raw); len(faults) > 0 {
		t.Errorf("%q\n%s", faults, text)
	}
	for right, wrong := range map[string]struct{ text, fault string }{
		"podMetricsEndpoints:": {"podMetricsEndpoint:", "unknown field spec.podMetricsEndpoint"},
		"interval: 30s":        {"interval: 30 s", "spec.podMetricsEndpoints[0].interval"},
		"port: auth-admin":     {"port: 8101", "spec.podMetricsEndpoints[0].port"},
		"matchLabels:":         {"matchLabel:", "unknown field spec.selector.matchLabel"},
	} {
		if !strings.Contains(text, right) {
			t.Errorf("it does not say %q any more", right)
		}
		all := strings.Join(known.faults(t, []byte(strings.Replace(text, right, wrong.text, 1))), "\n")
		if !strings.Contains(all, wrong.fault) {
			t.Errorf("with %q the faults are %q, want %q", wrong.text, all, wrong.fault)
		}
	}
}
