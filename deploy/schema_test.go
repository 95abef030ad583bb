package deploy_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

//go:generate go test -count=1 -run ^TestSettingsInSchema$ . -write

var write = flag.Bool("write", false, "write the settings into the schema of the chart's values")

// kindOfForm is what a value of a form may be in YAML, besides a text.
var kindOfForm = map[string]string{
	"flag": "boolean", "list": "array", "JSON object": "object",
	"number": "integer", "number or None": "integer", "seconds": "integer", "size": "integer", "size or 0": "integer", "duration or 0": "integer",
}

// TestSettingsInSchema: the chart takes each setting of internal/config, and no other: secrets as files alone.
func TestSettingsInSchema(t *testing.T) {
	const file = "helm/django-sidecar/values.schema.json"
	var settings, files []string
	known := config.Settings()
	for _, s := range known {
		kind := `"string"`
		if other := kindOfForm[s.Form]; other != "" {
			kind = fmt.Sprintf(`["string", %q]`, other)
		}
		line := fmt.Sprintf("        %q: {\"type\": %s}", s.Name, kind)
		switch {
		case strings.HasSuffix(s.Name, "_FILE"):
			files = append(files, fmt.Sprintf("        %q: {\"type\": \"string\", \"pattern\": \"^[-._A-Za-z0-9]+$\"}", s.Name))
		case !slices.ContainsFunc(known, func(other config.Setting) bool { return other.Name == s.Name+"_FILE" }):
			settings = append(settings, line)
		}
	}
	if len(settings) < 80 || len(files) < 5 {
		t.Fatalf("only %d settings and %d files", len(settings), len(files))
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was := string(raw)
	text := between(t, was, `    "settings": {
      "description": `, settings)
	text = between(t, text, `    "files": {
      "description": `, files)
	if text == was {
		return
	}
	if !*write {
		t.Fatal("the chart's schema has other settings than internal/config: run make docs")
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// between puts lines where the properties behind a head stand.
func between(t *testing.T, text, head string, lines []string) string {
	t.Helper()
	before, rest, found := strings.Cut(text, head)
	const begin, end = "\"properties\": {\n", "      }\n"
	about, list, opened := strings.Cut(rest, begin)
	_, after, closed := strings.Cut(list, end)
	if !found || !opened || !closed {
		t.Fatalf("the schema has no place for %q", head)
	}
	return before + head + about + begin + strings.Join(lines, ",\n") + "\n" + end + after
}
