//go:build live

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"django-sidecar/internal/djangotest"
)

// uploadOracle is testdata/oracle/uploads.py, a Django that takes uploads.
type uploadOracle struct {
	t    *testing.T
	talk *djangotest.Conversation
}

// startUploadOracle starts one; it ends with the test.
func startUploadOracle(t *testing.T, version string, settings map[string]any) *uploadOracle {
	t.Helper()
	script := filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "uploads.py")
	cmd := exec.Command(djangotest.Python(t, version), "-B", "-W", "ignore", script)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8")
	o := &uploadOracle{t: t, talk: djangotest.Converse(t, "Django "+version, cmd)}
	var started struct{ Django, Python string }
	o.ask(settings, &started)
	t.Logf("Django %s, Python %s", started.Django, started.Python)
	return o
}

// ask sends one line and reads one.
func (o *uploadOracle) ask(question map[string]any, answer any) {
	o.t.Helper()
	o.talk.Ask(o.t, question, answer)
}
