package manifests_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3" // EnvoyFilter names it
	"google.golang.org/protobuf/encoding/protojson"
	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

const folder = "../../../../deploy/kubernetes/"

// manifests are the files, and the kinds that each has.
var manifests = map[string][]string{
	"envoy-gateway.yaml": {"ClientTrafficPolicy", "HTTPRoute", "HTTPRoute", "HTTPRoute", "SecurityPolicy", "SecurityPolicy"},
	"gateway-api.yaml":   {"HTTPRoute"},
	"istio.yaml":         {"AuthorizationPolicy", "AuthorizationPolicy", "EnvoyFilter"},
	"contour.yaml":       {"Service", "NetworkPolicy", "ExtensionService", "HTTPProxy"},
	"istio-values.yaml":  {""},
}

// TestManifests: each product takes its file as it is.
func TestManifests(t *testing.T) {
	known := readSchemas(t)
	for file, kinds := range manifests {
		var got []string
		for _, document := range documents(readFile(t, file)) {
			got = append(got, kindOf(t, document))
			for _, fault := range known.faultsOf(t, document) {
				t.Errorf("%s: %s", file, fault)
			}
		}
		if !slices.Equal(got, kinds) {
			t.Errorf("%s has %q, want %q", file, got, kinds)
		}
	}
}

// TestBrokenManifests: what is wrong in a file is found, so that TestManifests means something.
func TestBrokenManifests(t *testing.T) {
	known := readSchemas(t)
	for _, tt := range []struct{ file, text, wrong, fault string }{
		{"envoy-gateway.yaml", "headersToExtAuth:", "headersToExtAut:", "unknown field spec.extAuth.headersToExtAut"},
		{"envoy-gateway.yaml", "failOpen: false\n", "failOpen: false\n    grpc: {backendRefs: [{name: django, port: 8102}]}\n", "only one of grpc or http can be specified"},
		{"envoy-gateway.yaml", "port: 8100", "port: 81000", "should be less than or equal to 65535"},
		{"envoy-gateway.yaml", "timeout: 5s", "timeout: 5 s", "spec.extAuth.timeout"},
		{"envoy-gateway.yaml", "    http:\n", "    https:\n", "one of grpc or http must be specified"},
		{"envoy-gateway.yaml", "DropHeader", "Drop", "withUnderscoresAction: Unsupported value"},
		{"envoy-gateway.yaml", "type: RegularExpression, value: \"(", "type: Regexp, value: \"(", "removeOnMatch[0].type: Unsupported value"},
		{"gateway-api.yaml", "path: /auth/envoy;require=staff", "path: /auth/envoy?require=staff", "should match"},
		{"gateway-api.yaml", "type: ExternalAuth", "type: RequestRedirect", "filter.externalAuth must be nil"},
		{"gateway-api.yaml", "protocol: HTTP", "protocol: http", "Unsupported value"},
		{"gateway-api.yaml", "allowedHeaders:", "allowed_headers:", "unknown field spec.rules[1].filters[0].externalAuth.http.allowed_headers"},
		{"gateway-api.yaml", "- cookie", "- accept", "Duplicate value"},
		{"istio.yaml", "action: CUSTOM", "action: CUSTOMS", "spec.action: Unsupported value"},
		{"istio.yaml", "notPaths:", "notPath:", "unknown field spec.rules[0].to[0].operation.notPath"},
		{"istio.yaml", "remove_on_match: {key_matcher", "remove_on_match: {key_matchers", "unknown field \"key_matchers\""},
		{"istio.yaml", "headers_with_underscores_action: DROP_HEADER", "headers_with_underscores_action: DROP", "invalid value for enum"},
		{"istio-values.yaml", "pathPrefix:", "path_prefixes:", "unknown field \"path_prefixes\""},
		{"istio-values.yaml", "timeout: 5s", "timeout: 5", "unexpected token 5"},
		{"istio-values.yaml", "includeRequestHeadersInCheck:", "includeRequestHeaders:", "unknown field"},
		{"contour.yaml", "authPolicy:", "authorizationPolicy:", "unknown field spec.routes[0].authorizationPolicy"},
		{"contour.yaml", "require: staff", "require: [staff]", "spec.routes[2].authPolicy.context.require"},
		{"contour.yaml", "protocol: h2c", "protocol: http2", "spec.protocol: Unsupported value"},
		{"contour.yaml", "targetPort: 8102", "targetPorts: 8102", "unknown field"},
		{"contour.yaml", "policyTypes:", "policyType:", "unknown field"},
	} {
		text := readFile(t, tt.file)
		if !strings.Contains(text, tt.text) {
			t.Errorf("%s does not say %q any more", tt.file, tt.text)
		}
		var faults []string
		for _, document := range documents(strings.ReplaceAll(text, tt.text, tt.wrong)) {
			faults = append(faults, known.faultsOf(t, document)...)
		}
		if all := strings.Join(faults, "\n"); !strings.Contains(all, tt.fault) {
			t.Errorf("%s with %q: the faults are %q, want %q among them", tt.file, tt.wrong, all, tt.fault)
		}
	}
}

// faultsOf says what is wrong in a document, by what takes it.
func (s schemas) faultsOf(t *testing.T, document []byte) []string {
	t.Helper()
	var err error
	switch kindOf(t, document) {
	case "":
		err = valuesFault(t, document)
	case "Service":
		err = yaml.UnmarshalStrict(document, new(corev1.Service))
	case "NetworkPolicy":
		err = yaml.UnmarshalStrict(document, new(networkingv1.NetworkPolicy))
	case "EnvoyFilter":
		err = envoyFilterFault(t, document)
		fallthrough
	default:
		faults := s.faults(t, document)
		if err != nil {
			faults = append(faults, err.Error())
		}
		return faults
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

// valuesFault reads what istio-values.yaml says of the mesh as istiod does.
func valuesFault(t *testing.T, document []byte) error {
	t.Helper()
	mesh := new(meshv1alpha1.MeshConfig)
	if err := protojson.Unmarshal(marshal(t, object(t, document)["meshConfig"]), mesh); err != nil {
		return err
	}
	for _, provider := range mesh.GetExtensionProviders() {
		http := provider.GetEnvoyExtAuthzHttp()
		// istio.io/istio, pkg/config/validation/agent/extensionprovider.go, has these rules.
		if http.GetService() == "" || http.GetPort() == 0 || http.GetPort() > 65535 || !strings.HasPrefix(http.GetPathPrefix(), "/") {
			return fmt.Errorf("provider %s is not whole", provider.GetName())
		}
	}
	return nil
}

// envoyFilterFault reads what an EnvoyFilter has for Envoy, which the API server does not look at.
func envoyFilterFault(t *testing.T, document []byte) error {
	t.Helper()
	patches, _ := object(t, document)["spec"].(map[string]any)["configPatches"].([]any)
	if len(patches) == 0 {
		return errors.New("no patches")
	}
	for _, patch := range patches {
		value, _ := patch.(map[string]any)["patch"].(map[string]any)["value"].(map[string]any)
		config, _ := value["typed_config"].(map[string]any)
		delete(config, "@type")
		if err := protojson.Unmarshal(marshal(t, config), new(hcmv3.HttpConnectionManager)); err != nil {
			return err
		}
	}
	return nil
}

// TestContourRemoves: on what is public nobody is named, and elsewhere the sidecar's answer alone names somebody. Contour removes
// headers after the question, so that there the four names must stay.
func TestContourRemoves(t *testing.T) {
	list, err := os.ReadFile("../../../../testdata/gateways/identity-headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, document := range documents(readFile(t, "contour.yaml")) {
		if kindOf(t, document) != "HTTPProxy" {
			continue
		}
		routes, _ := object(t, document)["spec"].(map[string]any)["routes"].([]any)
		for i, route := range routes {
			route, _ := route.(map[string]any)
			policy, _ := route["authPolicy"].(map[string]any)
			removed, _ := route["requestHeadersPolicy"].(map[string]any)["remove"].([]any)
			for name := range strings.Lines(string(list)) {
				name = strings.TrimSpace(name)
				if name == "" || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "*") {
					continue
				}
				tried++
				ours := slices.Contains([]string{"Remote-User", "Remote-User-Id", "Remote-Email", "Remote-Groups"}, name)
				if want := !ours || policy["disabled"] == true; slices.Contains(removed, any(name)) != want {
					t.Errorf("route %d removes %s: %v, want %v", i, name, !want, want)
				}
			}
		}
	}
	if tried < 600 {
		t.Errorf("only %d names have been tried", tried)
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(folder + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// documents are those of a stream that say something.
func documents(stream string) (list [][]byte) {
	for document := range strings.SplitSeq(stream, "\n---\n") {
		if strings.Trim(document, "\n") != "" && slices.ContainsFunc(strings.Split(document, "\n"), func(line string) bool { return line != "" && line[0] != '#' }) {
			list = append(list, []byte(document))
		}
	}
	return list
}

func kindOf(t *testing.T, document []byte) string {
	t.Helper()
	kind, _ := object(t, document)["kind"].(string)
	return kind
}

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
