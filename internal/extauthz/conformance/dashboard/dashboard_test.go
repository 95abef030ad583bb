package dashboard_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/dashboard-linter/lint"
)

// TestDashboard is `dashboard-linter lint --strict`, by each of its rules.
func TestDashboard(t *testing.T) {
	for _, fault := range faults(t, readDashboard(t)) {
		t.Error(fault)
	}
}

func readDashboard(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// faults are what the linter finds.
func faults(t *testing.T, raw []byte) (all []string) {
	t.Helper()
	d, err := lint.NewDashboard(raw)
	if err != nil {
		t.Fatal(err)
	}
	rules := lint.NewRuleSet()
	results, err := rules.Lint([]lint.Dashboard{d})
	if err != nil {
		t.Fatal(err)
	}
	for rule, contexts := range results.ByRule() {
		for _, c := range contexts {
			for _, r := range c.Result.Results {
				if r.Severity >= lint.Warning {
					all = append(all, rule+": "+r.Message)
				}
			}
		}
	}
	return all
}

// TestFaultsAreFound: without them, TestDashboard would mean nothing.
func TestFaultsAreFound(t *testing.T) {
	whole := string(readDashboard(t))
	for _, tt := range []struct{ text, wrong, rule string }{
		{"$__rate_interval", "5m", "target-rate-interval-rule"},
		{`job=~\"$job\", `, "", "target-job-rule"},
		{`"editable": false`, `"editable": true`, "uneditable-dashboard"},
		{`"unit": "reqps"`, `"unit": "quests"`, "panel-units-rule"},
		{"sum by (outcome) (", "sum by (outcome) ((", "target-promql-rule"},
		{`"uid": "${datasource}"`, `"uid": "mine"`, "panel-datasource-rule"},
	} {
		if !strings.Contains(whole, tt.text) {
			t.Errorf("the dashboard does not say %s any more", tt.text)
		}
		found := faults(t, []byte(strings.ReplaceAll(whole, tt.text, tt.wrong)))
		if !slices.ContainsFunc(found, func(fault string) bool { return strings.HasPrefix(fault, tt.rule) }) {
			t.Errorf("%s in place of %s: the linter says %q", tt.wrong, tt.text, found)
		}
	}
}
