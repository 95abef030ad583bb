// Package settingsscript prints the Python program that reads django-sidecar's settings from a running Django.
package settingsscript

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"django-sidecar/djangosession"
)

//go:embed *.py
var files embed.FS

// parts are the files of the program, in their order. Each uses names of those before it.
var parts = []string{
	"report.py", "outside.py", "stores.py", "sessions.py", "users.py", "conditions.py", "flags.py", "hashes.py",
	"made.py", "prove.py", "backends.py", "names.py", "effects.py", "handing.py", "body.py", "follow.py", "judge.py",
	"calls.py", "servers.py", "road.py", "requests.py", "site.py", "output.py", "settings.py",
}

// Formats are the forms in which the program writes what it finds.
func Formats() []string {
	return []string{"env", "dotenv", "secret", "configmap", "compose", "systemd"}
}

// Options say what the program does.
type Options struct {
	Format      string // one of Formats
	Directory   string // where it writes; "": where it runs
	PlainSecret bool   // SECRET_KEY itself, and no keys that are derived from it
	Replace     bool   // files that are there are replaced
	Uploads     bool   // MEDIA_ROOT is set, which turns uploads on
	// Accepted is code for which the operator answers: middleware, backends, is_active and others that the program names.
	Accepted []string
}

// quiet keeps a shell that reads the program a line at a time from answering each line with a prompt.
const quiet = `exec("import sys\nif hasattr(sys, 'ps2') and not sys.stdin.isatty(): sys.ps1 = sys.ps2 = ''", {})` + "\n"

// Program returns the program. It is one statement, so that each shell of Python runs it, whether it reads a whole
// file or a line at a time, and it defines nothing in the shell.
func Program(o Options) (string, error) {
	var p strings.Builder
	p.WriteString(quiet)
	p.WriteString("exec(r'''\n")
	for _, name := range parts {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("part of the program: %w", err)
		}
		p.Write(text)
		p.WriteString("\n\n")
	}
	p.WriteString("main()\n''', {")
	for _, v := range []struct{ name, value string }{
		{"__name__", quote("django-sidecar settings-script")},
		{"FORMAT", quote(o.Format)},
		{"DIRECTORY", quote(o.Directory)},
		{"PLAIN_SECRET", truth(o.PlainSecret)},
		{"REPLACE", truth(o.Replace)},
		{"UPLOADS", truth(o.Uploads)},
		{"ACCEPTED", list(o.Accepted)},
		{"KNOWN_BACKENDS", knownBackends()},
		{"KNOWN_MIDDLEWARE", knownMiddleware()},
	} {
		fmt.Fprintf(&p, "%s: %s, ", quote(v.name), v.value)
	}
	p.WriteString("})\n")
	return p.String(), nil
}

// quote writes a text as Python does, in ASCII.
func quote(text string) string { return strconv.QuoteToASCII(text) }

// list writes texts as a list of Python.
func list(texts []string) string {
	var quoted []string
	for _, text := range texts {
		quoted = append(quoted, quote(text))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func truth(v bool) string {
	if v {
		return "True"
	}
	return "False"
}

// knownBackends are the rules that need no setting: pairs of djangosession.UserRule and 1 for permissions.
func knownBackends() string {
	known := djangosession.KnownBackends()
	var items []string
	for _, path := range slices.Sorted(maps.Keys(known)) {
		permissions := 0
		if known[path].Permissions {
			permissions = 1
		}
		items = append(items, fmt.Sprintf("%s: (%d, %d)", quote(path), known[path].Users, permissions))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// knownMiddleware are the numbers of djangosession.MiddlewareEffect.
func knownMiddleware() string {
	known := djangosession.KnownMiddleware()
	var items []string
	for _, path := range slices.Sorted(maps.Keys(known)) {
		items = append(items, fmt.Sprintf("%s: %d", quote(path), known[path]))
	}
	return "{" + strings.Join(items, ", ") + "}"
}
