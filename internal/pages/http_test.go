package pages_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/internal/observe"
	"django-sidecar/internal/verdictcache"
)

const httpPage = "docs/http.md"

// TestTablesOfHTTP holds the tables of docs/http.md that are made from the code.
func TestTablesOfHTTP(t *testing.T) {
	section(t, httpPage, "reasons", tableOfReasons(t))
	section(t, httpPage, "refusals", tableOfRefusals(t))
	section(t, httpPage, "metrics", tableOfMetrics(t))
}

// tableOfReasons reads the constants of djangosession.Reason, and what stands behind each.
func tableOfReasons(t *testing.T) string {
	table, rows := "| reason | the session is nobody's because |\n|---|---|\n", 0
	for _, file := range parsed(t, "djangosession") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Reason" {
				table += fmt.Sprintf("| `%s` | %s |\n", literal(spec.Values[0]), strings.TrimSpace(spec.Comment.Text()))
				rows++
			}
			return true
		})
	}
	if rows < 10 {
		t.Fatalf("only %d reasons were found", rows)
	}
	return table
}

// tableOfMetrics asks the registry for everything that it would tell.
func tableOfMetrics(t *testing.T) string {
	registry := prometheus.NewRegistry()
	m := observe.NewMetrics(registry, "", "")
	m.EventsDropped(func() uint64 { return 0 })
	m.Cache(func() verdictcache.Stats { return verdictcache.Stats{} })
	described := regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: ("(?:[^"\\]|\\.)*"), (?:unit: "[^"]*", )?constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)
	descriptions := make(chan *prometheus.Desc, 200)
	registry.Describe(descriptions)
	close(descriptions)
	var rows []string
	for d := range descriptions {
		parts := described.FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatalf("%s: a description that this test cannot read", d)
		}
		help, err := strconv.Unquote(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		labels := strings.Trim(regexp.MustCompile(`="[^"]*"`).ReplaceAllString(parts[3], "")+","+parts[4], ",")
		if labels != "" {
			labels = "{" + labels + "}"
		}
		rows = append(rows, fmt.Sprintf("| `%s%s` | %s |\n", parts[1], labels, help))
	}
	if len(rows) < 20 {
		t.Fatalf("only %d metrics were found", len(rows))
	}
	slices.Sort(rows)
	return "| metric | counts |\n|---|---|\n" + strings.Join(rows, "")
}

// tableOfRefusals reads the source for a status of HTTP that stands beside what the client is told, wherever that is.
func tableOfRefusals(t *testing.T) string {
	statuses := statusNumbers(t)
	found := map[string]bool{}
	for _, dir := range []string{"handlers", "internal/answer", "internal/check", "internal/reply", "internal/upload"} {
		for _, file := range parsed(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				status, message := refusalIn(n, statuses)
				if message != "" && status >= 400 {
					found[fmt.Sprintf("| %d | %s |\n", status, message)] = true
				}
				return true
			})
		}
	}
	if len(found) < 40 {
		t.Fatalf("only %d refusals were found", len(found))
	}
	rows := make([]string, 0, len(found))
	for row := range found {
		rows = append(rows, row)
	}
	slices.Sort(rows)
	return "| status | message |\n|---|---|\n" + strings.Join(rows, "")
}

// refusalIn is what a literal or a call says of a status and a message: both stand in it.
func refusalIn(n ast.Node, statuses map[string]int) (status int, message string) {
	var parts []ast.Expr
	switch n := n.(type) {
	case *ast.CompositeLit:
		parts = n.Elts
	case *ast.CallExpr:
		parts = n.Args
		if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "badRequest" {
			status = http.StatusBadRequest
		}
	}
	for _, part := range parts {
		if pair, ok := part.(*ast.KeyValueExpr); ok {
			part = pair.Value
		}
		switch part := part.(type) {
		case *ast.SelectorExpr:
			if n, ok := statuses[part.Sel.Name]; ok {
				status = n
			}
		case *ast.Ident:
			if part.Name == "statusChecksumMismatch" {
				status = 460
			}
		case *ast.BasicLit, *ast.BinaryExpr:
			if text := sentence(part); strings.HasSuffix(text, ".") && len(text) > 10 {
				message = text
			}
		}
	}
	if status == 0 {
		return 0, ""
	}
	return status, message
}

// sentence is a text that is put together, with … for what is not known before.
func sentence(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return literal(e)
	case *ast.BinaryExpr:
		return sentence(e.X) + sentence(e.Y)
	}
	return "…"
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}

// statusNumbers are net/http's own constants, by their names.
func statusNumbers(t *testing.T) map[string]int {
	t.Helper()
	numbers := map[string]int{}
	for status := 100; status < 600; status++ {
		if text := http.StatusText(status); text != "" {
			numbers["Status"+regexp.MustCompile(`[^A-Za-z]`).ReplaceAllString(text, "")] = status
		}
	}
	numbers["StatusTeapot"] = http.StatusTeapot
	return numbers
}

// parsed are the files of a folder and of those below it, tests left out. A folder that there is not has none.
func parsed(t *testing.T, dir string) []*ast.File {
	t.Helper()
	var files []*ast.File
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		files = append(files, file)
		return err
	}
	if err := filepath.WalkDir(filepath.Join(root, dir), walk); err != nil {
		t.Fatal(err)
	}
	return files
}
