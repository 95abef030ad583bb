package deploy_test

import (
	"os"
	"strings"
	"testing"
)

// TestUploadLines: what a gateway's page says about uploads stands in the gateway's files, line by line and in the same order.
func TestUploadLines(t *testing.T) {
	for page, files := range map[string][]string{
		"nginx":   {"nginx/django-sidecar.conf"},
		"haproxy": {"haproxy/haproxy.cfg"},
		"envoy":   {"envoy/envoy.yaml", "envoy/envoy-grpc.yaml"},
		"caddy":   {"caddy/Caddyfile"},
		"traefik": {"traefik/dynamic.yml"},
	} {
		raw, err := os.ReadFile("../docs/gateways/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(string(raw), "\n## Uploads\n")
		_, block, _ := strings.Cut(section, "\n```")
		_, block, _ = strings.Cut(block, "\n") // the language
		block, _, closed := strings.Cut(block, "```")
		if !closed || strings.Count(block, "\n") < 7 {
			t.Errorf("%s.md has no lines for uploads", page)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rest := string(raw)
			for line := range strings.Lines(block) {
				if line = strings.TrimSpace(line); line == "" {
					continue
				}
				var found bool
				if _, rest, found = strings.Cut(rest, line+"\n"); !found {
					t.Errorf("%s has no line %q there, as %s.md says", file, line, page)
					break
				}
			}
		}
	}
}
