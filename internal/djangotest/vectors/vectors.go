package vectors

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// python is the folder of the tables.
const python = "python-3.13"

// Djangos returns the names of the folders of cases, django-1.11 to the newest, of which there are nine at least.
func Djangos(tb testing.TB) []string {
	tb.Helper()
	names, err := fs.Glob(root(tb), "django-*")
	if err != nil {
		tb.Fatal(err)
	}
	if len(names) < 9 {
		tb.Fatalf("vectors of %d Djangos, expected at least 9", len(names))
	}
	return names
}

// Cases returns the cases of one folder, or fails the test.
func Cases(tb testing.TB, folder string, atLeast int) []Case {
	tb.Helper()
	sub, err := fs.Sub(root(tb), folder)
	if err != nil {
		tb.Fatal(err)
	}
	cases, err := ReadCases(sub, atLeast)
	if err != nil {
		tb.Fatalf("vectors %s: %v", folder, err)
	}
	return cases
}

// Table returns the rows of one table, or fails the test. The name is that of its file without .jsonl.
func Table[T any](tb testing.TB, name string, atLeast int) []T {
	tb.Helper()
	sub, err := fs.Sub(root(tb), python)
	if err != nil {
		tb.Fatal(err)
	}
	rows, err := ReadTable[T](sub, name+".jsonl", atLeast)
	if err != nil {
		tb.Fatalf("vectors %s: %v", python, err)
	}
	return rows
}

// Library returns the rows of library/NAME-X.Y.jsonl by their Django, of which there are eleven at least.
func Library[T any](tb testing.TB, name string, atLeast int) map[string][]T {
	tb.Helper()
	sub, err := fs.Sub(root(tb), "library")
	if err != nil {
		tb.Fatal(err)
	}
	files, err := fs.Glob(sub, name+"-*.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) < 11 {
		tb.Fatalf("vectors %s of %d Djangos, expected at least 11", name, len(files))
	}
	tables := map[string][]T{}
	for _, file := range files {
		rows, err := ReadTable[T](sub, file, atLeast)
		if err != nil {
			tb.Fatalf("vectors library: %v", err)
		}
		tables[strings.TrimSuffix(strings.TrimPrefix(file, name+"-"), ".jsonl")] = rows
	}
	return tables
}

// root finds testdata/vectors beside the go.mod above the test's working directory, which is its package's folder.
func root(tb testing.TB) fs.FS {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return os.DirFS(filepath.Join(dir, "testdata", "vectors"))
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
