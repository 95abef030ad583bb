package pages_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"django-sidecar/internal/config"
)

// tree is what the repository has.
type tree struct {
	files    map[string]bool // paths, folders included
	bases    map[string]bool // names of files
	settings map[string]bool
	defaults map[string]string // of settings
	metrics  []string
	targets  map[string]bool            // of the Makefile
	tests    map[string]bool            // Test, Fuzz, Benchmark and Example functions
	exported map[string]map[string]bool // package -> what it declares, methods and fields without their type
}

// TestNamesInPages: what a page names exists: files, settings, make targets, tests, names of our packages, and what links lead to.
func TestNamesInPages(t *testing.T) {
	repo := readTree(t)
	for _, page := range repo.pages() {
		for _, fault := range repo.faultsOfPage(page, readFile(t, page)) {
			t.Errorf("%s: %s", page, fault)
		}
	}
}

// TestNamesInComments: the files and settings that comments name exist, in Go and in the configurations.
func TestNamesInComments(t *testing.T) {
	repo := readTree(t)
	for file := range repo.files {
		var comments []string
		switch {
		case strings.HasSuffix(file, ".go"):
			comments = commentsOf(t, file)
		case strings.HasPrefix(file, "deploy/") && !strings.HasSuffix(file, ".go") && path.Ext(file) != "", file == "Makefile", file == ".golangci.yml", strings.HasPrefix(file, "tools/") && strings.HasSuffix(file, ".sh"):
			for line := range strings.Lines(readFile(t, file)) {
				if _, comment, found := strings.Cut(line, "#"); found {
					comments = append(comments, comment)
				}
			}
		}
		for _, comment := range comments {
			for _, fault := range repo.faultsOfComment(file, comment) {
				t.Errorf("%s: %s", file, fault)
			}
		}
	}
}

// TestNamesThatDoNotExist: the checks above find what they are for.
func TestNamesThatDoNotExist(t *testing.T) {
	repo := readTree(t)
	for text, want := range map[string]string{
		"see `internal/answers/none.go`":         "internal/answers/none.go",
		"`migration.go` has it":                  "migration.go",
		"set `SIDECAR_CACHE_TIME`":               "SIDECAR_CACHE_TIME",
		"DJANGO_SESSION_COOKIE_NAMES counts":     "DJANGO_SESSION_COOKIE_NAMES",
		"`make tests`":                           "make tests",
		"`TestNothingAtAll`":                     "TestNothingAtAll",
		"`djangosession.VerifierKnowing`":        "djangosession.VerifierKnowing",
		"`django_sidecar_verdict_total` counts":  "django_sidecar_verdict_total",
		"[page](nowhere.md)":                     "nowhere.md",
		"[page](settings.md#no-such-heading)":    "settings.md#no-such-heading",
		"for SIDECAR_LINGER (20 s) at most":      "SIDECAR_LINGER is 30s",
		"| SIDECAR_MAX_CONNECTIONS, 1000 |":      "SIDECAR_MAX_CONNECTIONS is 1024",
		"```sh\nmake tests\n```\n`docs/none.md`": "docs/none.md",
	} {
		if faults := repo.faultsOfPage("docs/x.md", text); len(faults) == 0 || !strings.Contains(strings.Join(faults, "\n"), want) {
			t.Errorf("%q: got %q", text, faults)
		}
	}
	for text, want := range map[string]string{
		"The table is in answers.go.":      "answers.go",
		"The table is in settings_own.go.": "settings_own.go", // which another package has
		"see docs/none.md":                 "docs/none.md",
		"of SIDECAR_CACHE_TIME":            "SIDECAR_CACHE_TIME",
		"cmd/django-sidecar/globals.go is": "cmd/django-sidecar/globals.go",
	} {
		if faults := repo.faultsOfComment("handlers/doc.go", text); len(faults) == 0 || !strings.Contains(faults[0], want) {
			t.Errorf("%q: got %q", text, faults)
		}
	}
	for _, text := range []string{
		"`signing/doc.go`, `SIDECAR_LISTEN`, `SIDECAR_DB_CONNS` (4), SIDECAR_LINGER (30 s), DJANGO_AUTH_USER_…_COLUMN, `make demo`, `TestNamesInPages`, `djangosession.Verifier`, [s](settings.md#sessions), [l](https://example.com/x.md)",
	} {
		if faults := repo.faultsOfPage("docs/x.md", text); len(faults) > 0 {
			t.Errorf("%q: got %q", text, faults)
		}
	}
}

func (r *tree) pages() []string {
	var pages []string
	for file := range r.files {
		if strings.HasSuffix(file, ".md") && !strings.Contains(file, "/vendor/") {
			pages = append(pages, file)
		}
	}
	slices.Sort(pages)
	return pages
}

var (
	settingName = regexp.MustCompile(`\b(DJANGO|SIDECAR)_[A-Z0-9_]+`)
	// settingDefault is a name with a number in parentheses, or in a cell of a table behind a comma.
	settingDefault = regexp.MustCompile("\\b((?:DJANGO|SIDECAR)_[A-Z0-9_]+)`?(?: \\(|, )([0-9][0-9,.]*(?: ?[a-zA-Z]+)?)(?:\\)| \\|)")
	metricName     = regexp.MustCompile(`\bdjango_sidecar_\w+_(total|seconds|bytes|entries|in_flight|sound|unsound|stale|fresh|info)\b`)
	code           = regexp.MustCompile("`([^`\n]+)`")
	link           = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeTarget     = regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	testName       = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w+`)
	goFile         = regexp.MustCompile(`[\w./*-]*\w\.go\b`)
	ourPath        = regexp.MustCompile(`(^|[^\w./~$-])((?:cmd|signing|djangosession|handlers|internal|e2e|testdata|docs|deploy|tools)/[\w./*-]*\w)`)
	qualified      = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
)

// faultsOfPage are the names of a page that do not exist.
func (r *tree) faultsOfPage(page, text string) []string {
	faults := append(r.unknownSettings(text), r.unknownMetrics(text)...)
	for _, found := range link.FindAllStringSubmatch(text, -1) {
		if !r.leads(page, found[1]) {
			faults = append(faults, "the link "+found[1]+" leads nowhere")
		}
	}
	if page == "CHANGELOG.md" || strings.HasPrefix(page, "docs/decisions/") { // they tell of what was
		return faults
	}
	faults = append(faults, r.otherDefaults(text)...)
	inFence := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inFence = !inFence
			continue
		}
		if inFence {
			faults = append(faults, r.unknownTargets(line)...)
			continue
		}
		for _, found := range code.FindAllStringSubmatch(line, -1) {
			faults = append(faults, r.unknownTargets(found[1])...)
			faults = append(faults, r.faultsOfCode(found[1])...)
		}
	}
	return faults
}

// faultsOfCode are those of a text between backticks.
func (r *tree) faultsOfCode(text string) []string {
	var faults []string
	for _, name := range testName.FindAllString(text, -1) {
		if !r.tests[name] {
			faults = append(faults, "there is no test "+name)
		}
	}
	if found := qualified.FindStringSubmatch(text); found != nil {
		names, ours := r.exported[found[1]]
		if ours && (!names[found[2]] || found[3] != "" && !names[found[3]]) {
			faults = append(faults, "there is no "+found[0])
		}
	}
	faults = append(faults, r.unknownPaths("", text)...)
	for _, name := range goFile.FindAllString(text, -1) {
		if !strings.Contains(name, "/") && !r.bases[name] {
			faults = append(faults, "there is no file "+name)
		}
	}
	return faults
}

// faultsOfComment are the files and settings of a comment that do not exist.
func (r *tree) faultsOfComment(file, text string) []string {
	faults := r.unknownSettings(text)
	if !foreign(text) {
		faults = append(faults, r.unknownPaths(path.Dir(file), text)...)
	}
	for _, name := range goFile.FindAllString(text, -1) {
		if ourPath.MatchString(name) || r.has(path.Join(path.Dir(file), name)) || foreign(text) {
			continue
		}
		faults = append(faults, "there is no file "+name)
	}
	return faults
}

// foreign says whether a comment cites somebody else's source, whose files we do not have.
func foreign(comment string) bool { return citation.MatchString(comment) }

var citation = regexp.MustCompile(`Go 1\.\d|net/http|net/textproto|lib/pq|go-sql-driver|go-redis|grpc-go|x/net|modernc|\bgo1\.|github\.com|istio\.io|envoyproxy|v\d+\.\d+\.\d+|crypto/|encoding/`)

// notOurs are names of Django's and of our own tests' that look like settings, and misspelt ones that comments give as examples.
var notOurs = regexp.MustCompile(`^(DJANGO_SETTINGS_MODULE|DJANGO_SUPERUSER_PASSWORD|DJANGO_VERSION_PICKLE_KEY|DJANGO_SIDECAR_[A-Z_]+|DJANGO_ALLOW_ASYNC_UNSAFE|SIDECAR_TEST_RESTARTS|SIDECAR_LISTEN_PORT|SIDECAR_PORT|SIDECAR_DB_CONNECTIONS)$`)

func (r *tree) unknownSettings(text string) []string {
	var faults []string
	for _, at := range settingName.FindAllStringIndex(text, -1) {
		name, rest := text[at[0]:at[1]], text[at[1]:]
		pattern := strings.HasSuffix(name, "_") || strings.HasPrefix(rest, "…") || strings.HasPrefix(rest, "*") || strings.HasPrefix(rest, "<") || strings.HasPrefix(rest, "{")
		if pattern || r.settings[name] || notOurs.MatchString(name) {
			continue
		}
		faults = append(faults, "there is no setting "+name)
	}
	return faults
}

// otherDefaults are numbers behind the name of a setting, as in SIDECAR_LINGER (30 s), that are not its default.
func (r *tree) otherDefaults(text string) []string {
	var faults []string
	for _, found := range settingDefault.FindAllStringSubmatch(text, -1) {
		want := strings.ReplaceAll(found[2], ",", "")
		if got, known := r.defaults[found[1]]; known && got != strings.ReplaceAll(want, " ", "") {
			faults = append(faults, found[1]+" is "+got+" by default, and not "+found[2])
		}
	}
	return faults
}

func (r *tree) unknownMetrics(text string) []string {
	var faults []string
	for _, name := range metricName.FindAllString(text, -1) {
		if !slices.Contains(r.metrics, name) {
			faults = append(faults, "there is no metric "+name)
		}
	}
	return faults
}

func (r *tree) unknownTargets(text string) []string {
	var faults []string
	for _, found := range makeTarget.FindAllStringSubmatch(text, -1) {
		if !r.targets[found[1]] {
			faults = append(faults, "there is no target "+found[0])
		}
	}
	return faults
}

// unknownPaths are the paths that do not exist, neither from the root nor from the folder.
func (r *tree) unknownPaths(folder, text string) []string {
	var faults []string
	for _, found := range ourPath.FindAllStringSubmatch(text, -1) {
		if name := strings.TrimRight(found[2], "./"); !r.has(name) && !r.has(path.Join(folder, name)) {
			faults = append(faults, "there is no "+found[2])
		}
	}
	return faults
}

func (r *tree) has(name string) bool {
	if !strings.Contains(name, "*") {
		return r.files[name]
	}
	for file := range r.files {
		if ok, err := path.Match(name, file); ok && err == nil {
			return true
		}
	}
	return false
}

// leads says whether a link of a page leads to a file, and to a heading of it.
func (r *tree) leads(page, target string) bool {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return true
	}
	file, anchor, hasAnchor := strings.Cut(target, "#")
	if file == "" {
		file = page
	} else {
		file = path.Join(path.Dir(page), file)
	}
	if file != page && !r.files[file] {
		return false
	}
	if !hasAnchor || !strings.HasSuffix(file, ".md") || file == "docs/x.md" {
		return true
	}
	text, err := os.ReadFile(filepath.Join(root, file))
	return err == nil && slices.Contains(anchorsOf(string(text)), anchor)
}

// anchorsOf are the anchors that GitHub makes of a page's headings.
func anchorsOf(page string) []string {
	var anchors []string
	seen := map[string]int{}
	inFence := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inFence = !inFence
		}
		if inFence || !strings.HasPrefix(line, "#") {
			continue
		}
		anchor := strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
				return unicode.ToLower(c)
			}
			return -1
		}, strings.TrimSpace(strings.TrimLeft(line, "#")))
		seen[anchor]++
		if n := seen[anchor] - 1; n > 0 {
			anchor += "-" + strconv.Itoa(n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// readTree reads the repository's files, apart from what is not its own.
func readTree(t *testing.T) *tree {
	t.Helper()
	r := &tree{
		files: map[string]bool{}, bases: map[string]bool{}, settings: map[string]bool{}, defaults: map[string]string{},
		targets: map[string]bool{}, tests: map[string]bool{}, exported: map[string]map[string]bool{},
	}
	for _, s := range config.Settings() {
		r.settings[s.Name], r.defaults[s.Name] = true, s.Default
	}
	r.metrics = metricName.FindAllString(tableOfMetrics(t), -1)
	for _, found := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		r.targets[found[1]] = true
	}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(root, at)
		if err != nil || relErr != nil {
			return err
		}
		if name == ".git" || name == "bin" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), "__pycache__") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		r.files[name], r.bases[d.Name()] = true, true
		if strings.HasSuffix(name, ".go") {
			return r.readGo(at)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readGo adds what a file declares.
func (r *tree) readGo(at string) error {
	file, err := parser.ParseFile(token.NewFileSet(), at, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg := strings.TrimSuffix(file.Name.Name, "_test")
	if r.exported[pkg] == nil {
		r.exported[pkg] = map[string]bool{}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			r.exported[pkg][n.Name.Name] = true
			if strings.HasSuffix(at, "_test.go") {
				r.tests[n.Name.Name] = true
			}
		case *ast.TypeSpec:
			r.exported[pkg][n.Name.Name] = true
		case *ast.ValueSpec:
			for _, name := range n.Names {
				r.exported[pkg][name.Name] = true
			}
		case *ast.Field:
			for _, name := range n.Names {
				r.exported[pkg][name.Name] = true
			}
		}
		return true
	})
	return nil
}

// commentsOf are the comments of a Go file, one a group.
func commentsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	comments := make([]string, len(parsed.Comments))
	for i, c := range parsed.Comments {
		comments[i] = c.Text()
	}
	return comments
}
