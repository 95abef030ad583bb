package manifests_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	envoygateway "github.com/envoyproxy/gateway"
	_ "github.com/projectcontour/contour/apis/projectcontour/v1" // its module has the schemas
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	_ "sigs.k8s.io/gateway-api/apis/v1" // its module has the schemas
	"sigs.k8s.io/yaml"
)

// schemas are the versions of custom resources, by "apiVersion, kind".
type schemas map[string]*resource

// resource is a version of a custom resource. What is made of its schema is made when it is needed.
type resource struct {
	props      *apiextensions.JSONSchemaProps
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func (r *resource) prepare(t *testing.T) {
	t.Helper()
	if r.structural != nil {
		return
	}
	var err error
	if r.structural, err = schema.NewStructural(r.props); err != nil {
		t.Fatal(err)
	}
	if r.validator, _, err = validation.NewSchemaValidator(r.props); err != nil {
		t.Fatal(err)
	}
	r.rules = cel.NewValidator(r.structural, true, celconfig.PerCallLimit)
}

// readSchemas reads the definitions of all products. The experimental channel of Gateway API is the one with ExternalAuth.
func readSchemas(t *testing.T) schemas {
	t.Helper()
	all := schemas{}
	all.add(t, envoygateway.GatewayCRDs)
	for module, file := range map[string]string{
		"sigs.k8s.io/gateway-api":           "config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml",
		"github.com/projectcontour/contour": "examples/contour/01-crds.yaml",
		"istio.io/api":                      "kubernetes/customresourcedefinitions.gen.yaml",
	} {
		dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), file))
		if err != nil {
			t.Fatal(err)
		}
		all.add(t, raw)
	}
	return all
}

func (s schemas) add(t *testing.T, stream []byte) {
	t.Helper()
	for document := range bytes.SplitSeq(stream, []byte("\n---\n")) {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(document, &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		for _, version := range crd.Spec.Versions {
			props := new(apiextensions.JSONSchemaProps)
			if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, props, nil); err != nil {
				t.Fatal(err)
			}
			s[crd.Spec.Group+"/"+version.Name+", "+crd.Spec.Names.Kind] = &resource{props: props}
		}
	}
}

// faults says what the API server would refuse in a custom resource, where it is asked to be strict: unknown fields, wrong types and
// values, lists with doubles, and what the rules of the schema forbid.
func (s schemas) faults(t *testing.T, document []byte) (faults []string) {
	t.Helper()
	object := object(t, document)
	r := s[fmt.Sprint(object["apiVersion"], ", ", object["kind"])]
	if r == nil {
		return []string{fmt.Sprintf("no schema for %v, %v", object["apiVersion"], object["kind"])}
	}
	r.prepare(t)
	for _, path := range pruning.PruneWithOptions(object, r.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		faults = append(faults, "unknown field "+path)
	}
	defaulting.Default(object, r.structural)
	errs := validation.ValidateCustomResource(nil, object, r.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, object)...)
	if r.rules != nil && len(errs) == 0 {
		broken, _ := r.rules.Validate(t.Context(), nil, r.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	for _, err := range errs {
		faults = append(faults, err.Error())
	}
	return faults
}

// object reads a document as the API server does: numbers without a point are integers.
func object(t *testing.T, document []byte) (object map[string]any) {
	t.Helper()
	raw, err := yaml.YAMLToJSONStrict(document)
	if err == nil {
		err = json.Unmarshal(raw, &object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object
}
