package pages_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Secrets in a variable: a key, or a URL with a password. What begins with $ or … is no secret itself, and a comment
// runs nowhere.
var (
	keyInVariable = regexp.MustCompile(`\b(DJANGO_)?(SECRET_KEY|SECRET_KEY_FALLBACKS|SESSION_KEYS)(=|: *["'])[^\s"'$…\x60<]`)
	urlInVariable = regexp.MustCompile(`\b[A-Z_]*URL[=:] *["']?[a-z0-9+]+://[^/\s:@]*:[^@\s…]+@`)
)

// TestExamplesKeepSecretsInFiles: what people copy gives each secret by the setting that ends in _FILE. Whoever may
// look at a process sees its environment.
func TestExamplesKeepSecretsInFiles(t *testing.T) {
	looked := 0
	for file := range readTree(t).files {
		ext := filepath.Ext(file)
		example := file == "README.md" || strings.HasPrefix(file, "docs/") && ext == ".md" ||
			strings.HasPrefix(file, "deploy/") && (ext == ".yaml" || ext == ".yml" || ext == ".sh" || ext == ".conf" || ext == ".md")
		// The settings' forms, what has been decided, and programs of others, which have their own ways.
		if !example || file == "docs/settings.md" || file == "docs/library.md" || strings.HasPrefix(file, "docs/decisions/") {
			continue
		}
		looked++
		for line := range strings.Lines(readFile(t, file)) {
			line, _, _ = strings.Cut(line, " # ")
			for _, secret := range []*regexp.Regexp{keyInVariable, urlInVariable} {
				if found := secret.FindString(line); found != "" {
					t.Errorf("%s: %s", file, strings.TrimSpace(line))
				}
			}
		}
	}
	if looked < 30 {
		t.Errorf("only %d files have been looked at", looked)
	}
}
