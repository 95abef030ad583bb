package djangotest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPagesRefuseWhatTheFilesRefuse: the page of each gateway shows the lines by which its file refuses paths.
func TestPagesRefuseWhatTheFilesRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, page string
		refuses    string // is in each such line
		lines      int
	}{
		{"nginx/django-sidecar.conf", "nginx.md", "return 400", 2},
		{"haproxy/haproxy.cfg", "haproxy.md", "deny_status 400", 2},
		{"caddy/Caddyfile", "caddy.md", "@ambiguous", 2},
		{"envoy/envoy.yaml", "envoy.md", "safe_regex: {regex: '", 2},
		{"envoy/envoy-grpc.yaml", "envoy.md", "safe_regex: {regex: '", 2},
		{"traefik/dynamic.yml", "traefik.md", "rule: PathRegexp(`//", 1},
	} {
		page, err := os.ReadFile(filepath.Join(RepositoryPath(), "docs", "gateways", tt.page))
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(RepositoryPath(), "deploy", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(file)) {
			if line = strings.TrimSpace(line); strings.Contains(line, tt.refuses) && !strings.HasPrefix(line, "#") {
				found++
				if !strings.Contains(string(page), line) {
					t.Errorf("docs/gateways/%s does not show this line of deploy/%s: %s", tt.page, tt.file, line)
				}
			}
		}
		if found != tt.lines {
			t.Errorf("deploy/%s has %d lines that refuse paths, want %d", tt.file, found, tt.lines)
		}
	}
}
