package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/gateway"
)

// handedOn finds, in a file for a gateway that must be told which headers go with its question, the list of them. nginx and Caddy
// hand all on, and so does Envoy over gRPC.
var handedOn = map[string]struct{ list, name string }{
	"haproxy/django-sidecar.lua": {`(?s)local forwarded = \{(.+?)\}`, `"([a-z-]+)"`},
	"traefik/dynamic.yml":        {`(?s)authRequestHeaders: \[(Cookie.+?)\]`, `[A-Za-z-]+`},
	"envoy/envoy.yaml":           {`(?s)allowed_headers:\n +patterns:\n(.+?)\n +http_service`, `\{exact: ([a-z-]+)\}`},
}

// TestQuestionHeaders: each file hands on what the sidecar decides by, and nothing else.
func TestQuestionHeaders(t *testing.T) {
	var want []string
	for _, name := range append(gateway.HintHeaders(), "Cookie") {
		want = append(want, strings.ToLower(name))
	}
	slices.Sort(want)
	for file, is := range handedOn {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list := regexp.MustCompile(is.list).FindStringSubmatch(string(raw))
		if list == nil {
			t.Fatalf("%s has no list any more", file)
		}
		var got []string
		for _, match := range regexp.MustCompile(is.name).FindAllStringSubmatch(list[1], -1) {
			name := strings.ToLower(match[len(match)-1])
			if !strings.HasPrefix(name, "x-forwarded-") { // the gateway's own, of which each has others
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s hands on %q, want %q", file, got, want)
		}
	}
}
