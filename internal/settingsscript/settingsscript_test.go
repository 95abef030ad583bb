package settingsscript_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/settingsscript"
)

// TestProgramIsOneStatement: the parts stand in a raw text of Python 2 and 3.
func TestProgramIsOneStatement(t *testing.T) {
	parts, err := filepath.Glob("*.py")
	if err != nil || len(parts) == 0 {
		t.Fatalf("parts: %q, %v", parts, err)
	}
	program, err := settingsscript.Program(settingsscript.Options{Format: "env", Directory: `/srv/a "b"` + "\n'ä'"})
	if err != nil {
		t.Fatal(err)
	}
	other := settingsscript.Sample(1000, "")
	for _, name := range parts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(program, string(text)) && !strings.Contains(other, string(text)) {
			t.Errorf("%s is not in the program", name)
		}
		if strings.Contains(string(text), "'''") || strings.HasSuffix(string(text), "\\\n") {
			t.Errorf("%s ends the text that it stands in", name)
		}
	}
	if i := strings.IndexFunc(program, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("not ASCII: %q", program[i:min(len(program), i+20)])
	}
	if n := strings.Count(program, "'''"); n != 2 {
		t.Errorf("%d ends of texts", n)
	}
}

// TestProgramsNameEachThingOnce: the parts become one text, in which a second function of a name takes the first one's
// place.
func TestProgramsNameEachThingOnce(t *testing.T) {
	program, err := settingsscript.Program(settingsscript.Options{Format: "env"})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?m)^(?:def|class) (\w+)|^([A-Za-z_]\w*) *=[^=]`)
	for what, text := range map[string]string{"settings": program, "sample": settingsscript.Sample(1000, "")} {
		times := map[string]int{}
		for _, found := range named.FindAllStringSubmatch(text, -1) {
			name := found[1] + found[2]
			if times[name]++; times[name] == 2 {
				t.Errorf("the program of the %s names two things %s", what, name)
			}
		}
		if len(times) < 10 {
			t.Errorf("the program of the %s: %d names were found", what, len(times))
		}
	}
}

func TestProgramHasWhatIsKnown(t *testing.T) {
	program, err := settingsscript.Program(settingsscript.Options{Format: "compose", PlainSecret: true, Uploads: true, Accepted: []string{"shop.Ends", `a"b`}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"FORMAT": "compose"`, `"PLAIN_SECRET": True`, `"REPLACE": False`, `"UPLOADS": True`,
		`"ACCEPTED": ["shop.Ends", "a\"b"]`,
		`"django.contrib.auth.backends.ModelBackend": (2, 1)`, `"oauth2_provider.backends.OAuth2Backend": (4, 0)`,
		`"axes.middleware.AxesMiddleware": 1`, `"impersonate.middleware.ImpersonateMiddleware": 2`,
	} {
		if !strings.Contains(program, want) {
			t.Errorf("no %s", want)
		}
	}
}

// standardLibrary are the modules of Python that the program takes, in Python 2.7 or 3.
var standardLibrary = []string{
	"ConfigParser", "__builtin__", "ast", "base64", "binascii", "builtins", "calendar", "collections", "configparser", "contextlib", "copy", "datetime", "decimal",
	"functools", "gc", "hashlib", "hmac", "importlib", "inspect", "io", "itertools", "json", "logging", "numbers", "os", "pickle", "pkgutil", "random", "re",
	"stat", "subprocess", "sys", "textwrap", "time", "traceback", "types", "urllib", "urlparse", "uuid", "weakref",
}

// TestProgramsImportDjangoAlone, and the standard library: a deployment installs nothing for them.
func TestProgramsImportDjangoAlone(t *testing.T) {
	parts, err := filepath.Glob("*.py")
	if err != nil {
		t.Fatal(err)
	}
	statement := regexp.MustCompile(`(?m)^\s*(?:import|from) +([\w.]+)(.*)$`)
	taken := map[string]bool{}
	for _, name := range parts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range statement.FindAllStringSubmatch(string(text), -1) {
			module, _, _ := strings.Cut(found[1], ".")
			taken[module] = true
			if module != "django" && !slices.Contains(standardLibrary, module) {
				t.Errorf("%s imports %s", name, found[1])
			}
			if strings.HasPrefix(strings.TrimSpace(found[0]), "import") && strings.Contains(found[2], ",") {
				t.Errorf("%s imports several modules at once, and this test looks at the first: %s", name, found[0])
			}
		}
	}
	for _, module := range append(standardLibrary, "django") {
		if !taken[module] {
			t.Errorf("no part imports %s", module)
		}
	}
}
