package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsAsFiles(t *testing.T) {
	for _, prefix := range []string{"", "DJANGO_"} {
		c := mustLoad(t, env{
			prefix + "SECRET_KEY_FILE":           write(t, goodKey+"\n"),
			prefix + "SECRET_KEY_FALLBACKS_FILE": write(t, "old, with a comma\r\n  older\n"),
			prefix + "DATABASE_URL_FILE":         write(t, goodURL+"\r\n"),
			prefix + "CACHE_URL_FILE":            write(t, "redis://cache/1"),
		})
		if c.SecretKey.Reveal() != goodKey || c.DatabaseURL.Reveal() != goodURL || c.CacheURL.Reveal() != "redis://cache/1" {
			t.Errorf("with the prefix %q: another key or URL than the file's", prefix)
		}
		if d := cmp.Diff([]string{"old, with a comma", "older"}, reveal(c.SecretKeyFallbacks)); d != "" {
			t.Errorf("unexpected keys (-want +got):\n%s", d)
		}
	}
}

func TestOneNewlineIsNotPartOfTheKey(t *testing.T) {
	for content, want := range map[string]string{
		goodKey: goodKey, goodKey + "\n": goodKey, goodKey + "\r\n": goodKey,
		goodKey + "\n\n": goodKey + "\n", goodKey + "\r": goodKey + "\r", " " + goodKey: " " + goodKey,
	} {
		c := mustLoad(t, env{"SECRET_KEY_FILE": write(t, content), "DATABASE_URL": goodURL})
		if got := c.SecretKey.Reveal(); got != want {
			t.Errorf("%q: got %q", content, got)
		}
	}
}

func TestFallbackFiles(t *testing.T) {
	for content, want := range map[string][]string{
		"[]":                  nil,
		`["old,\nolder","b"]`: {"old,\nolder", "b"},
		"[\n \"old\"\n]\n":    {"old"},
	} {
		c := mustLoad(t, with(env{"SECRET_KEY_FALLBACKS_FILE": write(t, content)}))
		if d := cmp.Diff(want, reveal(c.SecretKeyFallbacks)); d != "" {
			t.Errorf("%q: unexpected keys (-want +got):\n%s", content, d)
		}
	}
	for content, problem := range map[string]string{
		"old\n\nolder": "empty item at place 2",
		`["old"`:       "not a JSON array",
		"":             "which is empty",
		"caf\xe9":      "is not UTF-8",
	} {
		wantFault(t, with(env{"SECRET_KEY_FALLBACKS_FILE": write(t, content)}), "SECRET_KEY_FALLBACKS_FILE", problem,
			"DJANGO_SECRET_KEY_FALLBACKS_FILE=/run/secrets/")
	}
}

func TestFileFaults(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	large, full := write(t, strings.Repeat("x", 64<<10+1)), write(t, strings.Repeat("x", 64<<10))
	newline, folder := write(t, "\n"), t.TempDir()
	for path, problem := range map[string]string{
		missing:     "cannot be read: no such file or directory",
		folder:      "cannot be read: not a regular file",
		"/dev/null": "cannot be read: not a regular file",
		large:       "cannot be read: larger than 64 KiB",
		newline:     "which is empty",
	} {
		for _, name := range []string{"SECRET_KEY_FILE", "DATABASE_URL_FILE", "CACHE_URL_FILE"} {
			e := with(env{name: path})
			switch name {
			case "SECRET_KEY_FILE":
				delete(e, "DJANGO_SECRET_KEY")
			case "DATABASE_URL_FILE":
				delete(e, "DATABASE_URL")
			}
			wantFault(t, e, name, problem, "_FILE=/run/secrets/")
			wantFault(t, e, name, path, "_FILE=/run/secrets/")
		}
	}
	c := mustLoad(t, env{"SECRET_KEY_FILE": full, "DATABASE_URL": goodURL})
	if len(c.SecretKey.Reveal()) != 64<<10 {
		t.Errorf("of 64 KiB, got %d bytes", len(c.SecretKey.Reveal()))
	}
}

func TestValueAndFile(t *testing.T) {
	path := write(t, goodURL)
	wantFault(t, with(env{"DJANGO_SECRET_KEY_FILE": path}), "DJANGO_SECRET_KEY", "and so is DJANGO_SECRET_KEY_FILE", "=/run/secrets/")
	wantFault(t, with(env{"SECRET_KEY_FILE": path}), "DJANGO_SECRET_KEY", "and so is SECRET_KEY_FILE", "=/run/secrets/")
	wantFault(t, with(env{"DATABASE_URL_FILE": path}), "DATABASE_URL", "and so is DATABASE_URL_FILE", "=postgres://")
	wantFault(t, with(env{"CACHE_URL": "redis://x", "CACHE_URL_FILE": path}), "CACHE_URL", "and so is CACHE_URL_FILE", "=redis://")
	wantFault(t, with(env{"SECRET_KEY_FALLBACKS": "x", "SECRET_KEY_FALLBACKS_FILE": path}), "SECRET_KEY_FALLBACKS",
		"and so is SECRET_KEY_FALLBACKS_FILE", "=[")
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	overwrite(t, "key", goodKey)
	if c := mustLoad(t, env{"SECRET_KEY_FILE": "./key", "DATABASE_URL": goodURL}); c.SecretKey.Reveal() != goodKey {
		t.Error("another key than the file's")
	}
	// What does not look like a path may be the secret itself: see TestNothingSecretInFaults.
	wantFault(t, env{"SECRET_KEY_FILE": "key", "DATABASE_URL": goodURL}, "SECRET_KEY_FILE", "must begin with / or ./", "=/run/secrets/")
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		// root reads everything; a loop of links is the other file that is there and cannot be opened
		loop := filepath.Join(t.TempDir(), "loop")
		if err := os.Symlink(loop, loop); err != nil {
			t.Fatal(err)
		}
		wantFault(t, env{"SECRET_KEY_FILE": loop, "DATABASE_URL": goodURL}, "SECRET_KEY_FILE", "too many levels", "=/run/secrets/")
		return
	}
	path := write(t, goodKey)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	wantFault(t, env{"SECRET_KEY_FILE": path, "DATABASE_URL": goodURL}, "SECRET_KEY_FILE", "permission denied", "=/run/secrets/")
}
