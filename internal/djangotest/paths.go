package djangotest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codeSpan is a path in the text of a page.
var codeSpan = regexp.MustCompile("`(/[^`]*)`")

// DocumentedPaths are the examples of docs/gateways/README.md: paths that each gateway refuses, and paths that pass.
func DocumentedPaths(tb testing.TB) (refused, passing []string) {
	tb.Helper()
	page, err := os.ReadFile(filepath.Join(RepositoryPath(), "docs", "gateways", "README.md"))
	if err != nil {
		tb.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Paths\n")
	_, table, _ := strings.Cut(section, "\n| refused with 400 | for example |\n|---|---|\n")
	table, rest, _ := strings.Cut(table, "\n\n")
	for row := range strings.Lines(table) {
		cells := strings.SplitN(row, "|", 3)
		for _, found := range codeSpan.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			refused = append(refused, found[1])
		}
	}
	passes, _, _ := strings.Cut(rest, "Traefik")
	for _, found := range codeSpan.FindAllStringSubmatch(passes, -1) {
		passing = append(passing, found[1])
	}
	if len(refused) < 40 || len(passing) < 8 {
		tb.Fatalf("docs/gateways/README.md has %d paths that are refused and %d that pass: its section Paths is "+
			"not what it was", len(refused), len(passing))
	}
	return refused, passing
}
