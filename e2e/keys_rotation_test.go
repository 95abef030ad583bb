//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/sidecar"
)

// keysOfSecrets are the derived keys of SECRET_KEY, and of its fallbacks.
func keysOfSecrets(t *testing.T, secrets ...string) []map[string]string {
	t.Helper()
	c, err := config.ForDemo(secrets[0], "sqlite:///nowhere", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, fallback := range secrets[1:] {
		c.SecretKeyFallbacks = append(c.SecretKeyFallbacks, config.NewSecret(fallback))
	}
	keys, err := sidecar.DerivedKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestRotatedDerivedKeys: a changed list is in force at once, a wrong one never, and an operator sees when the old key
// is needed no more.
func TestRotatedDerivedKeys(t *testing.T) {
	const next = "the secret key that comes next"
	list := func(keys []map[string]string) string {
		text, err := json.Marshal(keys)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	secret := &mountedSecret{dir: t.TempDir()}
	secret.put(t, list(keysOfSecrets(t, rigSecret)))
	// The rig's sessions are made with derived keys as well.
	r := newRig(t, 5*time.Second, map[string]string{"DJANGO_SECRET_KEY": "", "DJANGO_SESSION_KEYS_FILE": secret.path()})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	status := func(key string) int { return r.status(t, client, key) }
	old, renewed := r.live[0], r.signedWith(t, next)
	if a, b := status(old), status(renewed); a != http.StatusOK || b != http.StatusUnauthorized {
		t.Fatalf("at first: %d and %d", a, b)
	}
	fingerprints := func(n int) []string {
		t.Helper()
		found := regexp.MustCompile(`(?m)^django_sidecar_key_info{fingerprint="([0-9a-f]{12})",index="(\d)"} 1$`).FindAllStringSubmatch(metricsOf(t, r.admin), -1)
		texts := make([]string, n)
		if len(found) != n {
			t.Fatalf("the metrics have the keys %q, want %d", found, n)
		}
		for _, f := range found {
			texts[parseCount(t, f[2])] = f[1]
		}
		return texts
	}
	before := fingerprints(1)

	secret.put(t, list(keysOfSecrets(t, next, rigSecret)))
	waitFor(t, 30*time.Second, "using the new keys", func() bool { return status(renewed) == http.StatusOK })
	if got := status(old); got != http.StatusOK {
		t.Errorf("a session of the old key gets %d", got)
	}
	waitFor(t, 30*time.Second, "telling of them", func() bool { return strings.Count(r.log.String(), "fingerprints") == 2 })
	after := fingerprints(2)
	if after[1] != before[0] || after[0] == before[0] {
		t.Errorf("the fingerprints were %q, and are %q", before, after)
	}
	for i, text := range after {
		if name := []string{"(SECRET_KEY)", "(SECRET_KEY_FALLBACKS[0])"}[i]; !strings.Contains(r.log.String(), text+" "+name) {
			t.Errorf("the log does not have the fingerprint %s %s", text, name)
		}
	}
	for _, use := range []string{"signature", "auth_hash"} {
		if n, found := keyCount(t, metricsOf(t, r.admin), use, 1); n != 1 || !found {
			t.Errorf("%s: the old key was needed %d times, want once", use, n)
		}
	}

	lacking := keysOfSecrets(t, next)
	const name = "sha256:django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
	delete(lacking[0], name)
	secret.put(t, list(lacking))
	waitFor(t, 30*time.Second, "refusing", func() bool {
		return strings.Contains(r.log.String(), "item 1, for SECRET_KEY, lacks "+name) && strings.Contains(metricsOf(t, r.admin), "django_sidecar_settings_stale 1")
	})
	if a, b := status(old), status(renewed); a != http.StatusOK || b != http.StatusOK {
		t.Errorf("with a wrong list: %d and %d", a, b)
	}

	secret.put(t, list(keysOfSecrets(t, next)))
	waitFor(t, 30*time.Second, "having the old key go", func() bool { return status(old) == http.StatusUnauthorized })
	if got := status(renewed); got != http.StatusOK {
		t.Errorf("after the rotation: %d", got)
	}
	for _, keys := range append(keysOfSecrets(t, next, rigSecret), lacking...) {
		for _, key := range keys {
			if strings.Contains(r.log.String(), key[:12]) {
				t.Error("the log has a part of a key")
			}
		}
	}
}

// TestPageDerivesTheKeys: what docs/keys.md has for a shell of Django prints what the command prints.
func TestPageDerivesTheKeys(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "docs/keys.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```python\n")
	code, _, found := strings.Cut(code, "```")
	if !found {
		t.Fatal("there is no code for Django's shell")
	}
	for _, version := range []string{"4.0", "4.1", "5.2", "6.1"} {
		t.Setenv("DJANGO_VERSION", version)
		t.Setenv("DJANGO_SECRET_KEY", oracleSecret)
		t.Setenv("DJANGO_SECRET_KEY_FALLBACKS", settingText(t, keyFallbacks))
		t.Setenv("DATABASE_URL", "sqlite:///"+filepath.Join(t.TempDir(), "db.sqlite3"))
		configure := fmt.Sprintf("import json\nfrom django.conf import settings\nsettings.configure(SECRET_KEY=json.loads(%q), SECRET_KEY_FALLBACKS=json.loads(%q))\n",
			jsonText(t, oracleSecret), jsonText(t, keyFallbacks))
		cmd := exec.CommandContext(t.Context(), djangotest.Python(t, version), "-c", configure+code)
		cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("Django %s: %v", version, err)
		}
		var got []map[string]string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		want := derivedKeys(t)
		if version == "4.0" { // which has no fallbacks
			want, got = want[:1], got[:1]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Django %s (-command +page):\n%s", version, diff)
		}
	}
}

func jsonText(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
