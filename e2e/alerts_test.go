//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// promtool runs Prometheus's own tool in deploy/prometheus.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "django-sidecar", "bin", "promtool")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("there is no promtool: run tools/setup.sh, which makes %s", program)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = filepath.Join(djangotest.RepositoryPath(), "deploy", "prometheus")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestAlerts: Prometheus's own engine has each alert fire on recorded series, and keep quiet on others.
func TestAlerts(t *testing.T) {
	if out := promtool(t, "check", "rules", "alerts.yaml"); !strings.Contains(out, "15 rules found") {
		t.Errorf("promtool says %s", out)
	}
	promtool(t, "test", "rules", "alerts.test.yaml")
}

// TestDashboardQueries: Prometheus's own parser reads every query of the dashboard.
func TestDashboardQueries(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "deploy", "grafana", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var rules []map[string]string
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m") // as Grafana does
			rules = append(rules, map[string]string{"record": fmt.Sprintf("query:%d", len(rules)), "expr": expr})
		}
	}
	if len(rules) < len(dashboard.Panels) || len(rules) == 0 {
		t.Fatalf("%d queries in %d panels", len(rules), len(dashboard.Panels))
	}
	file, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := promtool(t, "check", "rules", path); !strings.Contains(out, fmt.Sprintf("%d rules found", len(rules))) {
		t.Errorf("promtool says %s", out)
	}
}
