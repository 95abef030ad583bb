package djangotest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// AskScript runs a script under a Django, puts questions to it as lines of JSON, and decodes the lines that it
// answers, one for each, into the slice that answers points to.
func AskScript[T any](tb testing.TB, version, script string, questions []T, answers any) {
	tb.Helper()
	var stdin bytes.Buffer
	encoder := json.NewEncoder(&stdin)
	for _, q := range questions {
		if err := encoder.Encode(q); err != nil {
			tb.Fatal(err)
		}
	}
	cmd := exec.CommandContext(tb.Context(), Python(tb, version), "-B", script)
	cmd.Stdin = &stdin
	var stderr strings.Builder // deprecations, and tracebacks
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("Django %s: %v\n%.2000s", version, err, stderr.String())
	}
	lines := bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
	if len(lines) != len(questions) {
		tb.Fatalf("Django %s: %d answers to %d questions", version, len(lines), len(questions))
	}
	all := append([]byte("["), bytes.Join(lines, []byte(","))...)
	if err := json.Unmarshal(append(all, ']'), answers); err != nil {
		tb.Fatalf("Django %s: %v\n%.500s", version, err, all)
	}
}
