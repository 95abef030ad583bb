package pages_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"django-sidecar/internal/observe"
	"django-sidecar/internal/reply"
	"django-sidecar/internal/verdictcache"
)

const httpPage = "docs/http.md"

// TestTablesOfHTTP holds the tables of docs/http.md that are made from the code.
func TestTablesOfHTTP(t *testing.T) {
	section(t, "reasons", tableOfReasons(t))
	section(t, "refusals", tableOfRefusals())
	section(t, "calls", tableOfCalls())
	section(t, "metrics", tableOfMetrics(t))
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
	m.SpansUndelivered(func() uint64 { return 0 })
	m.AuditLost(func() uint64 { return 0 })
	m.Cache(func() verdictcache.Stats { return verdictcache.Stats{} })
	m.Shadow(nil, time.Now).Compared("same", true, false)
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

// tableOfRefusals are the rows of package reply that are no yes. Two rows may tell a client the same.
func tableOfRefusals() string {
	var rows []string
	for _, r := range reply.Replies() {
		if r.Status < http.StatusBadRequest {
			continue
		}
		var headers []string
		for _, h := range r.Header {
			headers = append(headers, fmt.Sprintf("`%s: %s`", h.Name, h.Value))
		}
		rows = append(rows, fmt.Sprintf("| %d | %s | %s |\n", r.Status, r.Message, strings.Join(headers, ", ")))
	}
	slices.Sort(rows)
	return "| status | message | headers |\n|---|---|---|\n" + strings.Join(slices.Compact(rows), "")
}

// tableOfCalls are the ends of calls of gRPC that have no answer.
func tableOfCalls() string {
	var rows []string
	for _, c := range reply.Calls() {
		rows = append(rows, fmt.Sprintf("| %d | %s |\n", c.Code, c.Message))
	}
	slices.Sort(rows)
	return "| code | message |\n|---|---|\n" + strings.Join(rows, "")
}

// TestReplies: each reply has a message, but for those that send a browser on or let it pass, and none is in the table twice.
func TestReplies(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range reply.Replies() {
		row := fmt.Sprintf("%d %s", r.Status, r.Message)
		if seen[row] || (r.Message == "") != (r.Status == http.StatusFound || row == "200 " || row == "204 ") {
			t.Errorf("the row %q", row)
		}
		seen[row] = true
		if again := fmt.Sprint(r.Header) == "[{Retry-After 1}]"; r.Status == http.StatusServiceUnavailable && !again {
			t.Errorf("%q does not say when to ask again", row)
		}
		if r.Status == http.StatusUnauthorized && fmt.Sprint(r.Header) != "[{Www-Authenticate Cookie}]" {
			t.Errorf("%q has no challenge", row)
		}
	}
	if len(seen) < 60 || len(reply.Calls()) < 9 {
		t.Errorf("only %d replies and %d calls", len(seen), len(reply.Calls()))
	}
}

// TestRepliesAreInTheTable: no other package writes a message beside a status.
func TestRepliesAreInTheTable(t *testing.T) {
	for _, dir := range []string{"handlers", "internal/check", "internal/extauthz", "internal/gateway", "internal/upload"} {
		for path, file := range parsedByPath(t, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				if status, message := messageIn(n); message {
					t.Errorf("%s writes %s with a message: it belongs into internal/reply", path, status)
				}
				return true
			})
		}
	}
}

// messageIn says whether a literal or a call has a status of HTTP and a text in it.
func messageIn(n ast.Node) (status string, message bool) {
	var parts []ast.Expr
	switch n := n.(type) {
	case *ast.CompositeLit:
		parts = n.Elts
	case *ast.CallExpr:
		parts = n.Args
	}
	for _, part := range parts {
		if pair, ok := part.(*ast.KeyValueExpr); ok {
			part = pair.Value
		}
		switch part := part.(type) {
		case *ast.SelectorExpr:
			if strings.HasPrefix(part.Sel.Name, "Status") {
				status = part.Sel.Name
			}
		case *ast.BasicLit, *ast.BinaryExpr:
			message = message || sentence(part) != ""
		}
	}
	return status, message && status != ""
}

// sentence is the text of a literal, or of several that are put together.
func sentence(e ast.Expr) string {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return sentence(sum.X) + sentence(sum.Y)
	}
	return literal(e)
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}

// parsed are the files of a folder and of those below it, tests left out.
func parsed(t *testing.T, dir string) []*ast.File {
	t.Helper()
	return slices.Collect(maps.Values(parsedByPath(t, dir)))
}

func parsedByPath(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		return err
	}
	if err := filepath.WalkDir(filepath.Join(root, dir), walk); err != nil {
		t.Fatal(err)
	}
	return files
}
