package charts_test

import (
	"flag"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/google/go-cmp/cmp"
)

//go:generate go test -count=1 -run ^TestKustomizeIsTheChart$ . -write

var write = flag.Bool("write", false, "write the Kustomize bases, which are made of the chart")

const (
	kustomize = root + "deploy/kustomize/"
	// madeOfChart stands at the head of a file that TestKustomizeIsTheChart writes.
	madeOfChart = "# Made of deploy/helm/django-sidecar by \"make docs\": change the chart, not this file.\n"
)

// overlays are what people apply, and the kinds in each.
var overlays = map[string][]string{
	"django":    {"ConfigMap", "Deployment", "NetworkPolicy", "Secret", "Service"},
	"service":   {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"},
	"monitored": {"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor", "Service"},
}

// built is what `kubectl kustomize` prints for an overlay.
func built(t *testing.T, overlay string) string {
	t.Helper()
	return kustomized(t, kustomize+"overlays/"+overlay)
}

// kustomized is what `kubectl kustomize` prints for a folder.
func kustomized(t *testing.T, folder string) string {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKustomize: the API server takes what each overlay is, and everything in it leads somewhere.
func TestKustomize(t *testing.T) {
	s := newServer(t)
	for overlay, kinds := range overlays {
		text := built(t, overlay)
		if diff := cmp.Diff(kinds, kindsOf(t, text)); diff != "" {
			t.Errorf("%s makes other kinds (-want +got):\n%s", overlay, diff)
		}
		for _, fault := range s.faults(t, text) {
			t.Errorf("%s: %s\n%s", overlay, fault, text)
		}
	}
}

// TestKustomizeIsTheChart: the chart is the only source of what both deploy. With -write it makes the files anew.
func TestKustomizeIsTheChart(t *testing.T) {
	own := helmFiles(t, "django-sidecar", nil)
	more := helmFiles(t, "django-sidecar", values(t, "{autoscaling: {enabled: true}, podMonitor: {enabled: true}, networkPolicy: {enabled: false}}"))
	for file, text := range map[string]string{
		"service/deployment.yaml":                         own["deployment.yaml"],
		"service/service.yaml":                            own["service.yaml"],
		"service/poddisruptionbudget.yaml":                own["poddisruptionbudget.yaml"],
		"service/networkpolicy.yaml":                      own["networkpolicy.yaml"],
		"overlays/monitored/podmonitor.yaml":              more["podmonitor.yaml"],
		"overlays/monitored/horizontalpodautoscaler.yaml": more["horizontalpodautoscaler.yaml"],
		"sidecar/pod.yaml":                                podPatch(t),
	} {
		if strings.TrimSpace(text) == "" {
			t.Fatalf("the chart makes no %s", file)
		}
		text = madeOfChart + strings.TrimSpace(ofHelm.ReplaceAllString(text, "")) + "\n"
		if *write {
			if err := os.WriteFile(kustomize+file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if diff := cmp.Diff(readFile(t, kustomize+file), text); diff != "" {
			t.Errorf("%s is not what the chart makes: run make docs (-is +should be):\n%s", file, diff)
		}
	}
}

// ofHelm are the labels that say that Helm has made an object.
var ofHelm = regexp.MustCompile(` +(app.kubernetes.io/managed-by|app.kubernetes.io/version|helm.sh/chart): .*\n`)

// helmFiles are the chart's own files for a release, by their base name.
func helmFiles(t *testing.T, release string, values map[string]any) map[string]string {
	t.Helper()
	c, err := loader.LoadDir(chart)
	if err != nil {
		t.Fatal(err)
	}
	return renderAs(t, c, release, values)
}

// podPatch is what a chart that consists of the one line renders.
func podPatch(t *testing.T) string {
	t.Helper()
	own, err := loader.LoadDir(chart)
	if err != nil {
		t.Fatal(err)
	}
	const line = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: any\nspec:\n  template:\n    spec:\n      {{- include \"django-sidecar.pod\" . | nindent 6 }}\n"
	c := &chartv2.Chart{
		Metadata:  &chartv2.Metadata{APIVersion: "v2", Name: "any", Version: "1.0.0"},
		Templates: []*common.File{{Name: "templates/pod.yaml", Data: []byte(line)}},
	}
	c.AddDependency(own)
	return renderAs(t, c, "any", nil)["pod.yaml"]
}

func renderAs(t *testing.T, c *chartv2.Chart, release string, values map[string]any) map[string]string {
	t.Helper()
	if values == nil {
		values = map[string]any{}
	}
	err := chartutil.ProcessDependencies(c, values)
	if err != nil {
		t.Fatal(err)
	}
	all, err := commonutil.ToRenderValues(c, values, common.ReleaseOptions{Name: release, Namespace: "default"}, common.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, all)
	if err != nil {
		t.Fatal(err)
	}
	byBase := map[string]string{}
	for name, text := range files {
		if strings.TrimSpace(text) != "" {
			byBase[path.Base(name)] = text
		}
	}
	return byBase
}
