//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/sidecar"
)

// keyVersions are Djangos that derive keys in different ways.
var keyVersions = []string{"1.11", "3.1", "3.2", "4.1", "5.2", "6.1"}

// keyFallbacks are SECRET_KEY_FALLBACKS.
var keyFallbacks = []string{"an older key, with a comma", "the oldest key"}

// derivedKeys are DJANGO_SESSION_KEYS for the settings of the environment.
func derivedKeys(t *testing.T) []map[string]string {
	t.Helper()
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sidecar.DerivedKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// digitsOf are the keys, each once.
func digitsOf(keys []map[string]string) (digits []string) {
	for _, item := range keys {
		for _, key := range item {
			digits = append(digits, key)
		}
	}
	slices.Sort(digits)
	return slices.Compact(digits)
}

// takeDerivedKeys puts a file of keys in the place of the secrets in the environment.
func takeDerivedKeys(t *testing.T, keys []map[string]string) (path string) {
	t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "session-keys")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DJANGO_SECRET_KEY", "")
	t.Setenv("DJANGO_SECRET_KEY_FALLBACKS", "")
	t.Setenv("DJANGO_SESSION_KEYS_FILE", path)
	return path
}

// TestDerivedKeysGiveDjangosVerdicts: with derived keys in place of SECRET_KEY and its fallbacks, the verdicts are
// those of Django, as TestOracle has them with the secrets; and the metrics tell which keys are in use.
func TestDerivedKeysGiveDjangosVerdicts(t *testing.T) {
	seed, fallbacks := djangotest.Seed(t), 0
	for i, version := range keyVersions {
		engines := []string{"db", "signed_cookies"}
		if version == "3.2" || version == "6.1" {
			engines = append(engines, "cached_db", "cache", "file")
		}
		for _, engine := range engines {
			p := profile{django: version, engine: engine, sqlite: true, settings: map[string]any{"SECRET_KEY_FALLBACKS": keyFallbacks}}
			if strings.HasPrefix(engine, "cache") {
				p.cache = "file"
			}
			t.Run("Django "+version+" "+engine, func(t *testing.T) { fallbacks += p.compareKeys(t, seed+uint64(i)) })
		}
	}
	if fallbacks == 0 {
		t.Error("no session has needed a fallback key")
	}
}

// compareKeys returns how often a fallback key was needed, which is seldom.
func (p profile) compareKeys(t *testing.T, seed uint64) (fallbacks int) {
	t.Helper()
	django := p.deploy(t)
	django.Users(10, seed)
	cookies := django.Sessions(300, seed)
	want := django.Ask(cookies)
	takeDerivedKeys(t, derivedKeys(t))
	at := listenersForTest(t)
	derived := connectTo(t, at.Public.Addr())
	users := 0
	for i, c := range cookies {
		user, _ := derived.ask(t, c.Raw)
		if text(user) != text(want[i].User) {
			t.Errorf("%s: with derived keys %s, Django says %s", c.Note, text(user), text(want[i].User))
		}
		if user != nil {
			users++
		}
	}
	if users < len(cookies)/10 || users > len(cookies)*9/10 {
		t.Errorf("%d of %d lead to a user: too few of one kind", users, len(cookies))
	}
	metrics := metricsAt(t, at)
	for use, is := range map[string]bool{"signature": p.engine != "cache", "auth_hash": true} {
		for index := range 3 {
			n, found := keyCount(t, metrics, use, index)
			if is != found || is && index == 0 && n == 0 || index > 0 && p.django < "4.1" && n > 0 {
				t.Errorf("%s with key %d: %d times, %v", use, index, n, found)
			}
			fallbacks += n * min(index, 1)
		}
	}
	t.Logf("%d verdicts, %d users, fallback keys needed %d times", len(cookies), users, fallbacks)
	return fallbacks
}

// keyCount is the metric of the key with an index.
func keyCount(t *testing.T, metrics, use string, index int) (n int, found bool) {
	t.Helper()
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^django_sidecar_verified_with_key_total{index="%d",use="%s"} (\d+)$`, index, use)).FindStringSubmatch(metrics)
	if line == nil {
		return 0, false
	}
	return int(parseCount(t, line[1])), true
}

// TestDerivedKeysMakeNothingElse: the derived keys are those that each Django itself takes for sessions, no more and no
// fewer; and Django accepts nothing else that is made with one of them.
func TestDerivedKeysMakeNothingElse(t *testing.T) {
	for _, version := range keyVersions {
		for _, engine := range []string{"db", "signed_cookies"} {
			t.Run("Django "+version+" "+engine, func(t *testing.T) {
				t.Setenv("DJANGO_VERSION", version)
				t.Setenv("DJANGO_SESSION_ENGINE", engine)
				t.Setenv("DJANGO_SECRET_KEY", oracleSecret)
				t.Setenv("DJANGO_SECRET_KEY_FALLBACKS", settingText(t, keyFallbacks))
				t.Setenv("DATABASE_URL", "sqlite:///"+filepath.Join(t.TempDir(), "db.sqlite3"))
				t.Setenv("DJANGO_MEDIA_ROOT", t.TempDir())
				t.Setenv("SIDECAR_UPLOAD_WEBHOOK", "http://127.0.0.1:1/")
				keys := digitsOf(derivedKeys(t))
				var answers []struct {
					Django     string
					Used, CSRF []string
					Forged     []string
					Others     map[string][]string
					Control    map[string]bool
				}
				djangotest.AskScript(t, version, filepath.Join(djangotest.RepositoryPath(), "testdata/oracle/keys.py"), []map[string]any{{
					"secret": oracleSecret, "fallbacks": keyFallbacks, "engine": engine, "settings": nil, "keys": keys,
				}}, &answers)
				a := answers[0]
				if !strings.HasPrefix(a.Django, version) || !slices.Equal(a.Used, keys) {
					t.Errorf("Django %s takes the keys %q, the derived ones are %q", a.Django, a.Used, keys)
				}
				if len(a.Forged) > 0 || len(a.CSRF) > 0 {
					t.Errorf("Django accepts %q, made with derived keys; keys of a CSRF token: %q", a.Forged, a.CSRF)
				}
				if len(a.Control) != 6 {
					t.Errorf("only %v were made", a.Control)
				}
				for name, accepted := range a.Control {
					if !accepted || len(a.Others[name]) < 1+len(keyFallbacks) {
						t.Errorf("%s: accepted with SECRET_KEY: %v; its keys: %q", name, accepted, a.Others[name])
					}
					for _, key := range a.Others[name] {
						if slices.Contains(keys, key) {
							t.Errorf("a derived key is one of %s", name)
						}
					}
				}
			})
		}
	}
}
