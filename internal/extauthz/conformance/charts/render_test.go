package charts_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	loader3 "helm.sh/helm/v3/pkg/chart/loader"
	chartutil3 "helm.sh/helm/v3/pkg/chartutil"
	engine3 "helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/yaml"
)

const (
	root  = "../../../../"
	chart = root + "deploy/helm/django-sidecar"
	// parent is the chart of a Django that includes the sidecar.
	parent = root + "deploy/helm/django"
	kube   = "v1.30.0" // the oldest that Chart.yaml admits
)

// valueSets are those in the chart's folder ci, and the chart's own values as "defaults".
func valueSets(tb testing.TB) map[string]map[string]any {
	tb.Helper()
	sets := map[string]map[string]any{"defaults": {}}
	files, err := filepath.Glob(chart + "/ci/*-values.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		sets[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = values(tb, readFile(tb, file))
	}
	if len(sets) < 5 {
		tb.Fatalf("only the value sets %q", slices.Sorted(maps.Keys(sets)))
	}
	return sets
}

func values(tb testing.TB, text string) map[string]any {
	tb.Helper()
	v := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

// rendered is what `helm template` of Helm 4 prints, for each file.
func rendered(tb testing.TB, dir string, values map[string]any) (map[string]string, error) {
	tb.Helper()
	c, err := loader.LoadDir(dir)
	if err != nil {
		return nil, err
	}
	if dir == parent { // as `helm dependency build` does
		own, err := loader.LoadDir(chart)
		if err != nil {
			return nil, err
		}
		c.AddDependency(own)
	}
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return nil, err
	}
	version, err := common.ParseKubeVersion(kube)
	if err != nil {
		return nil, err
	}
	capabilities := *common.DefaultCapabilities
	capabilities.KubeVersion = *version
	all, err := commonutil.ToRenderValues(c, values, common.ReleaseOptions{Name: "shop", Namespace: "web", IsInstall: true}, &capabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// renderedByHelm3 is the same by Helm 3, which most people have.
func renderedByHelm3(tb testing.TB, dir string, values map[string]any) map[string]string {
	tb.Helper()
	fail := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	c, err := loader3.LoadDir(dir)
	fail(err)
	if dir == parent {
		own, err := loader3.LoadDir(chart)
		fail(err)
		c.AddDependency(own)
	}
	fail(chartutil3.ProcessDependencies(c, values))
	all, err := chartutil3.ToRenderValues(c, values, chartutil3.ReleaseOptions{Name: "shop", Namespace: "web", IsInstall: true}, chartutil3.DefaultCapabilities)
	fail(err)
	files, err := engine3.Render(c, all)
	fail(err)
	return files
}

// stream joins the manifests of the files, the notes left out.
func stream(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".yaml") && strings.TrimSpace(files[name]) != "" {
			fmt.Fprintf(&b, "---\n%s\n", strings.TrimSpace(files[name]))
		}
	}
	return b.String()
}

// documents are those of a stream that say something.
func documents(stream string) (list [][]byte) {
	for document := range bytes.SplitSeq([]byte("\n"+stream), []byte("\n---\n")) {
		if len(bytes.TrimSpace(document)) > 0 {
			list = append(list, document)
		}
	}
	return list
}

func readFile(tb testing.TB, file string) string {
	tb.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}
