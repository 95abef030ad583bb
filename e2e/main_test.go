//go:build live

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/internal/djangotest"
)

var roles = djangotest.Roles{}

// The exit codes of commands.
const exitYes, exitNo = 0, 1

func TestMain(m *testing.M) {
	roles.Play()
	djangotest.LookUpByNameServer()
	// A busy machine is no outage: tests of those set less.
	if err := os.Setenv("SIDECAR_STORE_TIMEOUT", "10s"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(suite{djangotest.Suite{M: m}})
}

// suite runs the tests with the servers that they share, and removes what they share besides.
type suite struct{ tests djangotest.Suite }

// Run implements goleak.TestingM.
func (s suite) Run() int {
	code := s.tests.Run()
	if program.path != "" {
		if err := os.RemoveAll(filepath.Dir(program.path)); err != nil {
			panic(err)
		}
	}
	return code
}

// program is the sidecar as it is shipped, once it has been built.
var program struct {
	sync.Mutex
	path string
}

// temporaryFolder is where temporary files go, whatever a test makes of TMPDIR.
var temporaryFolder = os.TempDir()

// sidecarProgram builds the sidecar as it is shipped: without the race detector, whose memory is not to be measured.
func sidecarProgram(t *testing.T) string {
	t.Helper()
	program.Lock()
	defer program.Unlock()
	if program.path != "" {
		return program.path
	}
	dir, err := os.MkdirTemp(temporaryFolder, "django-sidecar-program-") //nolint:usetesting // it outlives the test
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "django-sidecar")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "django-sidecar/cmd/django-sidecar")
	cmd.Dir = djangotest.RepositoryPath()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the sidecar: %v\n%s", err, out)
	}
	program.path = path
	return path
}

// command runs a command of the program with the settings of the environment, and returns its exit code and what it prints.
func command(t *testing.T, stdin string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), sidecarProgram(t), args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}
