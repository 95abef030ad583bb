package djangosite_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:generate go test . -run ^TestAPI$ -update

var update = flag.Bool("update", false, "write testdata/api again")

const module = "django-sidecar/"

// publicPackages are those that another module may import, as paths in this one.
func publicPackages(t *testing.T) (paths []string) {
	t.Helper()
	for _, path := range goList(t, module+"djangosite/...", module+"djangosession/...", module+"signing/...") {
		paths = append(paths, strings.TrimPrefix(path, module))
	}
	return paths
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// TestAPI: what the packages of the library export, with methods and fields, is in testdata/api, so that a change of it
// is seen where it is reviewed. make docs writes it again.
func TestAPI(t *testing.T) {
	var names []string
	for _, path := range publicPackages(t) {
		name := strings.ReplaceAll(path, "/", ".") + ".txt"
		names = append(names, name)
		got, file := exported(t, filepath.Join("..", path)), filepath.Join("testdata", "api", name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		} else if string(want) != got {
			t.Errorf("package %s exports another API than %s has: if it shall, make docs\n%s", path, file, got)
		}
	}
	files, err := os.ReadDir(filepath.Join("testdata", "api"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(names, f.Name()) {
			t.Errorf("testdata/api/%s is of no package", f.Name())
		}
	}
}

// exported are the exported declarations of a package without comments, bodies and the values of variables, sorted.
func exported(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(f)
		for _, d := range f.Decls {
			if text := declaration(t, set, d); text != "" {
				all = append(all, text)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n") + "\n"
}

// declaration is the text of one, "" for imports and for methods of a type that is not exported.
func declaration(t *testing.T, set *token.FileSet, d ast.Decl) string {
	t.Helper()
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Body = nil; d.Recv != nil && !receiver(d.Recv.List[0].Type).IsExported() {
			return ""
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return ""
		}
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR {
				v.Values = nil
			}
			if v, ok := spec.(*ast.TypeSpec); ok && v.Assign.IsValid() {
				t.Errorf("%s is the name of another type, whose fields nobody would see change here", v.Name)
			}
		}
	}
	var text bytes.Buffer
	if err := (&printer.Config{Mode: printer.UseSpaces, Tabwidth: 4}).Fprint(&text, set, d); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func receiver(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e
	}
	return ast.NewIdent("_")
}

// TestZerosAreDocumented: the comment of each exported duration, size and count says what 0 means, or that the field is
// required.
func TestZerosAreDocumented(t *testing.T) {
	counted := 0
	for _, path := range publicPackages(t) {
		files, err := filepath.Glob(filepath.Join("..", path, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					return true
				}
				if fields, ok := spec.Type.(*ast.StructType); ok {
					counted += countNumbers(t, path+"."+spec.Name.Name, fields.Fields.List)
				}
				return true
			})
		}
	}
	if counted < 20 {
		t.Errorf("%d numbers only", counted)
	}
}

// saysZero finds what a comment says of 0.
var saysZero = regexp.MustCompile(`\b0\b|\bzero\b|\brequired\b`)

// countNumbers counts the exported fields that are numbers, and wants a word of each.
func countNumbers(t *testing.T, of string, fields []*ast.Field) (n int) {
	t.Helper()
	for _, field := range fields {
		var kind string
		switch is := field.Type.(type) {
		case *ast.Ident:
			kind = is.Name
		case *ast.SelectorExpr:
			kind = is.Sel.Name
		}
		for _, name := range field.Names {
			if !name.IsExported() || !slices.Contains([]string{"int", "int64", "uint8", "Duration", "Level"}, kind) {
				continue
			}
			n++
			if comment := field.Doc.Text() + field.Comment.Text(); !saysZero.MatchString(comment) {
				t.Errorf("%s.%s: the comment does not say what 0 means: %q", of, name.Name, comment)
			}
		}
	}
	return n
}

// TestConstructorsHaveExamples: each function that returns a pointer to a type of its package, or parses one, is called
// in an Example of the package.
func TestConstructorsHaveExamples(t *testing.T) {
	counted := 0
	for _, path := range publicPackages(t) {
		files, err := filepath.Glob(filepath.Join("..", path, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		constructors, called := map[string]bool{}, map[string]bool{}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				switch d, ok := d.(*ast.FuncDecl); {
				case !ok || d.Recv != nil:
				case strings.HasSuffix(file, "example_test.go"), strings.HasSuffix(file, "_test.go") && strings.HasPrefix(d.Name.Name, "Example"):
					ast.Inspect(d, func(n ast.Node) bool {
						if name, ok := n.(*ast.SelectorExpr); ok {
							called[name.Sel.Name] = true
						}
						return true
					})
				case !strings.HasSuffix(file, "_test.go") && constructs(d):
					constructors[d.Name.Name] = true
				}
			}
		}
		for name := range constructors {
			if !called[name] {
				t.Errorf("no Example of %s calls %s", path, name)
			}
		}
		counted += len(constructors)
	}
	if counted < 20 {
		t.Errorf("%d constructors only", counted)
	}
}

// constructs reports whether a function is a constructor.
func constructs(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() || d.Type.Results == nil {
		return false
	}
	star, ok := d.Type.Results.List[0].Type.(*ast.StarExpr)
	if !ok {
		return strings.HasPrefix(d.Name.Name, "Parse")
	}
	name, own := star.X.(*ast.Ident)
	return own && name.IsExported()
}
