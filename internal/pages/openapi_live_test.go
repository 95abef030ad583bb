//go:build live

package pages_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOpenAPIOfServer validates docs/openapi.yaml, and has schemathesis compare it with a demo that runs: each operation, with a session in several states, and with a database
// that is broken. SCHEMATHESIS=50 asks for more examples of each operation than the usual ones, SCHEMATHESIS_SEED=2 for others.
func TestOpenAPIOfServer(t *testing.T) {
	d := startDemo(t)
	run(t, "openapi-spec-validator", absolute(t, openAPI))
	public := []string{"--exclude-path-regex", "^/(livez|readyz|version|metrics|touch|logout|login)$"}
	writing := []string{"--include-path-regex", "^/(touch|logout|login)$"} // they end the session that they are asked with
	admin := []string{"--include-path-regex", "^/(livez|readyz|version|metrics)$"}
	short := []string{"--phases", "coverage", "--include-method", "GET", "--include-method", "POST"}
	t.Run("states", func(t *testing.T) {
		for _, state := range []struct {
			name, cookie string
			args         []string
		}{
			{"a user", d.cookies["a user"], public},
			{"staff", d.cookies["staff"], slices.Concat(short, public)},
			{"an ended session", d.cookies["ended"], slices.Concat(short, public)},
			{"no session", "", slices.Concat(short, public)},
		} {
			t.Run(state.name, func(t *testing.T) {
				t.Parallel()
				schemathesis(t, d.public, state.cookie, state.args)
			})
		}
		t.Run("writing", func(t *testing.T) {
			t.Parallel()
			schemathesis(t, d.public, d.login(t)+"; "+csrfCookie, writing)
		})
		t.Run("admin", func(t *testing.T) {
			t.Parallel()
			schemathesis(t, d.admin, "", admin)
		})
	})
	if err := os.WriteFile(d.database, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := []string{"--exclude-checks", "not_a_server_error,unsupported_method"} // /tus/ asks whose request it is before anything else
	schemathesis(t, d.public, d.cookies["a user"], slices.Concat(broken, short, public))
	schemathesis(t, d.public, d.cookies["a user"]+"; "+csrfCookie, slices.Concat(broken, short[:2], writing)) // what is included adds up
	schemathesis(t, d.admin, "", slices.Concat(broken, admin))
	d.stop()
	if log := d.log.String(); strings.Contains(log, `"stack"`) || !strings.Contains(log, `"path":"/upload"`) {
		t.Errorf("the log has a fault of the sidecar, or not the requests:\n%.4000s", log[max(0, strings.Index(log, `"stack"`)-1000):])
	}
}

// schemathesis asks every operation of the description at this address, in ways that it allows and in others, and looks at statuses, headers and bodies.
func schemathesis(t *testing.T, address, cookie string, args []string) {
	t.Helper()
	examples, seed := os.Getenv("SCHEMATHESIS"), os.Getenv("SCHEMATHESIS_SEED")
	if examples == "" {
		examples = "3"
	}
	if seed == "" {
		seed = "1"
	}
	if cookie != "" {
		args = append(args, "-H", "Cookie: "+cookie)
	}
	run(t, "schemathesis", append([]string{
		"--config-file", absolute(t, "internal/pages/testdata/schemathesis/schemathesis.toml"), "run", absolute(t, openAPI), "--url", "http://" + address,
		"--seed", seed, "--max-examples", examples, "--continue-on-failure", "--no-color", "--generation-deterministic",
	}, args...)...)
}

// run runs a program of the environment that tools/setup.sh has made, and fails where that does.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(cache, "django-sidecar", "venv", "schemathesis", "bin", program), args...)
	cmd.Dir = t.TempDir() // where it keeps what it has found
	cmd.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS="+absolute(t, "internal/pages/testdata/schemathesis/hooks.py"), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	t.Logf("%s", out[max(0, len(out)-600):])
}

// absolute is the path of a file of the repository, from anywhere.
func absolute(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
