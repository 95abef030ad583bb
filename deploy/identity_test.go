// Package deploy_test reads the files of the gateways.
package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// removals finds, in a file for a gateway, what that file removes from a request. Each kind of line has a pattern that yields a
// name, and a regular expression for the names that the line removes.
var removals = map[string][]struct{ line, names string }{
	"nginx/django-sidecar.conf": nginxRemovals, "nginx/media.conf": nginxRemovals, "nginx/grafana.conf": nginxRemovals,
	"haproxy/haproxy.cfg":   {{`(?m)^ +http-request del-header '(.+)' -m reg$`, "$1"}},
	"envoy/envoy.yaml":      envoyRemovals,
	"envoy/envoy-grpc.yaml": envoyRemovals,
	"caddy/Caddyfile":       {{`(?m)^\trequest_header -([A-Za-z0-9-]+)$`, "^$1$$"}, {`(?m)^\trequest_header -([A-Za-z0-9-]+)\*$`, "^$1"}},
	// Gateway API removes 16 headers at most, so that its file does not: it says so.
	"kubernetes/envoy-gateway.yaml": {{`RegularExpression, value: "(.+?)"\}`, "^($1)$$"}},
	"kubernetes/istio.yaml":         envoyRemovals,
	"kubernetes/contour.yaml":       {{`(?m)^ +- ([A-Z][A-Za-z0-9-]+)$`, "^$1$$"}},
	// In Traefik, a header that a middleware sets to nothing goes; and one that a regular expression finds.
	"traefik/dynamic.yml": {{`(?m)^ {10}([A-Z][A-Za-z0-9-]+): ""`, "^$1$$"}, {`(?s)authResponseHeadersRegex: "(.+?)"`, "$1"}},
}

// What nginx sets itself replaces what a client says.
var nginxRemovals = []struct{ line, names string }{{`proxy_set_header ([A-Za-z0-9-]+) `, "^$1$$"}}

var envoyRemovals = []struct{ line, names string }{
	{`- remove: ([a-z0-9-]+)`, "^$1$$"}, {`safe_regex: \{regex: "(.+?)"\}`, "^($1)$$"},
}

// byName says whether a gateway removes headers by their names alone, and no families.
func byName(file string) bool {
	return strings.HasPrefix(file, "nginx/") || file == "kubernetes/contour.yaml"
}

// TestIdentityHeaders: each file removes every header in which some gateway names a user, and whole families where the gateway
// can remove families. Lines that stand in one of several places of a file are TestGatewaysIdentity's affair.
func TestIdentityHeaders(t *testing.T) {
	list, err := os.ReadFile("../testdata/gateways/identity-headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for file, kinds := range removals {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var removed []*regexp.Regexp
		for _, kind := range kinds {
			line := regexp.MustCompile(kind.line)
			for _, match := range line.FindAllStringSubmatchIndex(string(raw), -1) {
				names := string(line.ExpandString(nil, kind.names, string(raw), match))
				names = regexp.MustCompile(`\\\n +`).ReplaceAllString(names, "") // YAML's way to go on in the next line
				removed = append(removed, regexp.MustCompile("(?i)"+names))
			}
		}
		tried := 0
		for name := range strings.Lines(string(list)) {
			name = strings.TrimSpace(name)
			if name == "" || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "*") && byName(file) {
				continue
			}
			name = strings.Replace(name, "*", "Of-Tomorrow", 1)
			tried++
			if !slices.ContainsFunc(removed, func(r *regexp.Regexp) bool { return r.MatchString(name) }) {
				t.Errorf("%s lets a client say %s", file, name)
			}
		}
		if tried < 150 {
			t.Errorf("%s: only %d names have been tried", file, tried)
		}
	}
}
