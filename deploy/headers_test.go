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
	// Contour hands all on.
	"kubernetes/envoy-gateway.yaml": {`headersToExtAuth:\n((?: +- .+\n)+)`, `- (.+)\n`},
	"kubernetes/gateway-api.yaml":   {`allowedHeaders:\n((?: +- .+\n)+)`, `- (.+)\n`},
	"kubernetes/istio-values.yaml":  {`includeRequestHeadersInCheck:\n((?: +- .+\n)+)`, `- (.+)\n`},
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
		lists := regexp.MustCompile(is.list).FindAllStringSubmatch(string(raw), -1)
		if lists == nil {
			t.Fatalf("%s has no list any more", file)
		}
		for _, list := range lists {
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
}

// TestAnswerHeaders: of an answer, the manifests for Kubernetes take the whole identity and nothing else for the application, and
// for the client all that a refusal says, where it has to be listed.
func TestAnswerHeaders(t *testing.T) {
	var identity []string
	for _, header := range (gateway.Identity{}).Headers() {
		identity = append(identity, strings.ToLower(header.Name))
	}
	slices.Sort(identity)
	refusal := []string{"cache-control", "content-type", "hx-redirect", "location", "retry-after", "vary", "www-authenticate", "x-sign-in"}
	for _, is := range []struct {
		file, list string
		want       []string
	}{
		{"kubernetes/envoy-gateway.yaml", "headersToBackend", identity},
		{"kubernetes/gateway-api.yaml", "allowedResponseHeaders", identity},
		{"kubernetes/gateway-api.yaml", "remove", identity},
		{"kubernetes/istio-values.yaml", "headersToUpstreamOnAllow", identity},
		{"kubernetes/istio-values.yaml", "headersToDownstreamOnDeny", refusal},
	} {
		raw, err := os.ReadFile(is.file)
		if err != nil {
			t.Fatal(err)
		}
		lists := regexp.MustCompile(is.list+`:\n((?: +- [a-z-]+\n)+)`).FindAllStringSubmatch(string(raw), -1)
		if lists == nil {
			t.Fatalf("%s has no %s any more", is.file, is.list)
		}
		for _, list := range lists {
			got := strings.Fields(strings.ReplaceAll(list[1], "- ", ""))
			slices.Sort(got)
			if !slices.Equal(got, is.want) {
				t.Errorf("%s: %s has %q, want %q", is.file, is.list, got, is.want)
			}
		}
	}
}
