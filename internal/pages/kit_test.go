package pages_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write the tables that are made from the code into their pages")

// root is the repository's, from this package's folder.
const root = "../.."

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section compares what stands in docs/http.md between <!-- name: … --> and <!-- end --> with what is to stand there, and with -write puts it there.
func section(t *testing.T, name, want string) {
	t.Helper()
	text := readFile(t, httpPage)
	marker := "<!-- " + name + ": written by make docs -->\n"
	before, rest, found := strings.Cut(text, marker)
	stands, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no place for %s: %s", httpPage, name, marker)
	}
	if stands == want {
		return
	}
	if !*write {
		t.Errorf("%s has another table of %s than the code: run make docs", httpPage, name)
		return
	}
	text = before + marker + want + "<!-- end -->" + after
	if err := os.WriteFile(filepath.Join(root, httpPage), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rowsOf are the rows of all tables of a page whose heads are these, each as its cells.
func rowsOf(page, head string) [][]string {
	var rows [][]string
	in := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case line == head:
			in = true
		case !strings.HasPrefix(line, "|"):
			in = false
		case in && !strings.HasPrefix(line, "|--"):
			cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}
