package pages_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// TestReadmeIsShort: somebody who has never heard of the sidecar reads it to the end.
func TestReadmeIsShort(t *testing.T) {
	const most = 900
	if words := len(strings.Fields(readFile(t, "README.md"))); words > most {
		t.Errorf("README.md has %d words: what is beyond %d belongs on a page in docs/", words, most)
	}
}

// TestPagesHaveReaders: each page says first whom it is for, and the index lists it.
func TestPagesHaveReaders(t *testing.T) {
	index := readFile(t, "docs/README.md")
	pages := 0
	for _, page := range readTree(t).pages() {
		name, inDocs := strings.CutPrefix(page, "docs/")
		if !inDocs || name == "README.md" || strings.HasPrefix(name, "decisions/") {
			continue
		}
		pages++
		if _, rest, found := strings.Cut(readFile(t, page), "\n\n"); !found || !strings.HasPrefix(rest, "For whoever ") {
			t.Errorf("%s does not begin with whom it is for", page)
		}
		if !strings.Contains(index, "("+name+")") {
			t.Errorf("docs/README.md does not list %s", page)
		}
	}
	if pages < 15 {
		t.Errorf("only %d pages were found", pages)
	}
}

// TestMapHasEveryPackage: CONTRIBUTING.md says in a line what each package is, or the package that it stands in.
func TestMapHasEveryPackage(t *testing.T) {
	page := readFile(t, "CONTRIBUTING.md")
	packages := 0
	for file := range readTree(t).files {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata/") {
			continue
		}
		packages++
		for !strings.Contains(page, "`"+dir+"`") {
			if dir = path.Dir(dir); dir == "." || dir == "internal" || dir == "cmd" {
				t.Errorf("CONTRIBUTING.md does not say what %s is", path.Dir(file))
				break
			}
		}
	}
	if packages < 100 {
		t.Errorf("only %d files of packages were found", packages)
	}
}

// TestNewestDjango: the pages that name the newest Django name the one that is known.
func TestNewestDjango(t *testing.T) {
	oldest, newest := djangosession.OldestVersion().String(), djangosession.NewestVersion().String()
	for page, want := range map[string]string{
		"README.md":           "Live Djangos from " + oldest + " to " + newest + " check its answers",
		"docs/backends.md":    "`RemoteUserBackend` | Django " + oldest + " to " + newest + " |",
		"docs/divergences.md": "than the newest known, " + newest + ",",
		"docs/settings.md":    "A version above " + newest + " is judged as " + newest,
		"docs/uploads.md":     "under Django " + oldest + " to " + newest + ".",
	} {
		if !strings.Contains(readFile(t, page), want) {
			t.Errorf("%s does not say %q", page, want)
		}
	}
}

// TestTablesAreWhole: rows stand below a table's head. Those that an empty line cuts off are shown as they are written.
func TestTablesAreWhole(t *testing.T) {
	rule := regexp.MustCompile(`^\|(\s*:?-+:?\s*\|)+$`)
	tables := 0
	for _, page := range readTree(t).pages() {
		lines := strings.Split(readFile(t, page), "\n")
		inCode := false
		for i, line := range lines {
			inCode = inCode != strings.HasPrefix(strings.TrimSpace(line), "```")
			if inCode || !strings.HasPrefix(line, "|") || i > 0 && strings.HasPrefix(lines[i-1], "|") {
				continue
			}
			tables++
			if i+1 == len(lines) || !rule.MatchString(lines[i+1]) {
				t.Errorf("%s:%d: a row without a head: %.80s", page, i+1, line)
			}
		}
	}
	if tables < 100 {
		t.Errorf("only %d tables were found", tables)
	}
}

// TestLibraryShowsTheExample: the code in docs/library.md is that of the example, which the compiler reads: a whole file
// first, functions of another one then. A service takes a minute to write: the whole file has 25 lines at most, without
// its handlers and empty lines.
func TestLibraryShowsTheExample(t *testing.T) {
	main, login := readFile(t, "examples/service/main.go"), readFile(t, "examples/service/login.go")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```\n").FindAllStringSubmatch(readFile(t, "docs/library.md"), -1)
	shown := slices.IndexFunc(blocks, func(block []string) bool { return strings.HasPrefix(block[1], "func ") })
	if shown < 1 || len(blocks[shown][1]) < 1000 {
		t.Fatal("docs/library.md has not both examples")
	}
	if blocks[0][1] != main {
		t.Error("the first code in docs/library.md is not examples/service/main.go")
	}
	handlers := regexp.MustCompile(`(?ms)^func \w+\(w http\.ResponseWriter, r \*http\.Request\) \{$.*?^\}$`)
	around := regexp.MustCompile(`(?m)^.*\S.*$`).FindAllString(handlers.ReplaceAllString(main, ""), -1)
	if found := len(handlers.FindAllString(main, -1)); found != 2 || len(around) > 25 {
		t.Errorf("examples/service/main.go has %d lines around %d handlers, want 25 at most around 2", len(around), found)
	}
	for function := range strings.SplitSeq(strings.TrimSpace(blocks[shown][1]), "\n\nfunc ") {
		if !strings.Contains(login, strings.TrimPrefix(function, "func ")+"\n") {
			t.Errorf("examples/service/login.go has no %.60s", function)
		}
	}
}
