package pages_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

var (
	backtickedName = regexp.MustCompile("`([^`]+)`")
	versioned      = regexp.MustCompile(`([a-z][a-z0-9]*(?:-[a-z0-9]+)+|djangosaml2|wagtail) (\d+(?:\.\d+)+)`)
)

// TestBackendsPage: docs/backends.md lists the known backends with the rules that djangosession has for them.
func TestBackendsPage(t *testing.T) {
	users := map[string]djangosession.UserRule{
		"nobody": djangosession.NoUsers, "users whose `is_active` is true": djangosession.FilteredUsers, "active users": djangosession.ActiveUsers,
		"active users, and those whose `is_active` is NULL": djangosession.ActiveOrNullUsers, "all users": djangosession.AnyUsers,
	}
	listed := map[string]bool{}
	for _, row := range rowsOf(readFile(t, "docs/backends.md"), "| backend | read in | whom it knows | permissions |") {
		rule, known := users[row[2]]
		if !known {
			t.Errorf("docs/backends.md: %q is no rule", row[2])
		}
		want := djangosession.BackendRule{Users: rule, Permissions: row[3] == "yes"}
		for _, path := range pathsIn(row[0]) {
			listed[path] = true
			if got, known := djangosession.KnownBackend(path); !known || got != want {
				t.Errorf("docs/backends.md says of %s: %s, permissions %s; the rule is %+v", path, row[2], row[3], got)
			}
		}
	}
	for path := range keysIn(t, "knownBackends") {
		if !listed[path] {
			t.Errorf("docs/backends.md does not list %s", path)
		}
	}
}

// TestMiddlewarePage: docs/backends.md lists the middleware that is not without effect, and names the effect.
func TestMiddlewarePage(t *testing.T) {
	var listed []string
	effects := map[djangosession.MiddlewareEffect]int{}
	for _, row := range rowsOf(readFile(t, "docs/backends.md"), "| middleware | what it does in Django | here |") {
		path := pathsIn(row[0])[0]
		listed = append(listed, path)
		effects[djangosession.EffectOf(path)]++
	}
	if effects[djangosession.UnknownEffect]+effects[djangosession.NoEffect] > 0 || effects[djangosession.Impersonation] != 3 || effects[djangosession.OwnTimeout] != 4 {
		t.Errorf("the middleware in docs/backends.md has the effects %v", effects)
	}
	for path := range keysIn(t, "knownMiddleware") {
		if djangosession.EffectOf(path) != djangosession.NoEffect && !slices.Contains(listed, path) {
			t.Errorf("docs/backends.md does not list %s", path)
		}
	}
}

// TestVersionsOfPackages: docs/backends.md names the versions in which the rules were read.
func TestVersionsOfPackages(t *testing.T) {
	page := readFile(t, "docs/backends.md")
	found := 0
	for _, file := range parsed(t, "djangosession") {
		for _, group := range file.Comments {
			for _, is := range versioned.FindAllStringSubmatch(group.Text(), -1) {
				was := regexp.MustCompile(`(?m)(?:^|[^\w-])` + regexp.QuoteMeta(is[1]) + ` (\d+(?:\.\d+)+)`).FindStringSubmatch(page)
				if was == nil {
					continue
				}
				if found++; was[1] != is[2] {
					t.Errorf("%s %s was read, and docs/backends.md says %s", is[1], is[2], was[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d versions were compared", found)
	}
}

// pathsIn are the dotted paths of a cell. A name without dots is in the module of the one before, and … stands for any class.
func pathsIn(cell string) []string {
	var paths []string
	module := ""
	for _, found := range backtickedName.FindAllStringSubmatch(cell, -1) {
		path := strings.Replace(found[1], "…", "google.GoogleOAuth2", 1)
		if at := strings.LastIndexByte(path, '.'); at >= 0 {
			module = path[:at+1]
		} else {
			path = module + path
		}
		paths = append(paths, path)
	}
	return paths
}

// keysIn are the keys of a map of djangosession.
func keysIn(t *testing.T, variable string) map[string]bool {
	t.Helper()
	keys, constants := map[string]bool{}, map[string]string{}
	var idents []string
	for _, file := range parsed(t, "djangosession") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					constants[name.Name] = literal(spec.Values[i])
				}
				if name.Name != variable {
					continue
				}
				table, _ := spec.Values[i].(*ast.CompositeLit)
				for _, element := range table.Elts {
					pair, _ := element.(*ast.KeyValueExpr)
					switch key := pair.Key.(type) {
					case *ast.BasicLit:
						keys[literal(key)] = true
					case *ast.Ident:
						idents = append(idents, key.Name)
					}
				}
			}
			return true
		})
	}
	for _, name := range idents {
		keys[constants[name]] = true
	}
	if len(keys) < 10 || keys[""] {
		t.Fatalf("%s: the keys were not found: %v", variable, keys)
	}
	return keys
}
