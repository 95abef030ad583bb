package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"django-sidecar/internal/config"
)

var writePage = flag.Bool("write", false, "write docs/settings.md")

const (
	settingsPage = "../../docs/settings.md"
	pageIntro    = `# Settings

For whoever deploys the sidecar: every setting, with its default. The first group and ` + "`DATABASE_URL`" + ` are all that a plain Django needs.

<!-- Made of internal/config/settings_django.go and settings_own.go by "make docs": write there, not here. -->

The sidecar reads its settings from the environment, at its start. [settings-script](settings-script.md) has Django write them. ` + "`django-sidecar check`" + ` lists every fault, and what to do.

- **Names.** Django's own settings keep their names. Each is read from ` + "`DJANGO_<NAME>`" + `, or from plain ` + "`<NAME>`" + ` if your deployment has that already.
  Names marked † need their ` + "`DJANGO_`" + `: they open a door or write, or the plain name is too common. Our own settings begin with ` + "`SIDECAR_`" + `.
- **Misspelt names.** A ` + "`SIDECAR_`" + ` name that does not exist is an error. A ` + "`DJANGO_`" + ` name that is close to a setting's draws a warning.
- **Files.** A setting marked * can be given as a file: ` + "`DJANGO_SECRET_KEY_FILE=/run/secrets/key`" + `. The sidecar reads the file again when it changes.
- **Empty.** An empty value counts as not set.

| form | is written as |
|---|---|
`
)

// formsOfSettings are the kinds of values, with what a fault says of a value that is not of this kind. The zero string: any text will do.
var formsOfSettings = []struct{ name, written, fault string }{
	{"", "any text", ""},
	{"flag", "`true` or `false`; `1`, `yes`, `on` and `0`, `no`, `off` are the same", "true or false"},
	{"word", "one of the words that the meaning lists", " or "},
	{"number", "a whole number", "a whole number"},
	{"number or None", "a whole number, or Python's `None`", "a whole number"},
	{"seconds", "a whole number of seconds", "a whole number of seconds"},
	{"duration", "a number with its unit: `500ms`, `2s`, `5m`, `24h`", "a duration"},
	{"duration or 0", "the same, or `0`", "0, or a duration"},
	{"size", "bytes, plain or with a unit: `1048576`, `512KiB`, `1MiB`, `1GiB`", "a size above 0"},
	{"size or 0", "the same, or `0`", "a size above 0"},
	{"share", "a number from `0` to `1`: `0.01` is one in a hundred", "a number from 0 to 1"},
	{"octal", "an octal number, `0o644`, or Python's `None`", "an octal number"},
	{"list", "a JSON array, `[\"a\", \"b\"]`, or items between commas, `a,b`", ""},
	{"JSON object", "`{\"name\": \"value\"}`", "a JSON object"},
	{"path", "a path; MEDIA_ROOT and SIDECAR_UPLOAD_STATE_DIR are absolute", ""},
	{"URL", "as the meaning says", ""},
	{"address", "`host:port`, or `unix:` and an absolute path", "host:port"},
	{"name", "the name of a table, column or class", ""},
	{"dotted path", "the name of a Python class or module, with its package", ""},
	{"app_label.ModelName", "as in Django's settings", "app_label.ModelName"},
	{"SQL condition", "one expression in the database's own SQL: see [user models](user-models.md#conditions)", ""},
	{"strftime", "a text with `%Y`, `%m`, `%d` and so on", ""},
	{"time zone", "an IANA name, `Europe/Berlin`", "IANA name"},
	{"version", "`5.2`, or `5.2.19`", "a release of Django"},
}

// TestSettingsPage holds docs/settings.md against the rows of the settings.
func TestSettingsPage(t *testing.T) {
	page := pageIntro
	for _, f := range formsOfSettings[1:] {
		page += fmt.Sprintf("| %s | %s |\n", f.name, f.written)
	}
	rows := 0
	for _, g := range groupsOfSettings(t) {
		page += "\n## " + g.title + "\n"
		if g.intro != "" {
			page += "\n" + g.intro + "\n"
		}
		page += "\n| name | form | default | meaning |\n|---|---|---|---|\n" + strings.Join(g.rows, "")
		rows += len(g.rows)
	}
	files := slices.DeleteFunc(config.Settings(), func(s config.Setting) bool { return !strings.HasSuffix(s.Name, "_FILE") })
	if want := len(config.Settings()) - len(files); rows != want {
		t.Fatalf("the page has %d settings, and there are %d: is there a file of rows that this test does not read?", rows, want)
	}
	if *writePage {
		if err := os.WriteFile(settingsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stands, err := os.ReadFile(settingsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(stands) != page {
		t.Error("docs/settings.md is not what the settings make of it: run make docs")
	}
}

// groupOfSettings is a heading of the page with what stands below it.
type groupOfSettings struct {
	title, intro string
	rows         []string
}

// groupsOfSettings reads the two structs: comments that begin with # are headings, and the others belong to the field below them.
func groupsOfSettings(t *testing.T) []*groupOfSettings {
	t.Helper()
	var groups []*groupOfSettings
	described := map[string]config.Setting{}
	for _, s := range config.Settings() {
		described[s.Name] = s
	}
	for _, name := range []string{"settings_django.go", "settings_own.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		headings := slices.DeleteFunc(file.Comments, func(c *ast.CommentGroup) bool { return !strings.HasPrefix(c.Text(), "# ") })
		var group *groupOfSettings
		for _, field := range fieldsOfStruct(t, file) {
			for len(headings) > 0 && headings[0].Pos() < field.Pos() {
				group = groupNamed(&groups, group, headings[0].Text())
				headings = headings[1:]
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil || group == nil {
				t.Fatalf("%s has a row without a group: %s", name, field.Names[0].Name)
			}
			if row := rowOfSetting(t, described, reflect.StructTag(tag), field.Doc.Text(), name == "settings_own.go"); row != "" {
				group.rows = append(group.rows, row)
			}
		}
	}
	return groups
}

func fieldsOfStruct(t *testing.T, file *ast.File) []*ast.Field {
	t.Helper()
	for _, d := range file.Decls {
		if decl, ok := d.(*ast.GenDecl); ok && decl.Tok == token.TYPE {
			if spec, ok := decl.Specs[0].(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					return s.Fields.List
				}
			}
		}
	}
	t.Fatal("there is no struct")
	return nil
}

// groupNamed is the group of a heading, which both structs may have: a new one comes after the group before it. What follows
// the heading introduces the group.
func groupNamed(groups *[]*groupOfSettings, before *groupOfSettings, comment string) *groupOfSettings {
	title, intro, _ := strings.Cut(strings.TrimPrefix(comment, "# "), "\n")
	for _, g := range *groups {
		if g.title == title {
			return g
		}
	}
	g := &groupOfSettings{title: title, intro: strings.Join(strings.Fields(intro), " ")}
	*groups = slices.Insert(*groups, slices.Index(*groups, before)+1, g)
	return g
}

// rowOfSetting is a line of a table, "" for a setting that is another's file.
func rowOfSetting(t *testing.T, described map[string]config.Setting, tag reflect.StructTag, meaning string, own bool) string {
	t.Helper()
	name := tag.Get("envconfig")
	if !own {
		name = "DJANGO_" + name
	}
	if known := tag.Get("known"); known != "" {
		name = known
	}
	s, ok := described[name]
	if !ok {
		t.Fatalf("%s is in a struct, and not in config.Settings", name)
	}
	meaning = strings.Join(strings.Fields(meaning), " ")
	if meaning == "" {
		t.Errorf("%s has no meaning: write a comment above its row", name)
	}
	if strings.HasSuffix(name, "_FILE") {
		return ""
	}
	shown := "`" + name + "`"
	if _, file := described[name+"_FILE"]; file {
		shown += " *"
	}
	if own && strings.HasPrefix(name, "DJANGO_") {
		shown += " †"
	}
	standard := ""
	if s.Default != "" {
		standard = "`" + s.Default + "`"
	}
	if s.Example != "" {
		meaning += " Example: `" + s.Example + "`"
	}
	form := s.Form
	if form == "" {
		form = "text"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", shown, form, standard, strings.ReplaceAll(meaning, "|", `\|`))
}

// TestFormsOfSettings: each setting refuses a value that is not of its form, in the words of this form.
func TestFormsOfSettings(t *testing.T) {
	spaces := regexp.MustCompile(`\s+`)
	for _, s := range config.Settings() {
		i := slices.IndexFunc(formsOfSettings, func(f struct{ name, written, fault string }) bool { return f.name == s.Form })
		if i < 0 {
			t.Errorf("%s has the form %q, which the page does not explain", s.Name, s.Form)
			continue
		}
		want := formsOfSettings[i].fault
		if want == "" {
			continue
		}
		e := with(env{"DJANGO_MEDIA_ROOT": "/srv/media", "SIDECAR_TRACES": "otlp", s.Name: "? no such value"})
		refused := slices.ContainsFunc(faultsOf(t, e), func(f config.Fault) bool {
			return f.Name == s.Name && strings.Contains(spaces.ReplaceAllString(f.Problem, " "), want)
		})
		if !refused {
			t.Errorf("%s=%q is no %s, and no fault says so", s.Name, e[s.Name], s.Form)
		}
	}
}
