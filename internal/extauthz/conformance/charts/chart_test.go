package charts_test

import (
	"maps"
	"slices"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"

	"github.com/google/go-cmp/cmp"
)

// kindsOfSet are the kinds that each set of values makes.
var kindsOfSet = map[string][]string{
	"defaults":   {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
	"by-hand":    {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
	"uploads":    {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
	"monitored":  {"Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor", "Service"},
	"everything": {"Deployment", "PodDisruptionBudget", "PodMonitor", "Service"},
	"tls":        {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor", "Service"},
	"exec":       {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
}

// TestChart: with each set of values, the API server takes what is rendered, everything in it leads somewhere, and Helm 3 renders the same.
func TestChart(t *testing.T) {
	s := newServer(t)
	for name, values := range valueSets(t) {
		files, err := rendered(t, chart, maps.Clone(values))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(kindsOfSet[name], kindsOf(t, stream(files))); diff != "" {
			t.Errorf("%s makes other kinds (-want +got):\n%s", name, diff)
		}
		for _, fault := range s.faults(t, stream(files)) {
			t.Errorf("%s: %s\n%s", name, fault, stream(files))
		}
		if diff := cmp.Diff(files, renderedByHelm3(t, chart, values)); diff != "" {
			t.Errorf("%s: Helm 3 renders something else (-4 +3):\n%s", name, diff)
		}
	}
}

// TestChartOfDjango: the chart of a Django that includes the sidecar in one line.
func TestChartOfDjango(t *testing.T) {
	s := newServer(t)
	for name, tt := range map[string]struct {
		values string
		kinds  []string
	}{
		"defaults":  {"", []string{"Deployment", "NetworkPolicy", "Service"}},
		"monitored": {"django-sidecar: {podMonitor: {enabled: true}}", []string{"Deployment", "NetworkPolicy", "PodMonitor", "Service"}},
		"loopback":  {"django-sidecar: {loopback: true}", []string{"Deployment", "NetworkPolicy", "Service"}},
		"tls":       {"django-sidecar: {tls: {public: {secret: a}, admin: {secret: b, clientCertificates: true}}, probes: exec, auditLog: stderr}", []string{"Deployment", "NetworkPolicy", "Service"}},
	} {
		files, err := rendered(t, parent, values(t, tt.values))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.kinds, kindsOf(t, stream(files))); diff != "" {
			t.Errorf("%s makes other kinds (-want +got):\n%s", name, diff)
		}
		for _, fault := range s.faults(t, stream(files)) {
			t.Errorf("%s: %s\n%s", name, fault, stream(files))
		}
		if diff := cmp.Diff(files, renderedByHelm3(t, parent, values(t, tt.values))); diff != "" {
			t.Errorf("%s: Helm 3 renders something else (-4 +3):\n%s", name, diff)
		}
	}
}

// TestLint is `helm lint -strict` with each set of values.
func TestLint(t *testing.T) {
	version, err := common.ParseKubeVersion(kube)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range valueSets(t) {
		for _, message := range lint.RunAll(chart, values, "web", lint.WithKubeVersion(version)).Messages {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %s", name, message)
			}
		}
	}
}

func kindsOf(t *testing.T, stream string) (kinds []string) {
	t.Helper()
	for _, document := range documents(stream) {
		kind, _ := values(t, string(document))["kind"].(string)
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}
