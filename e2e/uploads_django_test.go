//go:build live

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"django-sidecar/internal/djangotest"
)

// uploadOracle is testdata/oracle/uploads.py, a Django that takes uploads.
type uploadOracle struct {
	t       *testing.T
	in      io.Writer
	answers *bufio.Scanner
}

// startUploadOracle starts one; it ends with the test.
func startUploadOracle(t *testing.T, version string, settings map[string]any) *uploadOracle {
	t.Helper()
	script := filepath.Join(djangotest.RepositoryPath(), "testdata", "oracle", "uploads.py")
	cmd := exec.Command(djangotest.Python(t, version), "-B", "-W", "ignore", script)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8")
	cmd.Stderr = os.Stderr // tracebacks
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil { // it ends at the end of its input
			t.Errorf("Django %s: %v", version, err)
		}
	})
	o := &uploadOracle{t: t, in: in, answers: bufio.NewScanner(out)}
	o.answers.Buffer(nil, 16<<20)
	var started struct{ Django, Python string }
	o.ask(settings, &started)
	t.Logf("Django %s, Python %s", started.Django, started.Python)
	return o
}

// ask sends one line and reads one.
func (o *uploadOracle) ask(question map[string]any, answer any) {
	o.t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.in.Write(append(line, '\n')); err != nil {
		o.t.Fatalf("asking Django: %v", err)
	}
	if !o.answers.Scan() {
		o.t.Fatalf("Django has ended instead of answering: %v", o.answers.Err())
	}
	if err := json.Unmarshal(o.answers.Bytes(), answer); err != nil {
		o.t.Fatalf("%s: %v", o.answers.Bytes(), err)
	}
}
