package pages_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMetricsOfAlerts: each metric that the alerts, their tests and the dashboard name is one of the program's.
func TestMetricsOfAlerts(t *testing.T) {
	known := regexp.MustCompile(`django_sidecar_\w+`).FindAllString(tableOfMetrics(t), -1)
	for _, file := range []string{
		"deploy/prometheus/alerts.yaml", "deploy/prometheus/alerts.test.yaml", "deploy/grafana/dashboard.json",
	} {
		names := regexp.MustCompile(`django_sidecar_\w+`).FindAllString(readFile(t, file), -1)
		if len(names) < 12 {
			t.Errorf("%s names %d metrics", file, len(names))
		}
		for _, name := range names {
			if !slices.Contains(known, name) && !slices.Contains(known, strings.TrimSuffix(name, "_bucket")) {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// TestAlertsSayWhatToDo: each alert has a summary, and a place in the page that says what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	rules, page := readFile(t, "deploy/prometheus/alerts.yaml"), readFile(t, "docs/operations.md")
	alerts := strings.Split(rules, "- alert: ")[1:]
	for _, alert := range alerts {
		name, _, _ := strings.Cut(alert, "\n")
		runbook := regexp.MustCompile(`runbook: (docs/operations\.md)#(\w+)\n`).FindStringSubmatch(alert)
		if runbook == nil || runbook[2] != strings.ToLower(name) || !strings.Contains(alert, `summary: "`) {
			t.Errorf("%s: no summary, or no runbook of its own", name)
		}
		_, text, found := strings.Cut(page, "\n### "+name+"\n")
		if text, _, _ = strings.Cut(text, "\n#"); !found || len(strings.Fields(text)) < 8 {
			t.Errorf("docs/operations.md does not say what to do about %s", name)
		}
	}
	if len(alerts) != strings.Count(page, "\n### DjangoSidecar") {
		t.Errorf("%d alerts, and another number of them in docs/operations.md", len(alerts))
	}
}

// TestQueryOfDays: the query in docs/proof.md is the one that the tests of the alerts put to recorded series.
func TestQueryOfDays(t *testing.T) {
	_, query, _ := strings.Cut(readFile(t, "docs/proof.md"), "```promql\n# days without a difference\n")
	query, _, found := strings.Cut(query, "```")
	tested := strings.Split(readFile(t, "deploy/prometheus/alerts.test.yaml"), "expr: |\n")[1:]
	if !found || len(tested) < 4 {
		t.Fatalf("the page has the query %q, and there are %d tests", query, len(tested))
	}
	for _, test := range tested {
		expr, _, _ := strings.Cut(test, "exp_samples:")
		if !slices.Equal(strings.Fields(expr), strings.Fields(query)) {
			t.Errorf("the page has the query %s, and tested is %s", query, expr)
		}
	}
}
